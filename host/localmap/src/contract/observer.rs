//! Observers of maps and of their operations.

use crate::contract::change::Change;
use crate::contract::entry::{Entry, Page};
use crate::contract::error::{Error, TerminationCause};

/// Observes a map, for metrics and traces. Set it for a [map](crate::MapOptions::observer), to see
/// every operation of the host and of linked apps, or for an
/// [app](crate::LinkedMap::with_observer), to see the operations of that app.
///
/// It runs on the thread that calls the map, which waits for it. The map is locked, so the observer
/// must not use it; the observer of an app runs before and after the map is locked.
///
/// ```
/// use localmap::{CallOutcome, ObservedCall, Observer};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct Misses(AtomicU64);
///
/// impl Observer for Misses {
///     fn end(&self, _: u64, call: &ObservedCall<'_>) {
///         if call.outcome == CallOutcome::Miss {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// Observes the beginning of an operation. Returns a number for [`end`](Self::end), such as the
    /// time, or `None` if the operation is of no interest. Default: 0.
    ///
    /// `key` is the key, or the prefix of a [`Scan`](Operation::Scan); it is empty for operations on
    /// several keys or on none.
    fn begin(&self, operation: Operation, key: &[u8]) -> Option<u64> {
        let _ = (operation, key);
        Some(0)
    }

    /// Observes an operation that has ended. `began` is what [`begin`](Self::begin) has returned.
    fn end(&self, began: u64, call: &ObservedCall<'_>);

    /// Returns `true` if [`ObservedCall::evicted`] is to be counted, for which each write asks the map
    /// for its statistics before and after. Default: `false`.
    fn counts_evictions(&self) -> bool {
        false
    }

    /// Observes that the map was created. The observer of an app is not told. Default: does nothing.
    fn created(&self) {}

    /// Observes the end of the map; [`TerminationCause::Dropped`] if its owner has dropped it. The
    /// observer of an app is not told. Default: does nothing.
    fn ended(&self, cause: &TerminationCause) {
        let _ = cause;
    }
}

/// An operation that has ended, for an [`Observer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedCall<'a> {
    /// The operation.
    pub operation: Operation,
    /// The key, or the prefix of a [`Scan`](Operation::Scan); empty for operations on several keys or
    /// on none.
    pub key: &'a [u8],
    /// The length of the key in bytes; of several keys, the sum. A key that is too long counts with
    /// its full length.
    pub key_len: usize,
    /// The length of the value in bytes that was read or that was to be written; of several values,
    /// the sum. 0 if there is none.
    pub value_len: usize,
    /// The outcome.
    pub outcome: CallOutcome,
    /// Entries that a write has evicted, if the observer [counts](Observer::counts_evictions) them.
    pub evicted: u64,
    /// The number of the caller, such as that of a request: see
    /// [`LocalMap::set_caller`](crate::LocalMap::set_caller). Default: 0.
    pub caller: u64,
}

/// An operation, which is a function of the contract. `get` and `set` of both interfaces are the same
/// operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `get`
    Get,
    /// `get-entry`
    GetEntry,
    /// `get-many`
    GetMany,
    /// `contains`
    Contains,
    /// `set`
    Set,
    /// `set-if`
    SetIf,
    /// `increment`
    Increment,
    /// `touch`
    Touch,
    /// `take`
    Take,
    /// `delete`
    Delete,
    /// `delete-if`
    DeleteIf,
    /// `apply`
    Apply,
    /// `pin`
    Pin,
    /// `value` of a pin
    PinnedValue,
    /// The drop of a pin
    Unpin,
    /// `scan`
    Scan,
    /// `len`
    Len,
}

impl Operation {
    /// All operations, in the order of their numbers.
    ///
    /// ```
    /// use localmap::Operation;
    ///
    /// assert!(Operation::ALL.iter().enumerate().all(|(index, operation)| *operation as usize == index));
    /// ```
    pub const ALL: [Self; 17] = [
        Self::Get,
        Self::GetEntry,
        Self::GetMany,
        Self::Contains,
        Self::Set,
        Self::SetIf,
        Self::Increment,
        Self::Touch,
        Self::Take,
        Self::Delete,
        Self::DeleteIf,
        Self::Apply,
        Self::Pin,
        Self::PinnedValue,
        Self::Unpin,
        Self::Scan,
        Self::Len,
    ];

    /// Returns `true` if the operation can store a value, for which others may be evicted.
    pub(crate) fn stores(self) -> bool {
        matches!(
            self,
            Self::Set | Self::SetIf | Self::Increment | Self::Apply
        )
    }

    /// Returns the operation that makes a single change.
    pub(crate) fn of_change(change: &Change<'_>) -> Self {
        match change {
            Change::Set { .. } => Self::Set,
            Change::SetIf { .. } => Self::SetIf,
            Change::Increment { .. } => Self::Increment,
            Change::Touch { .. } => Self::Touch,
            Change::Delete { .. } => Self::Delete,
            Change::DeleteIf { .. } => Self::DeleteIf,
        }
    }

