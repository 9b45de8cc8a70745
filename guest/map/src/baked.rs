//! The limits that the map starts with, in a block that `localmap plug` can find in
//! the built component and overwrite: see `host/src/bake.rs`.

use core::sync::atomic::{AtomicU64, Ordering};
use localmap_engine::{Limits, Policy};

/// A mark, and the limits as little-endian 64-bit words. A default TTL of zero stands
/// for none, and a policy is the place that it has in the contract. The last word tells
/// whether the map is plugged into an app, with which it shares the memory of the store.
///
/// `used` and atomic, so that the compiler takes neither the block away nor its
/// values for granted.
#[used]
static BLOCK: [AtomicU64; 11] = [
    AtomicU64::new(u64::from_le_bytes(*b"localmap")),
    AtomicU64::new(u64::from_le_bytes(*b"-limits4")),
    AtomicU64::new(Limits::DEFAULT.max_entries),
    AtomicU64::new(Limits::DEFAULT.max_bytes),
    AtomicU64::new(Limits::DEFAULT.max_value),
    AtomicU64::new(0),
    AtomicU64::new(Limits::DEFAULT.utf8_keys as u64),
    AtomicU64::new(0),
    AtomicU64::new(Limits::DEFAULT.max_pins as u64),
    AtomicU64::new(Limits::DEFAULT.max_key as u64),
    AtomicU64::new(0),
];

/// Whether somebody else may take the memory of the store.
pub(crate) fn is_plugged() -> bool {
    let [.., plugged] = &BLOCK;
    plugged.load(Ordering::Relaxed) != 0
}

/// The limits in the block.
pub(crate) fn limits() -> Limits {
    let [
        _,
        _,
        max_entries,
        max_bytes,
        max_value,
        default_ttl,
        utf8_keys,
        policy,
        max_pins,
        max_key,
        _,
    ] = BLOCK.each_ref().map(|word| word.load(Ordering::Relaxed));
    Limits {
        max_entries,
        max_bytes,
        max_value,
        default_ttl: (default_ttl != 0).then_some(default_ttl),
        utf8_keys: utf8_keys != 0,
        policy: match policy {
            1 => Policy::Lru,
            2 => Policy::S3Fifo,
            _ => Policy::Refuse,
        },
        max_pins: u32::try_from(max_pins).unwrap_or(u32::MAX),
        max_key: u32::try_from(max_key).unwrap_or(u32::MAX),
    }
}
