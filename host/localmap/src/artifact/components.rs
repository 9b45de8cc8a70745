//! The bytes of the components.

/// The map component, as built from `guest/map`. A [`Host`](crate::Host) compiles it, and any
/// other host of WASI 0.2 can.
pub const MAP_COMPONENT: &[u8] = include_bytes!("map.wasm");

/// The keyvalue adapter, as built from `guest/keyvalue`: the component that
/// [`with_keyvalue`](crate::with_keyvalue) puts between an app and its map.
pub const KEYVALUE_ADAPTER: &[u8] = include_bytes!("keyvalue.wasm");
