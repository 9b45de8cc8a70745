//! The errors of pins.

use super::refused::{FOREIGN_PIN, FULL, Refused};
use super::terminated::MapTerminated;

/// The error returned by [`LocalMap::pin`](crate::LocalMap::pin).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// The map has as many pins as
    /// [`Limits::max_pins`](crate::Limits#structfield.max_pins) allows, or no memory for
    /// another one.
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

impl TryFrom<Refused> for PinError {
    type Error = wasmtime::Error;

    fn try_from(refused: Refused) -> wasmtime::Result<Self> {
        Ok(match refused {
            Refused::Full => Self::Full,
            other => return Err(other.contradiction()),
        })
    }
}

/// The error returned by [`LocalMap::pinned`](crate::LocalMap::pinned) and
/// [`LocalMap::unpin`](crate::LocalMap::unpin).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PinnedError {
    /// The pin was returned by another map.
    #[error("{FOREIGN_PIN}")]
    ForeignPin,
    /// The map has terminated, in this call or before it.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
        #[from]
        source: MapTerminated,
    },
}
