//! Observers of the operations of apps.

use std::time::Duration;

/// Observes each operation of an app, for metrics and traces. See
/// [`LinkedMap::with_observer`](crate::LinkedMap::with_observer).
///
/// It runs on the app's thread, after the operation and before the app continues, so the app waits
/// for it. The map is not locked at that time.
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
    /// `key_len` is the length of the app's key in bytes. For [`GetMany`](Operation::GetMany) and
    /// [`Apply`](Operation::Apply) it is the total length of all keys, for
    /// [`Scan`](Operation::Scan) the length of the prefix, and 0 if there is no key. `took` is the
    /// time spent in the map, including the wait for its lock. It does not include the time that
    /// the runtime takes to pass the result to the app.
    fn observed(&self, operation: Operation, key_len: usize, outcome: CallOutcome, took: Duration);
}

/// An operation of an app, which is a function of the contract. `get` and `set` of both interfaces
/// are the same operations.
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
