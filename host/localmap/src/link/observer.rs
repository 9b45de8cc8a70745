//! Who is told of each operation.

use std::time::Duration;

/// Is told of each operation of an app whose store has it: for metrics and traces.
///
/// It is called on the app's thread, after the map has answered and before the app goes
/// on: what it takes, the app waits for. The map is not locked then.
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
    /// One operation is done.
    ///
    /// `key_len` is the length in bytes of the key that the app gave, of all keys of a
    /// [`GetMany`](Operation::GetMany) or [`Apply`](Operation::Apply), of the prefix of a
    /// [`Scan`](Operation::Scan), and 0 where there is none. `took` is the time in the map,
    /// the wait for it included where another thread has locked it; what the runtime takes
    /// to carry the answer into the app comes on top.
    fn observed(&self, operation: Operation, key_len: usize, outcome: CallOutcome, took: Duration);
}

/// What an app asked its map for: the functions of the contract. `get` and `set` are the
/// same by whichever interface they came.
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
    /// A pin was dropped.
    Unpin,
    /// `scan`
    Scan,
    /// `len`
    Len,
}

impl Operation {
    /// Its name in the contract, such as `get-entry`; `pinned.value` and `pinned.drop` for
    /// what is done with a pin.
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

/// What came of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallOutcome {
    /// It was done, and is not one that looks for a key.
    Ok,
    /// The key was there.
    Hit,
    /// It was not. `get`, `get-entry`, `contains`, `touch`, `take`, `delete` and `pin` are
    /// answered with one of the two.
    Miss,
    /// It was refused, and has changed nothing.
    Rejected(Rejection),
    /// The map is dead, before this operation or by it; the app ends.
    Terminated,
}

/// Why an operation was refused: the errors of the contract.
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
