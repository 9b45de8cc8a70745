//! The map component: glue from the contract in `wit/` to the engine.
//!
//! It imports a clock and a seed and nothing else, so it can do nothing else. It
//! has one map, made at the first call, and one memory; both end with the instance.

#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

mod abi;
mod baked;
mod batch;
mod bindings;
mod control;
mod local_map;
mod memory;
mod pinned;
mod state;
mod words;
