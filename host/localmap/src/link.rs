//! Linked maps: the map as imports of an embedder's own linker.
//!
//! `linked_map` is what each store keeps. `call` goes from there into the map and past the
//! observer. `local_map` and `blocks` define the functions of the interfaces, and `convert`
//! converts their arguments and results. `linker` adds them all.

mod blocks;
mod call;
mod convert;
pub(crate) mod linked_map;
pub(crate) mod linker;
mod local_map;
pub(crate) mod observer;
