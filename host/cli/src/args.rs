//! The options shared by several commands, and the parsers of their values.

pub(crate) mod buckets;
pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod clock;
pub(crate) mod common;
pub(crate) mod entry;
pub(crate) mod etcd;
pub(crate) mod grants;
pub(crate) mod limits;
pub(crate) mod map_args;
pub(crate) mod mirror;
pub(crate) mod plain_map;
pub(crate) mod schema;
pub(crate) mod telemetry;
pub(crate) mod tenants;
pub(crate) mod values;
pub(crate) mod wasm_options;
pub(crate) mod workers;
