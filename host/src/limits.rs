//! The bounds of a map, and how they look in the contract.

use crate::bindings::control;
use crate::clock::nanos;
use crate::error::{ConfigureError, Error, KeyFault, Setting};
use crate::types::Ttl;
use std::time::Duration;

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
    /// How many bytes of its memory the entries may take up: keys, values and
    /// what they cost beside. Default 33,554,432 (32 MiB).
    pub max_bytes: u64,
    /// How many bytes one value may have, at most 1,073,741,824 (1 GiB).
    /// Default 1,048,576 (1 MiB).
    pub max_value: u64,
    /// What [`Ttl::Default`](crate::Ttl::Default) stands for. `None`, the
    /// default: such entries do not expire.
    pub default_ttl: Option<Duration>,
    /// Whether keys that are not UTF-8 are refused. Default false.
    pub utf8_keys: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 1 << 20,
            max_bytes: 32 << 20,
            max_value: 1 << 20,
            default_ttl: None,
            utf8_keys: false,
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
    pub(crate) fn check_write(&self, key: &[u8], len: usize, ttl: Ttl) -> Result<(), Error> {
        if let Some(fault) = KeyFault::of(key, self.utf8_keys) {
            return Err(Error::InvalidKey { fault });
        }
        if ttl == Ttl::After(Duration::ZERO) {
            return Err(Error::InvalidTtl);
        }
        let max = self.max_value;
        if len as u64 > max {
            return Err(Error::ValueTooLarge { max });
        }
        Ok(())
    }

    pub(crate) fn to_contract(&self) -> control::Limits {
        control::Limits {
            max_entries: self.max_entries,
            max_bytes: self.max_bytes,
            max_value: self.max_value,
            default_ttl: self.default_ttl.map(nanos),
            utf8_keys: self.utf8_keys,
        }
    }
}

impl From<control::Limits> for Limits {
    fn from(limits: control::Limits) -> Self {
        Self {
            max_entries: limits.max_entries,
            max_bytes: limits.max_bytes,
            max_value: limits.max_value,
            default_ttl: limits.default_ttl.map(Duration::from_nanos),
            utf8_keys: limits.utf8_keys,
        }
    }
}
