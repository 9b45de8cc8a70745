//! The built components, and the settings that are baked into them.

pub(crate) mod baked_buckets;
pub(crate) mod baked_entries;
pub(crate) mod baked_limits;
pub(crate) mod components;
pub(crate) mod core_module;
mod patch;
