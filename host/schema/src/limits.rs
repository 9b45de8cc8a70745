//! The limits that a schema sets for each map.

use crate::document::PolicyField;
use std::time::Duration;

/// The limits that a schema sets for each map. What it does not set is `None`.
///
/// Their ranges and defaults are those of the map: see `localmap::Limits`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaLimits {
    /// Entries.
    pub max_entries: Option<u64>,
    /// Bytes of memory.
    pub max_bytes: Option<u64>,
    /// Bytes of one key.
    pub max_key: Option<u32>,
    /// Bytes of one value.
    pub max_value: Option<u64>,
    /// The TTL of entries that are written without one.
    pub default_ttl: Option<Duration>,
    /// Whether keys must be UTF-8.
    pub utf8_keys: Option<bool>,
    /// The behaviour of a full map.
    pub policy: Option<SchemaPolicy>,
    /// Values that may be pinned at a time.
    pub max_pins: Option<u32>,
}

/// The behaviour of a full map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemaPolicy {
    /// Rejects new entries.
    Refuse,
    /// Evicts the least recently used entries.
    Lru,
    /// Evicts by S3-FIFO.
    S3Fifo,
}

impl SchemaPolicy {
    /// Returns the name in a schema file: `refuse`, `lru` or `s3-fifo`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Lru => "lru",
            Self::S3Fifo => "s3-fifo",
        }
    }
}

impl From<PolicyField> for SchemaPolicy {
    fn from(field: PolicyField) -> Self {
        match field {
            PolicyField::Refuse => Self::Refuse,
            PolicyField::Lru => Self::Lru,
            PolicyField::S3Fifo => Self::S3Fifo,
        }
    }
}

/// The ranges and defaults of a map. A test compares them with those of `localmap`.
pub(crate) const MAX_ENTRIES: u64 = u32::MAX as u64;
pub(crate) const DEFAULT_MAX_ENTRIES: u64 = 1 << 20;
pub(crate) const MIN_BYTES: u64 = 128 << 10;
pub(crate) const MAX_KEY: u32 = 512;
pub(crate) const DEFAULT_MAX_KEY: u32 = 128;
pub(crate) const MAX_VALUE: u64 = 1 << 30;
pub(crate) const DEFAULT_MAX_VALUE: u64 = 1 << 20;
pub(crate) const MAX_PINS: u32 = 65_536;
