//! The memory of the instance, from the bottom up:
//!
//! - `pages` grows the linear memory.
//! - `scratch` reserves room in it for the parameters of calls.
//! - `heap` runs dlmalloc over the pages.
//! - `allocator` combines the heap and the scratch: the global allocator and `cabi_realloc`.

#![allow(unsafe_code, reason = "an allocator: see each use")]

mod allocator;
mod heap;
mod pages;
mod scratch;

pub(crate) use allocator::{lend, lend_words, scratch_vec};
pub(crate) use scratch::{keep, reserve, room, storing, with_room};
