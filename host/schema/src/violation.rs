//! Why a write does not fit a schema.

use crate::amount;
use crate::ttl::Ttl;
use std::time::Duration;

/// Why a write does not fit a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The key begins with none of the prefixes.
    #[error("the key begins with none of the prefixes")]
    NoPrefix,
    /// The key is longer than its prefix allows.
    #[error("the key has {len} bytes, and `max-key` is {max}")]
    #[non_exhaustive]
    KeyTooLong {
        /// The length of the key, in bytes.
        len: u64,
        /// The limit, in bytes.
        max: u32,
    },
    /// The value is longer than its prefix allows.
    #[error("the value has {len} bytes, and `max-value` is {max}")]
    #[non_exhaustive]
    ValueTooLarge {
        /// The length of the value, in bytes.
        len: u64,
        /// The limit, in bytes.
        max: u64,
    },
    /// The value is not UTF-8, which the type of its prefix requires.
    #[error("the value is not UTF-8 from byte {valid} on, and the type is `utf-8`")]
    #[non_exhaustive]
    NotUtf8 {
        /// The number of bytes that are UTF-8.
        valid: u64,
    },
    /// The value is no counter, which the type of its prefix requires; or a counter is stored where
    /// the type requires UTF-8.
    #[error("a counter has 8 bytes and the type `counter` (or an increment, the type `bytes`)")]
    NotACounter,
    /// The TTL is longer than its prefix allows.
    #[error("the TTL is {asked}, and `max-ttl` is {}", amount::time(*.max))]
    #[non_exhaustive]
    TtlTooLong {
        /// The TTL.
        asked: Ttl,
        /// The limit.
        max: Duration,
    },
}
