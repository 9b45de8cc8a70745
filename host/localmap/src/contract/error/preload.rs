//! The error of preloading entries.

use super::terminated::MapTerminated;
use super::write::SetError;

/// The error returned by [`LocalMap::preload`](crate::LocalMap::preload) and
/// [`Control::preload`](crate::Control::preload).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PreloadError {
    /// An entry was rejected. The entries before it stay stored.
    #[error("cannot preload entry {index}")]
    #[non_exhaustive]
    Refused {
        /// The index of the entry, counted from 0.
        index: usize,
        /// The reason.
        source: SetError,
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
