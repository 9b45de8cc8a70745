//! The map component: glue from the contract in `wit/` to the engine.
//!
//! It imports a clock and a seed and nothing else, so it can do nothing else. It has one
//! map, created by the first call, and one memory; both end with the instance.
//!
//! A call goes down from an interface to the engine:
//!
//! | module | does |
//! |---|---|
//! | `abi` | exports `get` and `set` by hand; `bindings` exports the other functions |
//! | `local_map`, `blocks`, `control` | implement the interfaces; `batch` and `pinned` are parts of `local_map` |
//! | `state` | holds the map, with its clock, its seed and the limits of `baked` |
//! | `memory` | is the allocator, and keeps room for the next call |

#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

mod abi;
mod baked;
mod batch;
mod bindings;
mod blocks;
mod control;
mod local_map;
mod memory;
mod pinned;
mod state;
