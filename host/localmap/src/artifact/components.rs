//! The bytes of the components.

/// The map component, built from `guest/map`. A [`Host`](crate::Host) compiles it. Other hosts
/// of WASI 0.2 can run it as well.
pub const MAP_COMPONENT: &[u8] = include_bytes!("map.wasm");

/// The keyvalue adapter, built from `guest/keyvalue`: the component that
/// [`with_keyvalue`](crate::with_keyvalue) puts between an app and its map.
pub const KEYVALUE_ADAPTER: &[u8] = include_bytes!("keyvalue.wasm");
