//! The error of rejected limits.

use super::terminated::MapTerminated;
use crate::contract::bindings::control;
use std::fmt;

/// One of the [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// [`Limits::max_entries`](crate::Limits#structfield.max_entries).
    MaxEntries,
    /// [`Limits::max_bytes`](crate::Limits#structfield.max_bytes).
    MaxBytes,
    /// [`Limits::max_value`](crate::Limits#structfield.max_value).
    MaxValue,
    /// [`Limits::default_ttl`](crate::Limits#structfield.default_ttl).
    DefaultTtl,
    /// [`Limits::utf8_keys`](crate::Limits#structfield.utf8_keys).
    Utf8Keys,
    /// [`Limits::policy`](crate::Limits#structfield.policy).
    Policy,
    /// [`Limits::max_key`](crate::Limits#structfield.max_key).
    MaxKey,
    /// [`Limits::max_pins`](crate::Limits#structfield.max_pins).
    MaxPins,
}

impl Setting {
    /// Returns a description of the range.
    fn range(self) -> &'static str {
        match self {
            Self::MaxEntries => "use 1 to 4294967295 entries",
            Self::MaxBytes => "use at least 131072 bytes (128 KiB)",
            Self::MaxValue => "use 0 to 1073741824 bytes (1 GiB)",
            Self::DefaultTtl => "use at least one nanosecond",
            Self::Utf8Keys => "use true or false",
            Self::Policy => "use refuse, lru or s3-fifo",
            Self::MaxKey => "use 1 to 512 bytes",
            Self::MaxPins => "use 0 to 65536 pins",
        }
    }

    /// Returns the kind of change that is forbidden once the map has held data.
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

/// The error returned if limits are rejected. The previous limits stay in force.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// A limit is out of its range.
    #[error("{setting} is out of range: {}", .setting.range())]
    #[non_exhaustive]
    OutOfRange {
        /// The limit.
        setting: Setting,
    },
    /// The map has held data, and the new limit is lower, so that existing entries might exceed
    /// it, or the new policy is different.
    #[error(
        "{setting} cannot be {} once the map has held data: set it before the first entry",
        .setting.forbidden()
    )]
    #[non_exhaustive]
    Lowered {
        /// The limit.
        setting: Setting,
    },
    /// The map has terminated, in this call or before it. Only
    /// [`LocalMap::configure`](crate::LocalMap::configure) returns this.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
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
