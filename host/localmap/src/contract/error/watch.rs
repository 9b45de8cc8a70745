//! The error of watching a map.

use super::terminated::MapTerminated;
use crate::contract::names::CHANGES;

/// The error returned by [`LocalMap::watch`](crate::LocalMap::watch),
/// [`LocalMap::changes`](crate::LocalMap::changes) and [`LocalMap::peek`](crate::LocalMap::peek).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The map component does not export [`names::CHANGES`](crate::names::CHANGES). Only
    /// components of [`Host::with_component`](crate::Host::with_component), and apps that an earlier
    /// version has plugged, lack it.
    #[error(
        "the map component does not export {CHANGES}, so its map cannot be watched: use one that \
         does, such as MAP_COMPONENT of this version"
    )]
    Unsupported,
    /// The map got no memory for the list of changes. It is not watched.
    #[error(
        "no memory for the list of changes: watch with fewer bytes, or raise the memory of the map"
    )]
    NoMemory,
    /// The map has terminated, in this call or before it.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
        #[from]
        source: MapTerminated,
    },
}
