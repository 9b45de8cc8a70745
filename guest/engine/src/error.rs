//! The errors of the engine.

use core::fmt;

/// The reason why a write failed. The map is unchanged.
///
/// [`Map::set`](crate::Map::set) and the other write operations have examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The key is not valid.
    InvalidKey(KeyFault),
    /// The value is longer than [`Limits::max_value`](crate::Limits::max_value), which is this
    /// number of bytes.
    ValueTooLarge(u64),
    /// The TTL is zero.
    InvalidTtl,
    /// The limit on entries, bytes, pins or the changes of a batch has been reached, or memory
    /// could not be allocated, and the policy does not or cannot make room.
    Full,
    /// The condition does not hold: the value has this version, or the key is absent (`None`).
    Conflict(Option<u64>),
    /// The value to increment is not 8 bytes long.
    NotACounter,
    /// The result of an increment is outside the range of `i64`.
    Overflow,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidKey(fault) => write!(f, "invalid key: {fault}"),
            Self::ValueTooLarge(max) => {
                write!(f, "the value is longer than max-value, {max} bytes")
            }
            Self::InvalidTtl => f.write_str("the TTL is zero: give at least 1 ns, or none"),
            Self::Full => f.write_str("the map is full"),
            Self::Conflict(Some(version)) => {
                write!(
                    f,
                    "the condition does not hold: the key has version {version}"
                )
            }
            Self::Conflict(None) => f.write_str("the condition does not hold: the key is absent"),
            Self::NotACounter => f.write_str("the value is not a counter: it must be 8 bytes long"),
            Self::Overflow => f.write_str("the counter would overflow 64 bits"),
        }
    }
}

impl core::error::Error for Error {}

/// The reason why a key is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// The key is empty.
    Empty,
    /// The key has this many bytes, more than [`Limits::max_key`](crate::Limits::max_key).
    TooLong(u64),
    /// The key is not UTF-8, although [`Limits::utf8_keys`](crate::Limits::utf8_keys) is set.
    NotUtf8,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong(len) => write!(f, "{len} bytes are more than max-key"),
            Self::NotUtf8 => f.write_str("it is not UTF-8"),
        }
    }
}

/// The reason why limits were rejected. The previous limits stay in force. See
/// [`Map::configure`](crate::Map::configure) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigureError {
    /// This limit is outside its range.
    OutOfRange(Setting),
    /// The map has held an entry, and this limit would be lowered (or, for the policy, changed),
    /// so existing entries might not meet it.
    Lowered(Setting),
}

impl fmt::Display for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange(setting) => write!(f, "{setting} is out of its range"),
            Self::Lowered(setting @ Setting::Policy) => {
                write!(f, "{setting} cannot be changed once the map has held data")
            }
            Self::Lowered(setting) => {
                write!(f, "{setting} cannot be lowered once the map has held data")
            }
        }
    }
}

impl core::error::Error for ConfigureError {}

/// One of the [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// [`Limits::max_entries`](crate::Limits::max_entries)
    MaxEntries,
    /// [`Limits::max_bytes`](crate::Limits::max_bytes)
    MaxBytes,
    /// [`Limits::max_key`](crate::Limits::max_key)
    MaxKey,
    /// [`Limits::max_value`](crate::Limits::max_value)
    MaxValue,
    /// [`Limits::default_ttl`](crate::Limits::default_ttl)
    DefaultTtl,
    /// [`Limits::utf8_keys`](crate::Limits::utf8_keys)
    Utf8Keys,
    /// [`Limits::policy`](crate::Limits::policy)
    Policy,
    /// [`Limits::max_pins`](crate::Limits::max_pins)
    MaxPins,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxEntries => "max-entries",
            Self::MaxBytes => "max-bytes",
            Self::MaxKey => "max-key",
            Self::MaxValue => "max-value",
            Self::DefaultTtl => "default-ttl",
            Self::Utf8Keys => "utf8-keys",
            Self::Policy => "policy",
            Self::MaxPins => "max-pins",
        })
    }
}

/// A limit has been reached, or the allocator returned an error.
#[derive(Debug)]
pub(crate) struct NoRoom;

impl From<alloc::collections::TryReserveError> for NoRoom {
    fn from(_: alloc::collections::TryReserveError) -> Self {
        Self
    }
}

impl From<hashbrown::TryReserveError> for NoRoom {
    fn from(_: hashbrown::TryReserveError) -> Self {
        Self
    }
}
