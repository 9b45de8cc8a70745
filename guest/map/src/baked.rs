//! The limits that the map starts with. `localmap plug` writes others into the built
//! component: see `host/localmap/src/artifact/baked_limits.rs`.

use localmap_abi::Baked;
use localmap_engine::{Limits, Policy};

/// The limits. A default TTL of zero stands for none, and a policy is its position in the
/// contract's enum. The last word says whether the map is plugged into an app, with which it
/// shares the memory of the store.
#[used]
static TABLE: Baked<9> = Baked::new(
    b"localmap-limits4",
    [
        Limits::DEFAULT.max_entries,
        Limits::DEFAULT.max_bytes,
        Limits::DEFAULT.max_value,
        0,
        Limits::DEFAULT.utf8_keys as u64,
        0,
        Limits::DEFAULT.max_pins as u64,
        Limits::DEFAULT.max_key as u64,
        0,
    ],
);

/// Returns `true` if the map is plugged into an app, which may take the memory of the store.
pub(crate) fn is_plugged() -> bool {
    let [.., plugged] = TABLE.words();
    plugged != 0
}

/// Returns the limits in the table.
pub(crate) fn limits() -> Limits {
    let [
        max_entries,
        max_bytes,
        max_value,
        default_ttl,
        utf8_keys,
        policy,
        max_pins,
        max_key,
        _,
    ] = TABLE.words();
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
