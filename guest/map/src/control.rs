//! `localmap:core/control`: the host's interface to the map.

use crate::bindings::Component;
use crate::bindings::exports::localmap::core::control as wit;
use crate::state::{configure, storing, with_map};
use alloc::vec::Vec;
use localmap_engine as engine;

impl wit::Guest for Component {
    fn configure(limits: wit::Limits) -> Result<(), wit::ConfigureError> {
        let limits = engine::Limits {
            max_entries: limits.max_entries,
            max_bytes: limits.max_bytes,
            max_key: limits.max_key,
            max_value: limits.max_value,
            default_ttl: limits.default_ttl,
            utf8_keys: limits.utf8_keys,
            policy: limits.policy.into(),
            max_pins: limits.max_pins,
        };
        Ok(configure(limits)?)
    }

    fn current_limits() -> wit::Limits {
        with_map(|map| {
            let limits = map.limits();
            wit::Limits {
                max_entries: limits.max_entries,
                max_bytes: limits.max_bytes,
                max_key: limits.max_key,
                max_value: limits.max_value,
                default_ttl: limits.default_ttl,
                utf8_keys: limits.utf8_keys,
                policy: limits.policy.into(),
                max_pins: limits.max_pins,
            }
        })
    }

    fn preload(entries: Vec<wit::Preloaded>) -> Result<(), (u32, wit::Refusal)> {
        storing(|map| {
            for (index, entry) in (0..).zip(&entries) {
                map.set(&entry.key, &entry.value, entry.ttl.into())
                    .map_err(|error| (index, error.into()))?;
            }
            Ok(())
        })
    }

    fn stats() -> wit::Statistics {
        let stats = with_map(engine::Map::stats);
        wit::Statistics {
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

    fn sweep(max: u32) -> u32 {
        with_map(|map| map.sweep(max))
    }

    fn clear() {
        with_map(engine::Map::clear);
    }
}

impl From<wit::Ttl> for engine::Ttl {
    fn from(ttl: wit::Ttl) -> Self {
        match ttl {
            wit::Ttl::Default => Self::Default,
            wit::Ttl::Never => Self::Never,
            wit::Ttl::After(after) => Self::After(after),
        }
    }
}

impl From<wit::Policy> for engine::Policy {
    fn from(policy: wit::Policy) -> Self {
        match policy {
            wit::Policy::Refuse => Self::Refuse,
            wit::Policy::Lru => Self::Lru,
            wit::Policy::S3Fifo => Self::S3Fifo,
        }
    }
}

impl From<engine::Policy> for wit::Policy {
    fn from(policy: engine::Policy) -> Self {
        match policy {
            engine::Policy::Refuse => Self::Refuse,
            engine::Policy::Lru => Self::Lru,
            engine::Policy::S3Fifo => Self::S3Fifo,
        }
    }
}

impl From<engine::Error> for wit::Refusal {
    fn from(error: engine::Error) -> Self {
        use engine::Error;
        match error {
            Error::InvalidKey(_) => Self::InvalidKey,
            Error::ValueTooLarge(_) => Self::ValueTooLarge,
            Error::InvalidTtl => Self::InvalidTtl,
            // `set` never returns the last three: it has no condition and is not a counter.
            Error::Full | Error::Conflict(_) | Error::NotACounter | Error::Overflow => Self::Full,
        }
    }
}

impl From<engine::ConfigureError> for wit::ConfigureError {
    fn from(error: engine::ConfigureError) -> Self {
        match error {
            engine::ConfigureError::OutOfRange(setting) => Self::OutOfRange(setting.into()),
            engine::ConfigureError::Lowered(setting) => Self::Lowered(setting.into()),
        }
    }
}

impl From<engine::Setting> for wit::Setting {
    fn from(setting: engine::Setting) -> Self {
        match setting {
            engine::Setting::MaxEntries => Self::MaxEntries,
            engine::Setting::MaxBytes => Self::MaxBytes,
            engine::Setting::MaxKey => Self::MaxKey,
            engine::Setting::MaxValue => Self::MaxValue,
            engine::Setting::DefaultTtl => Self::DefaultTtl,
            engine::Setting::Utf8Keys => Self::Utf8Keys,
            engine::Setting::Policy => Self::Policy,
            engine::Setting::MaxPins => Self::MaxPins,
        }
    }
}
