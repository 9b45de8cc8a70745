//! The errors of `set`, `set_if`, `increment` and `touch`.

use super::key::KeyFault;
use super::refused::{FULL, INVALID_TTL, NOT_A_COUNTER, OVERFLOW, Refused, conflict, too_large};
use super::terminated::MapTerminated;
use crate::contract::entry::Version;

/// The error returned by [`LocalMap::set`](crate::LocalMap::set).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
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
    /// nothing can be [evicted](crate::Policy). All entries stay.
    #[error("{FULL}")]
    Full,
    /// The map has terminated, in this call or before it.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
        #[from]
        source: MapTerminated,
    },
}

impl TryFrom<Refused> for SetError {
    type Error = wasmtime::Error;

    fn try_from(refused: Refused) -> wasmtime::Result<Self> {
        Ok(match refused {
            Refused::InvalidKey { fault } => Self::InvalidKey { fault },
            Refused::ValueTooLarge { len, max } => Self::ValueTooLarge { len, max },
            Refused::InvalidTtl => Self::InvalidTtl,
            Refused::Full => Self::Full,
            other => return Err(other.contradiction()),
        })
    }
}

/// The error returned by [`LocalMap::set_if`](crate::LocalMap::set_if).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SetIfError {
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
    /// nothing can be [evicted](crate::Policy). All entries stay.
    #[error("{FULL}")]
    Full,
    /// The condition does not hold.
    #[error("{}", conflict(.current))]
    #[non_exhaustive]
    Conflict {
        /// The version of the present value; `None` if the key is absent.
        current: Option<Version>,
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

impl TryFrom<Refused> for SetIfError {
    type Error = wasmtime::Error;

    fn try_from(refused: Refused) -> wasmtime::Result<Self> {
        Ok(match refused {
            Refused::InvalidKey { fault } => Self::InvalidKey { fault },
            Refused::ValueTooLarge { len, max } => Self::ValueTooLarge { len, max },
            Refused::InvalidTtl => Self::InvalidTtl,
            Refused::Full => Self::Full,
            Refused::Conflict { current } => Self::Conflict { current },
            other => return Err(other.contradiction()),
        })
    }
}

/// The error returned by [`LocalMap::increment`](crate::LocalMap::increment).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum IncrementError {
    /// The map does not accept the key.
    #[error("invalid key: {fault}")]
    #[non_exhaustive]
    InvalidKey {
        /// The reason.
        fault: KeyFault,
    },
    /// The value is longer than
    /// [`Limits::max_value`](crate::Limits#structfield.max_value). A counter has 8 bytes.
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
    /// nothing can be [evicted](crate::Policy). All entries stay.
    #[error("{FULL}")]
    Full,
    /// The value to increment is not 8 bytes long.
    #[error("{NOT_A_COUNTER}")]
    NotACounter,
    /// The sum does not fit into an `i64`.
    #[error("{OVERFLOW}")]
    Overflow,
    /// The map has terminated, in this call or before it.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
        #[from]
        source: MapTerminated,
    },
}

impl TryFrom<Refused> for IncrementError {
    type Error = wasmtime::Error;

    fn try_from(refused: Refused) -> wasmtime::Result<Self> {
        Ok(match refused {
            Refused::InvalidKey { fault } => Self::InvalidKey { fault },
            Refused::ValueTooLarge { len, max } => Self::ValueTooLarge { len, max },
            Refused::InvalidTtl => Self::InvalidTtl,
            Refused::Full => Self::Full,
            Refused::NotACounter => Self::NotACounter,
            Refused::Overflow => Self::Overflow,
            other => return Err(other.contradiction()),
        })
    }
}

/// The error returned by [`LocalMap::touch`](crate::LocalMap::touch).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TouchError {
    /// The map does not accept the key.
    #[error("invalid key: {fault}")]
    #[non_exhaustive]
    InvalidKey {
        /// The reason.
        fault: KeyFault,
    },
    /// The TTL is zero.
    #[error("{INVALID_TTL}")]
    InvalidTtl,
    /// There is no memory to record the deadline of an entry that had none.
    #[error("{FULL}")]
    Full,
    /// The map has terminated, in this call or before it.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
        #[from]
        source: MapTerminated,
    },
}

impl TryFrom<Refused> for TouchError {
    type Error = wasmtime::Error;

    fn try_from(refused: Refused) -> wasmtime::Result<Self> {
        Ok(match refused {
            Refused::InvalidKey { fault } => Self::InvalidKey { fault },
            Refused::InvalidTtl => Self::InvalidTtl,
            Refused::Full => Self::Full,
            other => return Err(other.contradiction()),
        })
    }
}
