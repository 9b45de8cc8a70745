//! What can go wrong, by what was asked for.

use crate::bindings::{control, local_map};
use crate::types::{MAX_KEY_LEN, Version};
use std::fmt;
use std::sync::Arc;

/// Why an operation of a map failed. It has changed nothing then.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key is not one that the map takes.
    #[error("invalid key: {fault}")]
    #[non_exhaustive]
    InvalidKey {
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// The value is over [`Limits::max_value`](crate::Limits::max_value).
    #[error("the value is too large: this map takes values of at most {max} bytes")]
    #[non_exhaustive]
    ValueTooLarge {
        /// The limit, in bytes.
        max: u64,
    },
    /// The TTL is zero.
    #[error("a TTL of zero: give at least one nanosecond, or `never`")]
    InvalidTtl,
    /// The limit on entries, on bytes or on pins, or the memory that the store may have
    /// is reached, and nothing may be [evicted](crate::Policy); or a batch is larger
    /// than one may be.
    #[error(
        "the map is full: delete entries, give them shorter TTLs, or raise its limits or its memory"
    )]
    Full,
    /// The condition does not hold.
    #[error("conflict: {}", found(.current))]
    #[non_exhaustive]
    Conflict {
        /// The version that is there. `None`: the key is absent.
        current: Option<Version>,
    },
    /// The value is not the 8 bytes of a counter.
    #[error("not a counter: a counter is a value of 8 bytes, and this key has another")]
    NotACounter,
    /// The counter would leave the range of `i64`.
    #[error("the counter would overflow 64 bits: set it anew")]
    Overflow,
    /// The pin was made by another map.
    #[error("this pin is one of another map")]
    ForeignPin,
    /// The map is dead: its instance has trapped, in this call or an earlier one.
    /// What it held is gone.
    #[error("the map is dead: make another one")]
    #[non_exhaustive]
    Dead {
        /// What killed it.
        #[source]
        cause: Cause,
    },
}

fn found(current: &Option<Version>) -> String {
    match current {
        Some(version) => format!("the key is there with version {version}"),
        None => "the key is not there".to_owned(),
    }
}

/// What killed a map.
#[derive(Debug, Clone)]
pub struct Cause(Arc<wasmtime::Error>);

impl Cause {
    pub(crate) fn new(error: wasmtime::Error) -> Self {
        Self(Arc::new(error))
    }

    /// The trap, if it was one.
    pub fn trap(&self) -> Option<wasmtime::Trap> {
        self.0.downcast_ref::<wasmtime::Trap>().copied()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The alternate form tells the causes in one line.
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Cause {}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It has no bytes.
    #[error("it is empty; a key has 1 to 128 bytes")]
    Empty,
    /// It has too many bytes.
    #[error("it has {len} bytes; a key has 1 to 128")]
    TooLong {
        /// Its length.
        len: u64,
    },
    /// It is not UTF-8, and [`Limits::utf8_keys`](crate::Limits::utf8_keys) is on.
    #[error("it is not UTF-8, which this map asks for")]
    NotUtf8,
}

impl KeyFault {
    /// Why a map does not take this key.
    pub(crate) fn of(key: &[u8], utf8_only: bool) -> Option<Self> {
        match key.len() {
            0 => Some(Self::Empty),
            1..=MAX_KEY_LEN if utf8_only && std::str::from_utf8(key).is_err() => {
                Some(Self::NotUtf8)
            }
            1..=MAX_KEY_LEN => None,
            len => Some(Self::TooLong { len: len as u64 }),
        }
    }
}

impl From<local_map::Error> for Error {
    fn from(error: local_map::Error) -> Self {
        use local_map::Error as E;
        match error {
            E::InvalidKey(fault) => Self::InvalidKey {
                fault: match fault {
                    local_map::KeyFault::Empty => KeyFault::Empty,
                    local_map::KeyFault::TooLong(len) => KeyFault::TooLong { len },
                    local_map::KeyFault::NotUtf8 => KeyFault::NotUtf8,
                },
            },
            E::ValueTooLarge(max) => Self::ValueTooLarge { max },
            E::InvalidTtl => Self::InvalidTtl,
            E::Full => Self::Full,
            E::Conflict(current) => Self::Conflict { current },
            E::NotACounter => Self::NotACounter,
            E::Overflow => Self::Overflow,
        }
    }
}

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
            control::Setting::MaxPins => Self::MaxPins,
        }
    }
}

/// Why limits were refused. Those before stay in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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

/// Why a host or a map could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// Wasmtime cannot run on this machine.
    #[error("cannot set up Wasmtime on this machine")]
    #[non_exhaustive]
    Engine {
        /// What Wasmtime says.
        source: wasmtime::Error,
    },
    /// The component given is not one that a host can make maps of.
    #[error("cannot use the component as a map: `localmap inspect` tells what is missing")]
    #[non_exhaustive]
    Component {
        /// What Wasmtime says.
        source: wasmtime::Error,
    },
    /// The map component could not be instantiated, for example because
    /// [`MapOptions::max_memory`](crate::MapOptions::max_memory) is less than it
    /// starts with.
    #[error("cannot instantiate the map component")]
    #[non_exhaustive]
    Instantiate {
        /// What Wasmtime says.
        source: wasmtime::Error,
    },
    /// The limits are not ones that a map can have.
    #[error("cannot configure the map")]
    #[non_exhaustive]
    Limits {
        /// Which, and why.
        source: ConfigureError,
    },
    /// The map ended while it was being set up.
    #[error("the map trapped while it was being set up")]
    #[non_exhaustive]
    Trapped {
        /// What it died of.
        source: wasmtime::Error,
    },
}

/// Why entries could not be put into a map.
#[derive(Debug, Clone, thiserror::Error)]
#[error("entry {index} of those to be there from the start was refused")]
#[non_exhaustive]
pub struct PreloadError {
    /// Which one, counted from 0. Those before it are stored.
    pub index: usize,
    /// Why.
    pub source: Error,
}

/// Why a batch was refused. It has changed nothing then.
#[derive(Debug, Clone, thiserror::Error)]
#[error("change {index} of the batch was refused")]
#[non_exhaustive]
pub struct ApplyError {
    /// Which change, counted from 0. Also 0 where the map is [dead](Error::Dead).
    pub index: usize,
    /// Why.
    pub source: Error,
}
