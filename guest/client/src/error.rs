//! The errors of writes.

use thiserror::Error;

use crate::{DEFAULT_MAX_KEY_LEN, Version};

/// The error of a write. A failed write has changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Error {
    /// The map does not accept the key.
    #[error("{0}")]
    InvalidKey(KeyFault),
    /// The value is longer than the map's `max-value`.
    #[error(
        "the value is longer than the {max} bytes that this map accepts: split it, or raise \
         `max-value`"
    )]
    ValueTooLarge {
        /// The map's `max-value`, in bytes.
        max: u64,
    },
    /// The TTL is zero.
    #[error("the TTL is zero: use at least one nanosecond, or delete the key instead")]
    InvalidTtl,
    /// The limit on entries, bytes or pins is reached, or there is no more memory, and
    /// nothing can be evicted. Or a batch exceeds its size limit. All entries stay.
    #[error(
        "the map is full: delete entries, use shorter TTLs, drop pinned values, or raise its \
         limits"
    )]
    Full,
    /// The condition of the write does not hold.
    #[error("{}", describe_conflict(current))]
    Conflict {
        /// The version of the present value; `None` if the key is absent.
        current: Option<Version>,
    },
    /// The value to increment is not 8 bytes long.
    #[error("the value is not a counter (8 bytes): use another key, or delete this one first")]
    NotACounter,
    /// The sum does not fit into an `i64`.
    #[error("the counter would exceed the range of a 64-bit integer: set it to a new value")]
    Overflow,
}

/// The error of a batch. None of its changes has been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("change {index} of the batch: {error}")]
pub struct ApplyError {
    /// The index of the change that failed, counted from 0.
    pub index: usize,
    /// The reason.
    pub error: Error,
}

/// Drops the index, for functions that return [`enum@Error`].
impl From<ApplyError> for Error {
    fn from(failed: ApplyError) -> Self {
        failed.error
    }
}

/// The reason why a key is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// It has no bytes.
    #[error("the key is empty: use 1 to {DEFAULT_MAX_KEY_LEN} bytes")]
    Empty,
    /// It is longer than the map's `max-key`, which is [`DEFAULT_MAX_KEY_LEN`] unless the
    /// host sets another limit.
    #[error(
        "the key has {len} bytes: shorten it to {DEFAULT_MAX_KEY_LEN}, or use a hash of it and \
         keep the whole key in the value"
    )]
    TooLong {
        /// Its length in bytes.
        len: u64,
    },
    /// It is not UTF-8, which the host's `utf8-keys` requires.
    #[error("the key is not UTF-8, which this map requires: encode it, for example in hexadecimal")]
    NotUtf8,
}

fn describe_conflict(current: &Option<Version>) -> String {
    match current {
        Some(version) => {
            format!("the key is present with version {version}: read it again, then retry")
        }
        None => "the key is absent: read it again, then retry".to_owned(),
    }
}
