//! The components as built, and what is baked into them.

pub(crate) mod baked_buckets;
pub(crate) mod baked_limits;
mod patch;

/// The map component, as built from `guest/map`: what a [`Host`](crate::Host) compiles, and
/// any other host of WASI 0.2 can.
pub const MAP_COMPONENT: &[u8] = include_bytes!("artifact/map.wasm");

/// The keyvalue adapter, as built from `guest/keyvalue`: the component that
/// [`with_keyvalue`](crate::with_keyvalue) puts between an app and its map.
pub const KEYVALUE_ADAPTER: &[u8] = include_bytes!("artifact/keyvalue.wasm");
