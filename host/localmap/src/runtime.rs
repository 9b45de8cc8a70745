//! Maps on Wasmtime: the host that they share, and each map with its store.

mod abi;
mod compiled;
mod config;
pub(crate) mod control;
mod core_instance;
pub(crate) mod create_error;
pub(crate) mod growth;
pub(crate) mod host;
pub(crate) mod host_options;
pub(crate) mod host_stats;
pub(crate) mod local_map;
mod map_instance;
pub(crate) mod map_options;
mod map_state;
mod mappings;
pub(crate) mod memory;
pub(crate) mod observation;
mod permits;
pub(crate) mod pinned;
pub mod pool;
mod store_data;
