//! Why limits were refused.

use super::MapTerminated;
use crate::contract::bindings::control;
use std::fmt;

/// One of the [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// [`Limits::max_entries`](crate::Limits::max_entries).
    MaxEntries,
    /// [`Limits::max_bytes`](crate::Limits::max_bytes).
    MaxBytes,
    /// [`Limits::max_value`](crate::Limits::max_value).
    MaxValue,
    /// [`Limits::default_ttl`](crate::Limits::default_ttl).
    DefaultTtl,
    /// [`Limits::utf8_keys`](crate::Limits::utf8_keys).
    Utf8Keys,
    /// [`Limits::policy`](crate::Limits::policy).
    Policy,
    /// [`Limits::max_key`](crate::Limits::max_key).
    MaxKey,
    /// [`Limits::max_pins`](crate::Limits::max_pins).
    MaxPins,
}

impl Setting {
    fn range(self) -> &'static str {
        match self {
            Self::MaxEntries => "1 to 4294967295 entries",
            Self::MaxBytes => "at least 131072 bytes (128 KiB)",
            Self::MaxValue => "0 to 1073741824 bytes (1 GiB)",
            Self::DefaultTtl => "at least one nanosecond",
            Self::Utf8Keys => "true or false",
            Self::Policy => "refuse, lru or s3-fifo",
            Self::MaxKey => "1 to 512 bytes",
            Self::MaxPins => "0 to 65536 pins",
        }
    }

    /// What may not happen to it once the map has held data.
    fn forbidden(self) -> &'static str {
        match self {
            Self::Policy => "changed",
            _ => "lowered",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxEntries => "max-entries",
            Self::MaxBytes => "max-bytes",
            Self::MaxValue => "max-value",
            Self::DefaultTtl => "default-ttl",
            Self::Utf8Keys => "utf8-keys",
            Self::Policy => "policy",
            Self::MaxKey => "max-key",
            Self::MaxPins => "max-pins",
        })
    }
}

impl From<control::Setting> for Setting {
    fn from(setting: control::Setting) -> Self {
        match setting {
            control::Setting::MaxEntries => Self::MaxEntries,
            control::Setting::MaxBytes => Self::MaxBytes,
            control::Setting::MaxValue => Self::MaxValue,
            control::Setting::DefaultTtl => Self::DefaultTtl,
            control::Setting::Utf8Keys => Self::Utf8Keys,
            control::Setting::Policy => Self::Policy,
            control::Setting::MaxKey => Self::MaxKey,
            control::Setting::MaxPins => Self::MaxPins,
        }
    }
}

/// Why limits were refused. Those before stay in force.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// A limit is out of its range.
    #[error("{setting} is out of range: it takes {}", .setting.range())]
    #[non_exhaustive]
    OutOfRange {
        /// Which one.
        setting: Setting,
    },
    /// A limit is lower than it was, or the policy another, and the map has held data
    /// already.
    #[error("{setting} cannot be {} once the map has held data", .setting.forbidden())]
    #[non_exhaustive]
    Lowered {
        /// Which one.
        setting: Setting,
    },
    /// The map is dead. Only [`LocalMap::configure`](crate::LocalMap::configure) tells so.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// What killed it, and when.
        #[from]
        source: MapTerminated,
    },
}

impl From<control::ConfigureError> for ConfigureError {
    fn from(error: control::ConfigureError) -> Self {
        match error {
            control::ConfigureError::OutOfRange(setting) => Self::OutOfRange {
                setting: setting.into(),
            },
            control::ConfigureError::Lowered(setting) => Self::Lowered {
                setting: setting.into(),
            },
        }
    }
}
