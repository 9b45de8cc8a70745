//! The limits of a map, and their conversion to the contract's types.

use crate::contract::bindings::control;
use crate::contract::duration::nanos;
use crate::contract::error::{ConfigureError, Setting};
use std::time::Duration;

/// The default of [`Limits::max_key`](Limits#structfield.max_key), the maximum length of a key in
/// bytes: 128.
pub const DEFAULT_MAX_KEY_LEN: usize = DEFAULT_MAX_KEY as usize;

/// The maximum of [`Limits::max_key`](Limits#structfield.max_key) in bytes: 512. No map can store
/// a longer key.
pub const MAX_KEY_LEN: usize = MAX_KEY as usize;

/// The default of `max_key`.
const DEFAULT_MAX_KEY: u32 = 128;

/// The maximum of `max_key`.
const MAX_KEY: u32 = 512;

/// The minimum of `max_bytes`.
pub(crate) const MIN_BYTES: u64 = 128 << 10;

/// The maximum of `max_value`.
const MAX_VALUE: u64 = 1 << 30;

/// The maximum of `max_pins`.
const MAX_PINS: u32 = 65_536;

/// The minimum memory that is recommended for a map's store.
const MIN_STORE_MEMORY: usize = 64 << 20;

/// The limits of a map, its default TTL and its policy.
///
/// ```
/// use localmap::Limits;
/// use std::time::Duration;
///
/// let limits = Limits::default()
///     .max_entries(10_000)
///     .default_ttl(Some(Duration::from_secs(60)));
/// assert_eq!(limits.max_value, 1 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
    /// The TTL of entries written with [`Ttl::Default`](crate::Ttl::Default), at least 1 ns. With
    /// `None`, the default, such entries do not expire.
    pub default_ttl: Option<Duration>,
    /// Whether keys must be UTF-8. Default `false`.
    pub utf8_keys: bool,
    /// The behaviour of the map when it is full. Default [`Policy::Refuse`].
    pub policy: Policy,
    /// Values that may be [pinned](crate::LocalMap::pin) at a time, at most 65,536. Default
    /// 1,024.
    pub max_pins: u32,
}

/// The behaviour of a full map. Every policy removes expired entries first.
///
/// The keys that a call writes and pinned entries are never evicted. If nothing else is left
/// to evict, the policies that evict return [`Error::Full`](crate::Error::Full) too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Policy {
    /// Returns [`Error::Full`](crate::Error::Full) and keeps the existing entries. Use it for
    /// records that a flood of new keys must not push out.
    #[default]
    Refuse,
    /// Evicts the least recently used entries. Use it for caches whose keys are used again soon
    /// or not at all.
    Lru,
    /// Evicts by S3-FIFO: first entries that were not used again soon after they were stored,
    /// then entries that have not been used for a long time. It suits caches in general: a scan
    /// of many keys that are used once does not push out keys that are used often.
    ///
    /// The algorithm is that of Yang et al., [FIFO queues are all you need for cache
    /// eviction](https://dl.acm.org/doi/10.1145/3600006.3613147), SOSP 2023.
    S3Fifo,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 1 << 20,
            max_bytes: 32 << 20,
            max_key: DEFAULT_MAX_KEY,
            max_value: 1 << 20,
            default_ttl: None,
            utf8_keys: false,
            policy: Policy::Refuse,
            max_pins: 1024,
        }
    }
}

