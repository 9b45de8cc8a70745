//! Observers of the operations of apps.

use std::time::Duration;

/// Observes each operation of an app: for metrics and traces. See
/// [`LinkedMap::with_observer`](crate::LinkedMap::with_observer).
///
/// It runs on the app's thread, after the operation and before the app continues: the app waits
/// for it. The map is not locked then.
///
/// ```
/// use localmap::{CallOutcome, Observer, Operation};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct Misses(AtomicU64);
///
/// impl Observer for Misses {
///     fn observed(&self, _: Operation, _key_len: usize, outcome: CallOutcome, _: Duration) {
///         if outcome == CallOutcome::Miss {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// Observes one operation, after it has ended.
    ///
    /// `key_len` is the length of the app's key in bytes; of all keys together for a
    /// [`GetMany`](Operation::GetMany) or [`Apply`](Operation::Apply); of the prefix for a
    /// [`Scan`](Operation::Scan); and 0 if there is no key. `took` is the time in the map,
    /// including the wait for it if another thread has locked it. It does not include the time
    /// that the runtime takes to pass the result to the app.
    fn observed(&self, operation: Operation, key_len: usize, outcome: CallOutcome, took: Duration);
}

/// An operation of an app: a function of the contract. `get` and `set` are the same operation in
/// both interfaces.
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
    /// Returns its name in the contract, such as `get-entry`; `pinned.value` and `pinned.drop` for
    /// the operations of a pin.
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
    /// It succeeded. `get`, `get-entry`, `contains`, `touch`, `take`, `delete` and `pin` are a
    /// hit or a miss instead.
    Ok,
    /// The key was present.
    Hit,
    /// The key was absent.
    Miss,
    /// It was rejected, and has changed nothing.
    Rejected(Rejection),
    /// The map had terminated before the operation, or terminated during it. The app ends.
    Terminated,
}

/// Why an operation was rejected: the errors of the contract.
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
