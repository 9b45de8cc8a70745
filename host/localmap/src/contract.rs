//! The contract in Rust: its names, values, limits and errors. This folder does not depend on
//! components or stores.

pub(crate) mod bindings;
pub(crate) mod buckets;
pub(crate) mod change;
pub(crate) mod changes;
pub(crate) mod check;
pub(crate) mod duration;
pub(crate) mod entry;
pub(crate) mod error;
pub(crate) mod features;
pub(crate) mod limits;
pub mod names;
pub(crate) mod observer;
pub(crate) mod rule;
pub(crate) mod stats;