impl Limits {
    /// Sets [`max_entries`](#structfield.max_entries). See [`Limits`] for an example.
    #[must_use]
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.max_entries = entries;
        self
    }

    /// Sets [`max_bytes`](#structfield.max_bytes).
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets [`max_key`](#structfield.max_key), in bytes.
    #[must_use]
    pub fn max_key(mut self, bytes: u32) -> Self {
        self.max_key = bytes;
        self
    }

    /// Sets [`max_value`](#structfield.max_value), in bytes.
    #[must_use]
    pub fn max_value(mut self, bytes: u64) -> Self {
        self.max_value = bytes;
        self
    }

    /// Sets [`default_ttl`](#structfield.default_ttl).
    #[must_use]
    pub fn default_ttl(mut self, ttl: Option<Duration>) -> Self {
        self.default_ttl = ttl;
        self
    }

    /// Sets [`utf8_keys`](#structfield.utf8_keys).
    #[must_use]
    pub fn utf8_keys(mut self, only: bool) -> Self {
        self.utf8_keys = only;
        self
    }

    /// Sets [`policy`](#structfield.policy).
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets [`max_pins`](#structfield.max_pins).
    #[must_use]
    pub fn max_pins(mut self, pins: u32) -> Self {
        self.max_pins = pins;
        self
    }

    /// Sets [`max_key`](#structfield.max_key) to its maximum of 512 bytes, so that the longest
    /// bucket name and the longest key of `wasi:keyvalue` fit together.
    ///
    /// [`plug`](crate::plug()) does this automatically for apps that import `wasi:keyvalue`. Call
    /// it yourself for the [linked map](crate::LinkedMap) of an app that
    /// [`with_keyvalue`](crate::with_keyvalue) returned.
    ///
    /// ```
    /// use localmap::{Limits, MAX_KEY_LEN};
    ///
    /// let limits = Limits::default().for_buckets();
    /// assert_eq!(limits.max_key as usize, MAX_KEY_LEN);
    /// ```
    #[must_use]
    pub fn for_buckets(self) -> Self {
        self.max_key(MAX_KEY)
    }

    /// Returns the number of bytes of memory that a store needs for a map with these limits,
    /// including its calls: twice [`max_bytes`](#structfield.max_bytes), and at least 67,108,864
    /// (64 MiB).
    ///
    /// Pass it to [`MapOptions::max_memory`](crate::MapOptions::max_memory), to
    /// [`HostOptions::max_memory`](crate::HostOptions::max_memory), or to the
    /// [`MemoryLimiter`](crate::MemoryLimiter) of a store with a plugged app, if the app
    /// itself needs little memory.
    ///
    /// ```
    /// use localmap::{HostOptions, Limits};
    ///
    /// let limits = Limits::default().max_bytes(1 << 30);
    /// assert_eq!(limits.recommended_memory(), 2 << 30);
    /// let options = HostOptions::new().max_memory(limits.recommended_memory());
    /// # let _ = options;
    /// ```
    #[must_use]
    pub fn recommended_memory(&self) -> usize {
        usize::try_from(self.max_bytes.saturating_mul(2))
            .unwrap_or(usize::MAX)
            .max(MIN_STORE_MEMORY)
    }

    /// Checks that each limit is in its range, as a map does.
    ///
    /// ```
    /// use localmap::{ConfigureError, Limits, Setting};
    ///
    /// assert!(Limits::default().check().is_ok());
    /// let error = Limits::default().max_key(513).check().unwrap_err();
    /// assert!(matches!(error, ConfigureError::OutOfRange { setting: Setting::MaxKey, .. }));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigureError::OutOfRange`] with the first limit that is out of its range.
    pub fn check(&self) -> Result<(), ConfigureError> {
        let out_of_range = |setting| Err(ConfigureError::OutOfRange { setting });
        if !(1..=u64::from(u32::MAX)).contains(&self.max_entries) {
            return out_of_range(Setting::MaxEntries);
        }
        if self.max_bytes < MIN_BYTES {
            return out_of_range(Setting::MaxBytes);
        }
        if !(1..=MAX_KEY).contains(&self.max_key) {
            return out_of_range(Setting::MaxKey);
        }
        if self.max_pins > MAX_PINS {
            return out_of_range(Setting::MaxPins);
        }
        if self.max_value > MAX_VALUE {
            return out_of_range(Setting::MaxValue);
        }
        if self.default_ttl == Some(Duration::ZERO) {
            return out_of_range(Setting::DefaultTtl);
        }
        Ok(())
    }

    /// Converts the limits to the contract's type.
    pub(crate) fn to_contract(&self) -> control::Limits {
        control::Limits {
            max_entries: self.max_entries,
            max_bytes: self.max_bytes,
            max_key: self.max_key,
            max_value: self.max_value,
            default_ttl: self.default_ttl.map(nanos),
            utf8_keys: self.utf8_keys,
            policy: match self.policy {
                Policy::Refuse => control::Policy::Refuse,
                Policy::Lru => control::Policy::Lru,
                Policy::S3Fifo => control::Policy::S3Fifo,
            },
            max_pins: self.max_pins,
        }
    }
}

impl From<control::Limits> for Limits {
    fn from(limits: control::Limits) -> Self {
        Self {
            max_entries: limits.max_entries,
            max_bytes: limits.max_bytes,
            max_key: limits.max_key,
            max_value: limits.max_value,
            default_ttl: limits.default_ttl.map(Duration::from_nanos),
            utf8_keys: limits.utf8_keys,
            policy: match limits.policy {
                control::Policy::Refuse => Policy::Refuse,
                control::Policy::Lru => Policy::Lru,
                control::Policy::S3Fifo => Policy::S3Fifo,
            },
            max_pins: limits.max_pins,
        }
    }
}
