//! The keyvalue adapter: the interfaces `store`, `atomics` and `batch` of the `wasi:keyvalue`
//! drafts 0.2.0-draft and 0.2.0-draft2, implemented on the operations of `localmap:core`.
//!
//! It imports only the map, and holds only handles. Several instances may share one map, so an
//! operation that reads before it writes checks the version.

#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

mod baked;
mod batch;
mod bindings;
mod blocks;
mod bucket;
mod cas;
mod counter;
mod drafts;
mod error_text;
mod handles;
mod memory;
mod names;
