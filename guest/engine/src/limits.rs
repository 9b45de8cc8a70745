//! The limits of a map and of its entries.

use crate::error::{ConfigureError, Error, KeyFault, Setting};

/// The default of [`Limits::max_key`], in bytes: 128.
pub const DEFAULT_MAX_KEY_LEN: usize = 128;

/// The maximum of [`Limits::max_key`], in bytes: no map can have longer keys.
pub const MAX_KEY_LEN: usize = 512;

/// The maximum of [`Limits::max_entries`]: 4,294,967,295.
pub const MAX_ENTRIES: u64 = u32::MAX as u64;

/// The minimum of [`Limits::max_bytes`]: 128 KiB.
pub const MIN_BYTES: u64 = 128 << 10;

/// The maximum of [`Limits::max_pins`]: 65,536.
pub const MAX_PINS: u32 = 1 << 16;

/// The maximum of [`Limits::max_value`]: 1 GiB.
pub const MAX_VALUE: u64 = 1 << 30;

/// The maximum number of bytes that one call of [`Map::get_many`](crate::Map::get_many) (values)
/// or [`Map::scan`](crate::Map::scan) (keys and values) visits, unless it visits a single entry: 1
/// MiB.
pub const MAX_PAGE_BYTES: usize = 1 << 20;

/// The maximum number of bytes that the list of changes of a [watched](crate::Map::watch) map can
/// have: 1 MiB.
pub const MAX_WATCH_BYTES: usize = MAX_PAGE_BYTES;

/// The maximum number of changes that one call of [`Map::changes`](crate::Map::changes) visits:
/// 4,096.
pub const MAX_TOLD_CHANGES: usize = 4096;

/// The maximum number of entries that one page of [`Map::scan`](crate::Map::scan) examines: 4,096.
pub const MAX_SCAN_LIMIT: u32 = 4096;

/// The limits and default settings of a map.
///
/// ```
/// use localmap_engine::{ConfigureError, Limits, Policy, Setting};
///
/// let limits = Limits {
///     max_entries: 10_000,
///     policy: Policy::S3Fifo,
///     ..Limits::default()
/// };
/// assert_eq!(limits.check(), Ok(()));
///
/// let limits = Limits { max_key: 513, ..limits };
/// assert_eq!(limits.check(), Err(ConfigureError::OutOfRange(Setting::MaxKey)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of entries, 1 to [`MAX_ENTRIES`]. Default 1,048,576.
    pub max_entries: u64,
    /// The maximum memory that the map holds in total, in bytes (see the [crate
    /// docs](crate#what-an-entry-costs)), at least [`MIN_BYTES`]. Default 33,554,432 (32 MiB). The list
    /// of a [watched](crate::Map::watch) map is not included.
    pub max_bytes: u64,
    /// The maximum length of a key in bytes, 1 to [`MAX_KEY_LEN`]. Default
    /// [`DEFAULT_MAX_KEY_LEN`].
    pub max_key: u32,
    /// The maximum length of a value in bytes, at most [`MAX_VALUE`]. Default 1,048,576 (1 MiB).
    pub max_value: u64,
    /// The TTL that [`Ttl::Default`](crate::Ttl::Default) stands for, in nanoseconds, at least 1.
    /// With `None`, the default, such entries do not expire.
    pub default_ttl: Option<u64>,
    /// Whether keys that are not UTF-8 are rejected. Default `false`.
    pub utf8_keys: bool,
    /// The behaviour of a full map. Default [`Policy::Refuse`].
    pub policy: Policy,
    /// The maximum number of pins held at the same time, at most [`MAX_PINS`]. Default 1,024.
    pub max_pins: u32,
}

