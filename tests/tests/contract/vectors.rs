//! Runs `tests/vectors` on the engine, the map component, the in-process map and a sidecar. The module
//! `both_ways` runs them on the component by Wasmtime's component API, and `blocks` on the interface
//! `blocks` and on linked maps.

pub(crate) mod component;
mod engine;
mod in_process;
#[cfg(unix)]
mod sidecar;
