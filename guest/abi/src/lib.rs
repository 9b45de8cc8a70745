//! The canonical ABI of a component without `std`. [`map`] and [`keyvalue`] share this
//! code.
//!
//! - [`export_cabi_realloc!`] exports the function that the canonical ABI calls for memory.
//!   [`ParameterMemory`] provides that memory, from a different source in each of the two.
//! - The panic handler turns a panic into a trap.
//! - [`Instance`] holds the state of a component instance.
//! - [`Baked`] is a table of settings that the host overwrites in the built component.
//! - [`Block`] is the unit in which the contract's interface `blocks` passes bytes.
//!
//! Unsafe code is only in `realloc` and `instance`. Each use states its reason.
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

// Slice comparisons call `memcmp`, which is in libc.
#[expect(unsafe_code, reason = "declares no function: only links the library")]
#[link(name = "c")]
unsafe extern "C" {}
