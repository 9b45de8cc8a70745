//! The map component, which connects the contract in `wit/` to the engine.
//!
//! It imports only a clock and a seed, so it has no other access. It has one map, which the
//! first call creates, and one memory. Both end with the instance.
//!
//! A call goes down from an interface to the engine:
//!
//! | module | purpose |
//! |---|---|
//! | `abi` | exports `get`, `set`, `drain` and the packed batches by hand; `bindings` exports the other functions |
//! | `local_map`, `blocks`, `control`, `changes` | implement the interfaces; `batch` and `pinned` are parts of `local_map`, and `packed` of `blocks` |
//! | `state` | holds the map, with its clock, its seed and the limits of `baked` |
//! | `memory` | allocates memory, and reserves room for the next call |

#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

mod abi;
mod baked;
mod batch;
mod bindings;
mod blocks;
mod changes;
mod control;
mod local_map;
mod memory;
mod packed;
mod pinned;
mod state;
