//! Options that several commands have, and what their values mean.

pub(crate) mod buckets;
pub(crate) mod cache;
pub(crate) mod common;
pub(crate) mod entry;
pub(crate) mod grants;
pub(crate) mod limits;
pub(crate) mod map_args;
pub(crate) mod values;
pub(crate) mod wasm_options;
