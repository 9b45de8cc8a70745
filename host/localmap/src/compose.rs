//! Reads the components of users, compares them with the contract, and composes an app with its
//! map. Only this folder uses wac-graph.

pub(crate) mod component;
pub(crate) mod concurrency;
pub(crate) mod error;
pub(crate) mod exports;
pub(crate) mod imports;
pub(crate) mod inspect;
pub(crate) mod keyvalue;
pub(crate) mod linkable;
pub(crate) mod plug;
mod probe;
mod skeleton;
mod validate;
mod wire;