    /// Returns the name in the contract, such as `get-entry`. The operations of a pin are named
    /// `pinned.value` and `pinned.drop`.
    ///
    /// ```
    /// assert_eq!(localmap::Operation::GetEntry.name(), "get-entry");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::GetEntry => "get-entry",
            Self::GetMany => "get-many",
            Self::Contains => "contains",
            Self::Set => "set",
            Self::SetIf => "set-if",
            Self::Increment => "increment",
            Self::Touch => "touch",
            Self::Take => "take",
            Self::Delete => "delete",
            Self::DeleteIf => "delete-if",
            Self::Apply => "apply",
            Self::Pin => "pin",
            Self::PinnedValue => "pinned.value",
            Self::Unpin => "pinned.drop",
            Self::Scan => "scan",
            Self::Len => "len",
        }
    }
}

/// The outcome of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallOutcome {
    /// The operation succeeded. `get`, `get-entry`, `contains`, `touch`, `take`, `delete` and `pin`
    /// are a hit or a miss instead.
    Ok,
    /// The key was present.
    Hit,
    /// The key was absent.
    Miss,
    /// The operation was rejected and has changed nothing.
    Rejected(Rejection),
    /// The map had terminated before the operation, or terminated during it. The app ends.
    Terminated,
}

impl CallOutcome {
    /// Returns the outcome of an operation that has failed.
    pub(crate) fn of(error: &Error) -> Self {
        Self::Rejected(match error {
            Error::InvalidKey { .. } => Rejection::InvalidKey,
            Error::ValueTooLarge { .. } => Rejection::ValueTooLarge,
            Error::InvalidTtl => Rejection::InvalidTtl,
            Error::Full => Rejection::Full,
            Error::Conflict { .. } => Rejection::Conflict,
            Error::NotACounter => Rejection::NotACounter,
            Error::Overflow => Rejection::Overflow,
            _ => return Self::Terminated,
        })
    }
}

/// The reason why an operation was rejected, which is an error of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// `invalid-key`
    InvalidKey,
    /// `value-too-large`
    ValueTooLarge,
    /// `invalid-ttl`
    InvalidTtl,
    /// `full`
    Full,
    /// `conflict`
    Conflict,
    /// `not-a-counter`
    NotACounter,
    /// `overflow`
    Overflow,
}

/// What an operation is about, for observers.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) operation: Operation,
    pub(crate) key: &'a [u8],
    pub(crate) key_len: usize,
    /// The length of the value to write.
    pub(crate) value_len: usize,
}

impl<'a> Asked<'a> {
    /// Describes an operation on one key.
    pub(crate) fn key(operation: Operation, key: &'a [u8]) -> Self {
        Self {
            operation,
            key,
            key_len: key.len(),
            value_len: 0,
        }
    }

    /// Describes an operation on several keys, of this length in total.
    pub(crate) fn keys(operation: Operation, key_len: usize) -> Self {
        Self {
            operation,
            key: &[],
            key_len,
            value_len: 0,
        }
    }

    /// Sets the length of the value to write.
    pub(crate) fn value_len(self, value_len: usize) -> Self {
        Self { value_len, ..self }
    }
}

/// The result of an operation, as observers see it.
pub(crate) trait Seen {
    /// Returns the outcome.
    fn outcome(&self) -> CallOutcome;

    /// Returns the length of the values that were read.
    fn value_len(&self) -> usize {
        0
    }
}

impl Seen for Option<Vec<u8>> {
    fn outcome(&self) -> CallOutcome {
        found(self.is_some())
    }

    fn value_len(&self) -> usize {
        self.as_ref().map_or(0, Vec::len)
    }
}

impl Seen for Option<Entry> {
    fn outcome(&self) -> CallOutcome {
        found(self.is_some())
    }

    fn value_len(&self) -> usize {
        self.as_ref().map_or(0, |entry| entry.value.len())
    }
}

impl Seen for Vec<Option<Vec<u8>>> {
    fn outcome(&self) -> CallOutcome {
        CallOutcome::Ok
    }

    fn value_len(&self) -> usize {
        self.iter().flatten().map(Vec::len).sum()
    }
}

/// The value of a pin.
impl Seen for Vec<u8> {
    fn outcome(&self) -> CallOutcome {
        CallOutcome::Ok
    }

    fn value_len(&self) -> usize {
        self.len()
    }
}

impl Seen for Page {
    fn outcome(&self) -> CallOutcome {
        CallOutcome::Ok
    }

    fn value_len(&self) -> usize {
        let entries = self.entries.iter();
        entries.map(|scanned| scanned.entry.value.len()).sum()
    }
}

/// Returns the outcome of an operation that looks up a key.
pub(crate) fn found(present: bool) -> CallOutcome {
    if present {
        CallOutcome::Hit
    } else {
        CallOutcome::Miss
    }
}
