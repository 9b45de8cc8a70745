//! Why a write was refused.

use thiserror::Error;

use crate::{MAX_KEY_LEN, Version};

/// Why a write was refused. It has changed nothing then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The key cannot be one.
    #[error("{0}")]
    InvalidKey(KeyFault),
    /// The value is longer than the map takes.
    #[error(
        "the value is longer than the {max} bytes that this map takes: \
         split it, or raise the map's max-value"
    )]
    ValueTooLarge {
        /// The map's `max-value`, in bytes.
        max: u64,
    },
    /// A TTL of zero.
    #[error("a TTL of zero: give it at least a nanosecond, or delete the key instead")]
    InvalidTtl,
    /// The limit on entries, on bytes or on pins, or the memory at hand is reached, and
    /// nothing may be evicted; or a batch is larger than one may be. What is there stays
    /// there.
    #[error(
        "the map is full: delete entries, give them shorter TTLs, drop what is pinned, \
         or raise the map's limits"
    )]
    Full,
    /// The condition of the write does not hold.
    #[error("{}", describe_conflict(current))]
    Conflict {
        /// The version that is there; `None`: the key is absent.
        current: Option<Version>,
    },
    /// `increment` of a value that is not 8 bytes long.
    #[error("the value is not a counter (8 bytes): use another key, or delete this one first")]
    NotACounter,
    /// `increment` past the end of `i64`.
    #[error("the counter would leave the range of a 64-bit integer: set it anew")]
    Overflow,
}

/// Why a batch was refused. None of its changes has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("change {index} of the batch: {error}")]
pub struct ApplyError {
    /// The change that was refused, counted from 0.
    pub index: usize,
    /// Why.
    pub error: Error,
}

/// For functions whose error is [`enum@Error`], and which need not tell which change it
/// was.
impl From<ApplyError> for Error {
    fn from(refused: ApplyError) -> Self {
        refused.error
    }
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// It has no bytes.
    #[error("the key is empty: give it 1 to {MAX_KEY_LEN} bytes")]
    Empty,
    /// It has more than [`MAX_KEY_LEN`] bytes, or than the host's `max-key`.
    #[error(
        "the key has {len} bytes: shorten it to {MAX_KEY_LEN}, \
         or use a hash of it and keep the whole of it in the value"
    )]
    TooLong {
        /// Its length in bytes.
        len: u64,
    },
    /// The host has this map take keys in UTF-8 only.
    #[error("the key is not UTF-8, which this map asks for: encode it, in hexadecimal for example")]
    NotUtf8,
}

fn describe_conflict(current: &Option<Version>) -> String {
    match current {
        Some(version) => {
            format!("the key holds version {version}: read it again and decide anew")
        }
        None => "the key is not there: read it again and decide anew".to_owned(),
    }
}
