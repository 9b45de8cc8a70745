//! Linked maps, which serve the imports of apps through an embedder's own linker.
//!
//! `linked_map` is the part that each store contains. `call` forwards a call of an app to the map
//! and reports it to the observer. `local_map`, `blocks` and `packed` define the functions of the
//! interfaces, `convert` and `block_list` convert their arguments and results, and `linker` adds
//! them to a linker.

mod block_list;
mod blocks;
mod call;
mod convert;
pub(crate) mod linked_map;
pub(crate) mod linker;
mod local_map;
mod packed;
