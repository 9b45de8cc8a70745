//! The bounds of a map, and how they look in the contract.

use crate::contract::bindings::control;
use crate::contract::duration::nanos;
use crate::contract::error::{ConfigureError, KeyFault, Refused, Setting};
use crate::contract::types::{Change, MAX_KEY_LEN, Ttl};
use std::time::Duration;

/// The least that `max_bytes` can be.
const MIN_BYTES: u64 = 128 << 10;

/// The most that `max_pins` can be.
const MAX_PINS: u32 = 65_536;

/// The most changes of a batch.
pub(crate) const MAX_BATCH: usize = 1024;

/// The most bytes of a batch, unless the largest value has more.
const MAX_PAGE_BYTES: u64 = 1 << 20;

/// What the keys and values of a batch may have beyond that.
const MAX_BATCH_EXTRA: u64 = 64 << 10;

/// The bounds of one map, and what it does where a call does not say.
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
    /// How many entries the map holds, 1 to 4,294,967,295. Default 1,048,576.
    pub max_entries: u64,
    /// How many bytes of memory the map may hold: keys, values, what they cost
    /// beside, and what is free for the next ones. At least 131,072 (128 KiB).
    /// Default 33,554,432 (32 MiB).
    pub max_bytes: u64,
    /// How many bytes one key may have, 1 to 512. Default 128.
    pub max_key: u32,
    /// How many bytes one value may have, at most 1,073,741,824 (1 GiB).
    /// Default 1,048,576 (1 MiB).
    pub max_value: u64,
    /// What [`Ttl::Default`](crate::Ttl::Default) stands for. `None`, the
    /// default: such entries do not expire.
    pub default_ttl: Option<Duration>,
    /// Whether keys that are not UTF-8 are refused. Default false.
    pub utf8_keys: bool,
    /// What the map does when it is full. Default [`Policy::Refuse`].
    pub policy: Policy,
    /// How many values may be [pinned](crate::LocalMap::pin) at a time, at most
    /// 65,536. Default 1,024.
    pub max_pins: u32,
}

/// What a map does that is full. What has expired goes first under each of them.
///
/// Those that evict never evict the keys that a call writes, nor entries that are
/// pinned: where nothing else is left, they answer
/// [`Error::Full`](crate::Error::Full) too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Policy {
    /// Answers [`Error::Full`](crate::Error::Full) and keeps what is there: for
    /// records that a flood of new names must not push out.
    #[default]
    Refuse,
    /// Evicts the entries that were used least recently: for caches whose keys come
    /// back soon or not at all.
    Lru,
    /// Evicts as S3-FIFO does: what was not used again soon after it came, then what
    /// was not used again for long. For caches in general; a scan of many keys that
    /// come once does not push out those that come often.
    S3Fifo,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 1 << 20,
            max_bytes: 32 << 20,
            max_key: 128,
            max_value: 1 << 20,
            default_ttl: None,
            utf8_keys: false,
            policy: Policy::Refuse,
            max_pins: 1024,
        }
    }
}

impl Limits {
    /// Sets [`max_entries`](Self::max_entries).
    #[must_use]
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.max_entries = entries;
        self
    }

    /// Sets [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets [`max_key`](Self::max_key), in bytes.
    #[must_use]
    pub fn max_key(mut self, bytes: u32) -> Self {
        self.max_key = bytes;
        self
    }

    /// Sets [`max_value`](Self::max_value), in bytes.
    #[must_use]
    pub fn max_value(mut self, bytes: u64) -> Self {
        self.max_value = bytes;
        self
    }

    /// Sets [`default_ttl`](Self::default_ttl).
    #[must_use]
    pub fn default_ttl(mut self, ttl: Option<Duration>) -> Self {
        self.default_ttl = ttl;
        self
    }

    /// Sets [`utf8_keys`](Self::utf8_keys).
    #[must_use]
    pub fn utf8_keys(mut self, only: bool) -> Self {
        self.utf8_keys = only;
        self
    }

    /// Sets [`policy`](Self::policy).
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets [`max_pins`](Self::max_pins).
    #[must_use]
    pub fn max_pins(mut self, pins: u32) -> Self {
        self.max_pins = pins;
        self
    }

    /// Whether each of them is in its range, as a map would check them.
    ///
    /// # Errors
    ///
    /// [`ConfigureError::OutOfRange`] names the first that is not.
    pub fn check(&self) -> Result<(), ConfigureError> {
        let out_of_range = |setting| Err(ConfigureError::OutOfRange { setting });
        if !(1..=u64::from(u32::MAX)).contains(&self.max_entries) {
            return out_of_range(Setting::MaxEntries);
        }
        if self.max_bytes < MIN_BYTES {
            return out_of_range(Setting::MaxBytes);
        }
        if !(1..=MAX_KEY_LEN).contains(&(self.max_key as usize)) {
            return out_of_range(Setting::MaxKey);
        }
        if self.max_pins > MAX_PINS {
            return out_of_range(Setting::MaxPins);
        }
        if self.max_value > 1 << 30 {
            return out_of_range(Setting::MaxValue);
        }
        if self.default_ttl == Some(Duration::ZERO) {
            return out_of_range(Setting::DefaultTtl);
        }
        Ok(())
    }

    /// Refuses a write as the map would, and in the same order, where that needs no
    /// look at what it holds.
    pub(crate) fn check_write(&self, key: &[u8], len: usize, ttl: Ttl) -> Result<(), Refused> {
        if let Some(fault) = KeyFault::of(key, self) {
            return Err(Refused::InvalidKey { fault });
        }
        if ttl == Ttl::After(Duration::ZERO) {
            return Err(Refused::InvalidTtl);
        }
        let (len, max) = (len as u64, self.max_value);
        if len > max {
            return Err(Refused::ValueTooLarge { len, max });
        }
        Ok(())
    }

    /// Refuses a batch as the map would that is larger than one may be: the first
    /// change that is too much.
    pub(crate) fn check_batch(&self, changes: &[Change<'_>]) -> Result<(), usize> {
        let max = self.max_value.min(self.max_bytes);
        let max = max.max(MAX_PAGE_BYTES) + MAX_BATCH_EXTRA;
        let mut bytes = 0;
        for (index, change) in changes.iter().enumerate() {
            bytes += change.len() as u64;
            if index >= MAX_BATCH || bytes > max {
                return Err(index);
            }
        }
        Ok(())
    }

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

impl Limits {
    /// These limits, with [`max_key`](Self::max_key) at 512 bytes, which is the most that it
    /// can be, and what the longest bucket's name and the longest key of `wasi:keyvalue`
    /// make together.
    ///
    /// [`plug`](crate::plug) does so by itself. A map that is
    /// [attached](crate::LinkedMap) to an app from [`with_keyvalue`] asks for it.
    #[must_use]
    pub fn for_buckets(self) -> Self {
        self.max_key(MAX_KEY_LEN as u32)
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
