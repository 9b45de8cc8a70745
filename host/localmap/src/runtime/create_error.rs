//! Why there is no host, or no map.

use crate::contract::error::ConfigureError;
use std::time::Duration;

/// Why a host or a map could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// Wasmtime cannot run on this machine, or not with these
    /// [`HostOptions`](crate::HostOptions): for example,
    /// [`Allocation::Pooling`](crate::Allocation::Pooling) needs more address space than
    /// there is.
    #[error("cannot set up Wasmtime on this machine")]
    #[non_exhaustive]
    Engine {
        /// What Wasmtime says.
        source: wasmtime::Error,
    },
    /// The component given is not one that a host can make maps of.
    #[error("cannot use the component as a map: `localmap inspect` tells what is missing")]
    #[non_exhaustive]
    Component {
        /// What Wasmtime says.
        source: wasmtime::Error,
    },
    /// There are as many live maps as
    /// [`HostOptions::max_maps`](crate::HostOptions::max_maps) allows, and none has ended
    /// within [`HostOptions::wait`](crate::HostOptions::wait).
    #[error("there are {max} live maps, which is all that this host makes: drop some, or raise it")]
    #[non_exhaustive]
    TooManyMaps {
        /// The limit.
        max: u32,
    },
    /// The map is to have more memory than
    /// [`HostOptions::max_memory`](crate::HostOptions::max_memory) allows each.
    #[error("a map of this host has at most {max} bytes of memory: {asked} were asked for")]
    #[non_exhaustive]
    TooMuchMemory {
        /// What was asked for, in bytes.
        asked: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// The pool of the host has nothing left, although there are not too many maps: stores
    /// of your own have taken it.
    #[error("the pool of the host is exhausted: drop some stores, or raise max_maps")]
    #[non_exhaustive]
    PoolExhausted {
        /// What Wasmtime says.
        source: wasmtime::Error,
    },
    /// The map component could not be instantiated, for example because
    /// [`MapOptions::max_memory`](crate::MapOptions::max_memory) is less than it
    /// starts with.
    #[error("cannot instantiate the map component")]
    #[non_exhaustive]
    Instantiate {
        /// What Wasmtime says.
        source: wasmtime::Error,
    },
    /// The limits are not ones that a map can have.
    #[error("cannot configure the map")]
    #[non_exhaustive]
    Limits {
        /// Which, and why.
        source: ConfigureError,
    },
    /// The map ended while it was being set up.
    #[error("the map trapped while it was being set up")]
    #[non_exhaustive]
    Trapped {
        /// What it died of.
        source: wasmtime::Error,
    },
    /// Setting up the map took longer than
    /// [`MapOptions::call_timeout`](crate::MapOptions::call_timeout).
    #[error("setting up the map took longer than {limit:?}")]
    #[non_exhaustive]
    TimedOut {
        /// The time that it had.
        limit: Duration,
    },
    /// The [handle](crate::MapOptions::cancel_with) was cancelled, before or meanwhile.
    #[error("it was cancelled")]
    Cancelled,
}
