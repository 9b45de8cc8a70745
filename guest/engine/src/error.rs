//! Why a call is refused.

use core::fmt;

/// Why a write was refused. It has changed nothing then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The key cannot exist.
    InvalidKey(KeyFault),
    /// The value is longer than the map's `max_value`, which is given in bytes.
    ValueTooLarge(u64),
    /// A TTL of zero.
    InvalidTtl,
    /// The limit on entries, on bytes, on pins or on the changes of a batch, or the
    /// memory at hand is reached, and the policy does not or cannot make room. What is
    /// there stays there.
    Full,
    /// The condition does not hold. The version that is there; `None`: the key is
    /// absent.
    Conflict(Option<u64>),
    /// An increment of a value that is not 8 bytes long.
    NotACounter,
    /// An increment past the end of `i64`.
    Overflow,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidKey(fault) => write!(f, "invalid key: {fault}"),
            Self::ValueTooLarge(max) => write!(f, "the value is longer than {max} bytes"),
            Self::InvalidTtl => f.write_str("a TTL of zero"),
            Self::Full => f.write_str("the map is full"),
            Self::Conflict(Some(version)) => {
                write!(
                    f,
                    "the condition does not hold: the key has version {version}"
                )
            }
            Self::Conflict(None) => {
                f.write_str("the condition does not hold: the key is not there")
            }
            Self::NotACounter => f.write_str("the value is not a counter of 8 bytes"),
            Self::Overflow => f.write_str("the counter would overflow"),
        }
    }
}

impl core::error::Error for Error {}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// It has no bytes.
    Empty,
    /// Its length in bytes, more than [`Limits::max_key`](crate::Limits::max_key).
    TooLong(u64),
    /// It is not UTF-8, and the map takes nothing else.
    NotUtf8,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong(len) => write!(f, "{len} bytes are too many"),
            Self::NotUtf8 => f.write_str("it is not UTF-8"),
        }
    }
}

/// Why limits were refused. Those before stay in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigureError {
    /// This one is out of its range.
    OutOfRange(Setting),
    /// The map has held data, and this one would be lower than it was, or another, which
    /// the entries already there might not meet.
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
    /// `max_entries`
    MaxEntries,
    /// `max_bytes`
    MaxBytes,
    /// `max_key`
    MaxKey,
    /// `max_value`
    MaxValue,
    /// `default_ttl`
    DefaultTtl,
    /// `utf8_keys`
    Utf8Keys,
    /// `policy`
    Policy,
    /// `max_pins`
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

/// A limit is reached, or the allocator refused.
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
