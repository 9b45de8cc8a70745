//! Components that others wrote: reading them, comparing them with the contract, and
//! composing an app with its map. wac-graph and wasmparser are used here alone.

pub(crate) mod component;
pub(crate) mod error;
pub(crate) mod inspect;
pub(crate) mod keyvalue;
pub(crate) mod plug;
mod wire;
