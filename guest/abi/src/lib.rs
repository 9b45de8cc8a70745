//! The canonical ABI of a component without `std`: the part that [`map`] and [`keyvalue`]
//! share.
//!
//! - [`export_cabi_realloc!`] exports the function that the canonical ABI calls for memory.
//!   [`ParameterMemory`] decides where that memory comes from, which differs between the two.
//! - The panic handler is here: a panic is a trap.
//! - [`Instance`] holds the state of a component instance.
//! - [`Baked`] is a table of settings that the host overwrites in the built component.
//! - [`Block`] is the unit in which the contract's interface `blocks` carries bytes.
//!
//! Unsafe code is in `realloc` and in `instance`, each use with its reason.
//!
//! [`map`]: https://github.com/localmap/localmap/tree/main/guest/map
//! [`keyvalue`]: https://github.com/localmap/localmap/tree/main/guest/keyvalue

#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

mod baked;
mod block;
mod instance;
mod panic;
mod realloc;

pub use baked::Baked;
pub use block::{Block, as_bytes, block_count, to_block};
pub use instance::Instance;
pub use realloc::{GlobalHeap, ParameterMemory, reallocate};

// Comparing slices calls `memcmp`, which is in libc.
#[expect(unsafe_code, reason = "declares no function: only links the library")]
#[link(name = "c")]
unsafe extern "C" {}
