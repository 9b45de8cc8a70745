//! The vectors of `tests/vectors`, on each map that answers them. Those of the interface
//! `words` and of linked maps are in `words`.

mod component;
mod engine;
mod in_process;
