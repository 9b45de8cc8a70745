//! The error type into which all others convert.

use super::batch::{ApplyError, ChangeError};
use super::delete::DeleteIfError;
use super::key::KeyFault;
use super::pin::{PinError, PinnedError};
use super::preload::PreloadError;
use super::refused::{
    FOREIGN_PIN, FULL, INVALID_TTL, NOT_A_COUNTER, OVERFLOW, conflict, too_large,
};
use super::setting::ConfigureError;
use super::terminated::MapTerminated;
use super::watch::WatchError;
use super::write::{IncrementError, SetError, SetIfError, TouchError};
use crate::contract::entry::Version;

/// An error of any operation of a map. A failed operation has changed nothing, except for a
/// [`preload`](Self::Preload).
///
/// Each operation has its own error type, with only the errors that it can return. All of them
/// convert into this type with `?`.
///
/// ```
/// use localmap::{Error, Host, MapOptions, Ttl};
///
/// fn count(map: &mut localmap::LocalMap) -> Result<Option<i64>, Error> {
///     map.set(b"last", b"now", Ttl::Never)?;
///     match map.increment(b"count", 1, Ttl::Never) {
///         Ok(sum) => Ok(Some(sum)),
///         Err(error) => match Error::from(error) {
///             Error::Full => Ok(None),
///             other => Err(other),
///         },
///     }
/// }
///
/// let mut map = Host::new()?.map(&MapOptions::new())?;
/// assert_eq!(count(&mut map)?, Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// The limit on entries, bytes or pins is reached, or the store has reached its memory limit,
    /// and nothing can be [evicted](crate::Policy). Or a batch exceeds its size limit. All
    /// entries stay.
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
    /// The pin was returned by another map.
    #[error("{FOREIGN_PIN}")]
    ForeignPin,
    /// A change of a batch was rejected. None of its changes has been made.
    #[error("change {index} of the batch was rejected: nothing has changed")]
    #[non_exhaustive]
    Change {
        /// The index of the change, counted from 0.
        index: usize,
        /// The reason.
        source: ChangeError,
    },
    /// An entry to preload was rejected. The entries before it stay stored.
    #[error("cannot preload entry {index}")]
    #[non_exhaustive]
    Preload {
        /// The index of the entry, counted from 0.
        index: usize,
        /// The reason.
        source: SetError,
    },
    /// Limits were rejected. The previous limits stay in force.
    #[error(transparent)]
    #[non_exhaustive]
    Configure {
        /// The rejected limit and the reason.
        source: ConfigureError,
    },
    /// The map cannot be watched.
    #[error(transparent)]
    #[non_exhaustive]
    Watch {
        /// The reason.
        source: WatchError,
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

impl From<SetError> for Error {
    fn from(error: SetError) -> Self {
        match error {
            SetError::InvalidKey { fault } => Self::InvalidKey { fault },
            SetError::ValueTooLarge { len, max } => Self::ValueTooLarge { len, max },
            SetError::InvalidTtl => Self::InvalidTtl,
            SetError::Full => Self::Full,
            SetError::Terminated { source } => Self::Terminated { source },
        }
    }
}

impl From<SetIfError> for Error {
    fn from(error: SetIfError) -> Self {
        match error {
            SetIfError::InvalidKey { fault } => Self::InvalidKey { fault },
            SetIfError::ValueTooLarge { len, max } => Self::ValueTooLarge { len, max },
            SetIfError::InvalidTtl => Self::InvalidTtl,
            SetIfError::Full => Self::Full,
            SetIfError::Conflict { current } => Self::Conflict { current },
            SetIfError::Terminated { source } => Self::Terminated { source },
        }
    }
}

impl From<IncrementError> for Error {
    fn from(error: IncrementError) -> Self {
        match error {
            IncrementError::InvalidKey { fault } => Self::InvalidKey { fault },
            IncrementError::ValueTooLarge { len, max } => Self::ValueTooLarge { len, max },
            IncrementError::InvalidTtl => Self::InvalidTtl,
            IncrementError::Full => Self::Full,
            IncrementError::NotACounter => Self::NotACounter,
            IncrementError::Overflow => Self::Overflow,
            IncrementError::Terminated { source } => Self::Terminated { source },
        }
    }
}

impl From<TouchError> for Error {
    fn from(error: TouchError) -> Self {
        match error {
            TouchError::InvalidKey { fault } => Self::InvalidKey { fault },
            TouchError::InvalidTtl => Self::InvalidTtl,
            TouchError::Full => Self::Full,
            TouchError::Terminated { source } => Self::Terminated { source },
        }
    }
}

impl From<DeleteIfError> for Error {
    fn from(error: DeleteIfError) -> Self {
        match error {
            DeleteIfError::Conflict { current } => Self::Conflict { current },
            DeleteIfError::Terminated { source } => Self::Terminated { source },
        }
    }
}

impl From<PinError> for Error {
    fn from(error: PinError) -> Self {
        match error {
            PinError::Full => Self::Full,
            PinError::Terminated { source } => Self::Terminated { source },
        }
    }
}

impl From<PinnedError> for Error {
    fn from(error: PinnedError) -> Self {
        match error {
            PinnedError::ForeignPin => Self::ForeignPin,
            PinnedError::Terminated { source } => Self::Terminated { source },
        }
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::InvalidKey { fault } => Self::InvalidKey { fault },
            ChangeError::ValueTooLarge { len, max } => Self::ValueTooLarge { len, max },
            ChangeError::InvalidTtl => Self::InvalidTtl,
            ChangeError::Full => Self::Full,
            ChangeError::Conflict { current } => Self::Conflict { current },
            ChangeError::NotACounter => Self::NotACounter,
            ChangeError::Overflow => Self::Overflow,
        }
    }
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

impl From<WatchError> for Error {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::Terminated { source } => Self::Terminated { source },
            source => Self::Watch { source },
        }
    }
}
