//! The errors of pins.

use super::refused::{FOREIGN_PIN, FULL, Refused};
use super::terminated::MapTerminated;

/// Why [`LocalMap::pin`](crate::LocalMap::pin) pinned nothing.
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
        /// When, and why.
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

/// Why [`LocalMap::pinned`](crate::LocalMap::pinned) or
/// [`LocalMap::unpin`](crate::LocalMap::unpin) failed.
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
        /// When, and why.
        #[from]
        source: MapTerminated,
    },
}
