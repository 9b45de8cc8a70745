//! What can go wrong: an error for each operation, and one that is all of them.

mod key;
mod operation;
mod setting;
mod terminated;

pub use key::KeyFault;
pub use operation::{
    ApplyError, ChangeError, DeleteIfError, IncrementError, PinError, PinnedError, PreloadError,
    SetError, SetIfError, TouchError,
};
pub use setting::{ConfigureError, Setting};
pub use terminated::{Cancelled, MapTerminated, TerminationCause, TimedOut};

pub(crate) use operation::Refused;

use crate::contract::types::Version;

/// Why an operation of a map failed, whichever it was. It has changed nothing then.
///
/// Each operation has an error of its own, which tells no more than what can happen to
/// it; all of them turn into this one, with `?`.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key is not one that the map takes.
    #[error("{}", operation::invalid_key(.fault))]
    #[non_exhaustive]
    InvalidKey {
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// The value is over [`Limits::max_value`](crate::Limits::max_value).
    #[error("{}", operation::too_large(.len, .max))]
    #[non_exhaustive]
    ValueTooLarge {
        /// Its length, in bytes.
        len: u64,
        /// The limit, in bytes.
        max: u64,
    },
    /// The TTL is zero.
    #[error("{}", operation::INVALID_TTL)]
    InvalidTtl,
    /// The limit on entries, on bytes or on pins, or the memory that the store may have
    /// is reached, and nothing may be [evicted](crate::Policy); or a batch is larger
    /// than one may be.
    #[error("{}", operation::FULL)]
    Full,
    /// The condition does not hold.
    #[error("{}", operation::conflict(.current))]
    #[non_exhaustive]
    Conflict {
        /// The version that is there. `None`: the key is absent.
        current: Option<Version>,
    },
    /// The value is not the 8 bytes of a counter.
    #[error("{}", operation::NOT_A_COUNTER)]
    NotACounter,
    /// The counter would leave the range of `i64`.
    #[error("{}", operation::OVERFLOW)]
    Overflow,
    /// The pin was made by another map.
    #[error("{}", operation::FOREIGN_PIN)]
    ForeignPin,
    /// A change of a batch was refused: none of them has happened.
    #[error("change {index} of the batch was refused")]
    #[non_exhaustive]
    Change {
        /// Which one, counted from 0.
        index: usize,
        /// Why.
        source: ChangeError,
    },
    /// An entry of those to be there from the start was refused; those before it are
    /// stored.
    #[error("entry {index} of those to be there from the start was refused")]
    #[non_exhaustive]
    Preload {
        /// Which one, counted from 0.
        index: usize,
        /// Why.
        source: SetError,
    },
    /// Limits were refused; those before stay in force.
    #[error(transparent)]
    #[non_exhaustive]
    Configure {
        /// Which, and why.
        source: ConfigureError,
    },
    /// The map is dead: in this call, or since an earlier one.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// What killed it, and when.
        #[from]
        source: MapTerminated,
    },
}

impl From<ApplyError> for Error {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Refused { index, source } => Self::Change { index, source },
            ApplyError::Terminated { source } => Self::Terminated { source },
        }
    }
}

impl From<PreloadError> for Error {
    fn from(error: PreloadError) -> Self {
        match error {
            PreloadError::Refused { index, source } => Self::Preload { index, source },
            PreloadError::Terminated { source } => Self::Terminated { source },
        }
    }
}

impl From<ConfigureError> for Error {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::Terminated { source } => Self::Terminated { source },
            source => Self::Configure { source },
        }
    }
}