/// The behaviour of a full map. Expired entries are removed first, whatever the policy.
///
/// ```
/// use localmap_engine::{Error, Limits, Map, Policy, Ttl};
///
/// let limits = Limits { max_entries: 1, ..Limits::default() };
/// let mut map = Map::new(|| 0, 42, limits.clone());
/// map.set(b"old", b"", Ttl::Never)?;
/// assert_eq!(map.set(b"new", b"", Ttl::Never), Err(Error::Full));
///
/// let mut map = Map::new(|| 0, 42, Limits { policy: Policy::Lru, ..limits });
/// map.set(b"old", b"", Ttl::Never)?;
/// map.set(b"new", b"", Ttl::Never)?;
/// assert!(map.contains(b"new") && !map.contains(b"old"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Rejects new entries, and evicts nothing.
    #[default]
    Refuse,
    /// Evicts the least recently used entry. Each use moves an entry in a queue.
    Lru,
    /// Evicts by S3-FIFO: first new entries that have not been used again, then entries that have
    /// not been used for a long time. It has the best hit ratio for most loads, and a use costs
    /// next to nothing.
    S3Fifo,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// The default limits, as a constant.
    pub const DEFAULT: Self = Self {
        max_entries: 1 << 20,
        max_bytes: 32 << 20,
        max_key: DEFAULT_MAX_KEY_LEN as u32,
        max_value: 1 << 20,
        default_ttl: None,
        utf8_keys: false,
        policy: Policy::Refuse,
        max_pins: 1024,
    };

    /// Checks that each limit is in its range. See [`Limits`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigureError::OutOfRange`] with the first limit that is outside its range.
    pub fn check(&self) -> Result<(), ConfigureError> {
        let fault = if self.max_entries == 0 || self.max_entries > MAX_ENTRIES {
            Setting::MaxEntries
        } else if self.max_bytes < MIN_BYTES {
            Setting::MaxBytes
        } else if self.max_key == 0 || self.max_key as usize > MAX_KEY_LEN {
            Setting::MaxKey
        } else if self.max_pins > MAX_PINS {
            Setting::MaxPins
        } else if self.max_value > MAX_VALUE {
            Setting::MaxValue
        } else if self.default_ttl == Some(0) {
            Setting::DefaultTtl
        } else {
            return Ok(());
        };
        Err(ConfigureError::OutOfRange(fault))
    }

    /// Returns these limits, each clamped to its range.
    pub(crate) fn clamped(self) -> Self {
        Self {
            max_entries: self.max_entries.clamp(1, MAX_ENTRIES),
            max_bytes: self.max_bytes.max(MIN_BYTES),
            max_key: self.max_key.clamp(1, MAX_KEY_LEN as u32),
            max_value: self.max_value.min(MAX_VALUE),
            max_pins: self.max_pins.min(MAX_PINS),
            default_ttl: self.default_ttl.map(|ttl| ttl.max(1)),
            ..self
        }
    }

    /// Checks that all entries that met the limits `before` also meet these.
    pub(crate) fn check_not_lower(&self, before: &Self) -> Result<(), ConfigureError> {
        let fault = if self.max_entries < before.max_entries {
            Setting::MaxEntries
        } else if self.max_bytes < before.max_bytes {
            Setting::MaxBytes
        } else if self.max_key < before.max_key {
            Setting::MaxKey
        } else if self.max_value < before.max_value {
            Setting::MaxValue
        } else if self.utf8_keys && !before.utf8_keys {
            Setting::Utf8Keys
        } else if self.policy != before.policy {
            Setting::Policy
        } else if self.max_pins < before.max_pins {
            Setting::MaxPins
        } else {
            return Ok(());
        };
        Err(ConfigureError::Lowered(fault))
    }

    /// Checks that this key is allowed.
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), Error> {
        let fault = if key.is_empty() {
            KeyFault::Empty
        } else if key.len() > self.max_key as usize {
            KeyFault::TooLong(key.len() as u64)
        } else if self.utf8_keys && core::str::from_utf8(key).is_err() {
            KeyFault::NotUtf8
        } else {
            return Ok(());
        };
        Err(Error::InvalidKey(fault))
    }

    /// Checks that a value may have this length.
    pub(crate) const fn check_value(&self, len: usize) -> Result<(), Error> {
        if len as u64 > self.max_value {
            return Err(Error::ValueTooLarge(self.max_value));
        }
        Ok(())
    }
}
