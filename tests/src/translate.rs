//! Converts between the types of the host library and those of the engine.

#![allow(clippy::panic, reason = "an unknown variant ends the test")]

use crate::vectors::{Changes, Entry};
use localmap_engine::{Became, ConfigureError, Limits, Policy, Setting, Stats};
use std::time::Duration;

/// Returns a duration in nanoseconds.
///
/// # Panics
///
/// Panics if they do not fit into 64 bits.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("64 bits")
}

/// Converts limits to those of the host library.
pub fn host_limits(limits: &Limits) -> localmap::Limits {
    localmap::Limits::default()
        .max_entries(limits.max_entries)
        .max_bytes(limits.max_bytes)
        .max_key(limits.max_key)
        .max_value(limits.max_value)
        .default_ttl(limits.default_ttl.map(Duration::from_nanos))
        .utf8_keys(limits.utf8_keys)
        .policy(match limits.policy {
            Policy::Refuse => localmap::Policy::Refuse,
            Policy::Lru => localmap::Policy::Lru,
            Policy::S3Fifo => localmap::Policy::S3Fifo,
        })
        .max_pins(limits.max_pins)
}

/// Converts limits of the host library.
pub fn engine_limits(limits: &localmap::Limits) -> Limits {
    Limits {
        max_entries: limits.max_entries,
        max_bytes: limits.max_bytes,
        max_key: limits.max_key,
        max_value: limits.max_value,
        default_ttl: limits.default_ttl.map(nanos),
        utf8_keys: limits.utf8_keys,
        policy: match limits.policy {
            localmap::Policy::Refuse => Policy::Refuse,
            localmap::Policy::Lru => Policy::Lru,
            localmap::Policy::S3Fifo => Policy::S3Fifo,
            other => panic!("unknown: {other:?}"),
        },
        max_pins: limits.max_pins,
    }
}

/// Converts the error of refused limits.
pub fn engine_configure_error(error: localmap::ConfigureError) -> ConfigureError {
    match error {
        localmap::ConfigureError::OutOfRange { setting, .. } => {
            ConfigureError::OutOfRange(engine_setting(setting))
        }
        localmap::ConfigureError::Lowered { setting, .. } => {
            ConfigureError::Lowered(engine_setting(setting))
        }
        other => panic!("unknown: {other}"),
    }
}

fn engine_setting(setting: localmap::Setting) -> Setting {
    match setting {
        localmap::Setting::MaxEntries => Setting::MaxEntries,
        localmap::Setting::MaxBytes => Setting::MaxBytes,
        localmap::Setting::MaxKey => Setting::MaxKey,
        localmap::Setting::MaxValue => Setting::MaxValue,
        localmap::Setting::DefaultTtl => Setting::DefaultTtl,
        localmap::Setting::Utf8Keys => Setting::Utf8Keys,
        localmap::Setting::Policy => Setting::Policy,
        localmap::Setting::MaxPins => Setting::MaxPins,
        other => panic!("unknown: {other}"),
    }
}

/// Converts changes of the host library.
pub fn engine_changes(changes: localmap::Changes) -> Changes {
    let changed = changes.changed.into_iter().map(|change| {
        let became = match change.became {
            localmap::Became::Stored => Became::Stored,
            localmap::Became::Touched => Became::Touched,
            localmap::Became::Gone => Became::Gone,
        };
        (change.key, became)
    });
    Changes {
        changed: changed.collect(),
        lost: changes.lost,
        more: changes.more,
        due_in: changes.due_in.map(nanos),
    }
}

/// Converts an entry of the host library.
pub fn engine_entry(entry: localmap::Entry) -> Entry {
    Entry {
        value: entry.value,
        version: entry.version,
        expires_in: entry.expires_in.map(nanos),
    }
}

/// Converts statistics of the host library.
pub fn engine_stats(stats: &localmap::Stats) -> Stats {
    Stats {
        entries: stats.entries,
        bytes: stats.bytes,
        payload: stats.payload,
        overhead: stats.overhead,
        free: stats.free,
        pinned: stats.pinned,
        high_water: stats.high_water,
        hits: stats.hits,
        misses: stats.misses,
        writes: stats.writes,
        expired: stats.expired,
        evicted: stats.evicted,
        refused: stats.refused,
    }
}
