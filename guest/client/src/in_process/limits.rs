//! The limits of a map inside the guest.

use std::time::Duration;

use localmap_engine::{self as engine, Policy};

use crate::types::nanos;

/// The limits of a map inside the guest, its default TTL and its policy.
///
/// ```
/// use localmap_client::in_process::{Limits, LocalMap, Policy};
/// use std::time::Duration;
///
/// let cache = LocalMap::with_limits(Limits {
///     max_bytes: 4 << 20,
///     default_ttl: Some(Duration::from_secs(60)),
///     policy: Policy::S3Fifo,
///     ..Limits::default()
/// })?;
/// assert_eq!(cache.limits().max_entries, 1 << 20); // the default
/// # Ok::<(), localmap_client::in_process::ConfigureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries, 1 to 4,294,967,295. Default 1,048,576.
    pub max_entries: u64,
    /// Bytes of memory that the map holds: keys, values, their overhead, and free memory for
    /// new entries. At least 131,072 (128 KiB). Default 33,554,432 (32 MiB).
    pub max_bytes: u64,
    /// Bytes of one key, 1 to 512. Default 128.
    pub max_key: u32,
    /// Bytes of one value, at most 1,073,741,824 (1 GiB). Default 1,048,576 (1 MiB).
    pub max_value: u64,
    /// The TTL of entries written with [`Ttl::Default`](crate::Ttl::Default), at least 1
    /// nanosecond; a longer TTL than 584 years is treated as 584 years. With `None`, the default,
    /// such entries do not expire.
    pub default_ttl: Option<Duration>,
    /// Whether keys must be UTF-8. Default `false`.
    pub utf8_keys: bool,
    /// The behaviour of the map when it is full. Default [`Policy::Refuse`].
    pub policy: Policy,
    /// Values that may be pinned at a time, at most 65,536. Default 1,024.
    pub max_pins: u32,
}

impl Default for Limits {
    fn default() -> Self {
        engine::Limits::DEFAULT.into()
    }
}

impl From<Limits> for engine::Limits {
    fn from(limits: Limits) -> Self {
        Self {
            max_entries: limits.max_entries,
            max_bytes: limits.max_bytes,
            max_key: limits.max_key,
            max_value: limits.max_value,
            default_ttl: limits.default_ttl.map(nanos),
            utf8_keys: limits.utf8_keys,
            policy: limits.policy,
            max_pins: limits.max_pins,
        }
    }
}

impl From<engine::Limits> for Limits {
    fn from(limits: engine::Limits) -> Self {
        Self {
            max_entries: limits.max_entries,
            max_bytes: limits.max_bytes,
            max_key: limits.max_key,
            max_value: limits.max_value,
            default_ttl: limits.default_ttl.map(Duration::from_nanos),
            utf8_keys: limits.utf8_keys,
            policy: limits.policy,
            max_pins: limits.max_pins,
        }
    }
}
