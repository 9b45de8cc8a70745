//! Cancellation of maps, and of other work in a sandbox, from any thread.

mod engines;
pub(crate) mod handle;
pub(crate) mod target;
pub(crate) mod ticker;
mod tree;
