//! The errors of a batch, and of a single change in it.

use super::key::KeyFault;
use super::refused::{FULL, INVALID_TTL, NOT_A_COUNTER, OVERFLOW, Refused, conflict, too_large};
use super::terminated::MapTerminated;
use crate::contract::entry::Version;

/// The reason why a [`Change`](crate::Change) was rejected, and with it the whole batch.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The map does not accept the key.
    #[error("invalid key: {fault}")]
    #[non_exhaustive]
    InvalidKey {
        /// The reason.
        fault: KeyFault,
    },
    /// The value is longer than
    /// [`Limits::max_value`](crate::Limits#structfield.max_value).
    #[error("{}", too_large(.len, .max))]
    #[non_exhaustive]
    ValueTooLarge {
        /// The length of the value, in bytes.
        len: u64,
        /// The limit, in bytes.
        max: u64,
    },
    /// The TTL is zero.
    #[error("{INVALID_TTL}")]
    InvalidTtl,
    /// The limit on entries or bytes is reached, or the store has reached its memory limit, and
    /// nothing can be [evicted](crate::Policy). Or this change is the first beyond the size
    /// limit of a batch.
    #[error("{FULL}")]
    Full,
    /// The condition does not hold.
    #[error("{}", conflict(.current))]
    #[non_exhaustive]
    Conflict {
        /// The version of the present value; `None` if the key is absent.
        current: Option<Version>,
    },
    /// The value to increment is not 8 bytes long.
    #[error("{NOT_A_COUNTER}")]
    NotACounter,
    /// The sum does not fit into an `i64`.
    #[error("{OVERFLOW}")]
    Overflow,
}

impl From<Refused> for ChangeError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::InvalidKey { fault } => Self::InvalidKey { fault },
            Refused::ValueTooLarge { len, max } => Self::ValueTooLarge { len, max },
            Refused::InvalidTtl => Self::InvalidTtl,
            Refused::Full => Self::Full,
            Refused::Conflict { current } => Self::Conflict { current },
            Refused::NotACounter => Self::NotACounter,
            Refused::Overflow => Self::Overflow,
        }
    }
}

/// The error returned by [`LocalMap::apply`](crate::LocalMap::apply). None of the changes has been
/// made.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A change was rejected.
    #[error("change {index} of the batch was rejected: nothing has changed")]
    #[non_exhaustive]
    Refused {
        /// The index of the change, counted from 0.
        index: usize,
        /// The reason.
        source: ChangeError,
    },
    /// The map has terminated, in this call or before it.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
        #[from]
        source: MapTerminated,
    },
}
