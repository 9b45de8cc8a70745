//! Runs `tests/vectors` on the engine, the map component and the in-process map. The module
//! `blocks` runs them on the interface `blocks` and on linked maps.

mod component;
mod engine;
mod in_process;
