//! The error of entries that are stored in advance.

use super::terminated::MapTerminated;
use super::write::SetError;

/// Why [`LocalMap::preload`](crate::LocalMap::preload) or
/// [`Control::preload`](crate::Control::preload) has not stored all entries.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PreloadError {
    /// An entry was rejected. Those before it stay stored.
    #[error("entry {index} of those to preload was rejected")]
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
        /// When, and why.
        #[from]
        source: MapTerminated,
    },
}
