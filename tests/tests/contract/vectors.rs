//! The vectors of `tests/vectors`, on each map that answers them. Those of the interface
//! `blocks` and of linked maps are in `blocks`.

mod component;
mod engine;
mod in_process;
