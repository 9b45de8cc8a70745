//! `wasi:keyvalue` in front of a map: the interfaces `store`, `atomics` and `batch` of the
//! drafts 0.2.0-draft and 0.2.0-draft2, on the operations of `localmap:core`.
//!
//! It imports the map and nothing else, and holds nothing but handles. Several instances
//! may stand in front of one map: what reads before it writes goes by versions.

#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

mod baked;
mod batch;
mod bindings;
mod bucket;
mod cas;
mod counter;
mod drafts;
mod handles;
mod map;
mod memory;
mod names;
mod refusal;
