//! The memory of the instance, from the bottom up:
//!
//! - `pages` grows the linear memory.
//! - `scratch` keeps room there for the parameters of calls.
//! - `heap` runs dlmalloc over the pages.
//! - `allocator` is the global allocator and `cabi_realloc`: the heap and the scratch.

#![allow(unsafe_code, reason = "an allocator: see each use")]

mod allocator;
mod heap;
mod pages;
mod scratch;

pub(crate) use allocator::lend;
pub(crate) use scratch::{keep, reserve, storing};
