//! The error of creating a host or a map.

use crate::contract::error::ConfigureError;
use std::time::Duration;

/// The error returned if a [`Host`](crate::Host) or a [`LocalMap`](crate::LocalMap) cannot be
/// created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// Wasmtime cannot run on this machine with the given
    /// [`HostOptions`](crate::HostOptions). For example,
    /// [`Allocation::Pooling`](crate::Allocation::Pooling) may need more address space than
    /// the process has.
    #[error("cannot set up Wasmtime on this machine")]
    #[non_exhaustive]
    Engine {
        /// Wasmtime's error.
        source: wasmtime::Error,
    },
    /// The host cannot use the given component as a map.
    #[error("cannot use the component as a map: run `localmap inspect` to see why")]
    #[non_exhaustive]
    Component {
        /// Wasmtime's error.
        source: wasmtime::Error,
    },
    /// The host has [`HostOptions::max_maps`](crate::HostOptions::max_maps) live maps, and none
    /// of them ended within [`HostOptions::wait`](crate::HostOptions::wait).
    #[error(
        "limit of {max} live {} reached: drop one or raise max_maps",
        if *max == 1 { "map" } else { "maps" }
    )]
    #[non_exhaustive]
    TooManyMaps {
        /// The limit.
        max: u32,
    },
    /// [`MapOptions::max_memory`](crate::MapOptions::max_memory) exceeds
    /// [`HostOptions::max_memory`](crate::HostOptions::max_memory).
    #[error(
        "the map asks for {asked} bytes of memory, but its host allows {max}: lower the map's \
         max_memory or raise the host's"
    )]
    #[non_exhaustive]
    TooMuchMemory {
        /// The memory of the map, in bytes.
        asked: usize,
        /// The limit of the host, in bytes.
        max: usize,
    },
    /// The maps of hosts with [`Allocation::Compact`](crate::Allocation::Compact) take as many mappings of
    /// the kernel as they may.
    #[error(
        "limit of {max} mappings reached: drop some maps or raise the kernel's vm.max_map_count"
    )]
    #[non_exhaustive]
    TooManyMappings {
        /// The limit: seven eighths of `vm.max_map_count`.
        max: u64,
    },
    /// The host's pool is exhausted, although the host has fewer than
    /// [`HostOptions::max_maps`](crate::HostOptions::max_maps) live maps, because your own stores
    /// use the rest.
    #[error("the host's pool is exhausted: drop some stores or raise max_maps")]
    #[non_exhaustive]
    PoolExhausted {
        /// Wasmtime's error.
        source: wasmtime::Error,
    },
    /// The map component could not be instantiated. For example,
    /// [`MapOptions::max_memory`](crate::MapOptions::max_memory) may be less than its initial
    /// memory.
    #[error("cannot instantiate the map component")]
    #[non_exhaustive]
    Instantiate {
        /// Wasmtime's error.
        source: wasmtime::Error,
    },
    /// The map rejected its limits.
    #[error("cannot configure the map")]
    #[non_exhaustive]
    Limits {
        /// The rejected limit and the reason.
        source: ConfigureError,
    },
    /// The map trapped while it was being created.
    #[error("the map trapped while it was being created")]
    #[non_exhaustive]
    Trapped {
        /// Wasmtime's error.
        source: wasmtime::Error,
    },
    /// Creating the map took longer than
    /// [`MapOptions::call_timeout`](crate::MapOptions::call_timeout).
    #[error("creating the map exceeded its time limit of {limit:?}: raise call_timeout")]
    #[non_exhaustive]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The map's [handle](crate::MapOptions::cancel_with) was cancelled before or during the
    /// creation of the map.
    #[error("the map was cancelled before it was created")]
    Cancelled,
}
