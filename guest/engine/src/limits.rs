//! The bounds of a map and of what is put into it.

use crate::error::{ConfigureError, Error, KeyFault, Setting};

/// The longest key, in bytes, unless [`Limits::max_key`] says otherwise: 128.
pub const MAX_KEY_LEN: usize = 128;

/// The most that [`Limits::max_key`] can be: no map has a longer key.
pub const LONGEST_KEY: usize = 512;

/// The most that [`Limits::max_entries`] can be: 4,294,967,295.
pub const MAX_ENTRIES: u64 = u32::MAX as u64;

/// The least that [`Limits::max_bytes`] can be, in bytes: 128 KiB.
pub const MIN_BYTES: u64 = 128 << 10;

/// The most that [`Limits::max_pins`] can be.
pub const MAX_PINS: u32 = 1 << 16;

/// The most that [`Limits::max_value`] can be, in bytes: 1 GiB.
pub const MAX_VALUE: u64 = 1 << 30;

/// The most bytes that one answer of `get_many` (values) or `scan` (keys and
/// values) holds, unless it holds a single one: 1 MiB.
pub const MAX_PAGE_BYTES: usize = 1 << 20;

/// The most places that one page of a scan visits.
pub const MAX_SCAN_LIMIT: u32 = 4096;

/// The bounds of a map, and what it does where a call does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries, 1 to [`MAX_ENTRIES`]. Default 1,048,576.
    pub max_entries: u64,
    /// Bytes of all memory that the map holds (see the
    /// [crate docs](crate#what-an-entry-costs)), at least [`MIN_BYTES`]. Default
    /// 33,554,432 (32 MiB).
    pub max_bytes: u64,
    /// Bytes of one key, 1 to [`LONGEST_KEY`]. Default [`MAX_KEY_LEN`].
    pub max_key: u32,
    /// Bytes of one value, at most [`MAX_VALUE`]. Default 1,048,576 (1 MiB).
    pub max_value: u64,
    /// The TTL that [`Ttl::Default`](crate::Ttl::Default) stands for, in
    /// nanoseconds, at least 1; `None` (the default): such entries do not expire.
    pub default_ttl: Option<u64>,
    /// Refuse keys that are not UTF-8. Default false.
    pub utf8_keys: bool,
    /// What a map that is full does. Default [`Policy::Refuse`].
    pub policy: Policy,
    /// Pins that are held at the same time, at most [`MAX_PINS`]. Default 1,024.
    pub max_pins: u32,
}

/// What a map does that is full. What has expired goes first, whatever the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Refuses what is new, and evicts nothing that is alive.
    #[default]
    Refuse,
    /// Evicts what has not been used for longest. Each use moves an entry.
    Lru,
    /// Evicts what is new and has not been used again, and what has not been used for
    /// long: S3-FIFO. Its hit ratio is the best for most loads, and a use costs next to
    /// nothing.
    S3Fifo,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// The defaults, where a constant is wanted.
    pub const DEFAULT: Self = Self {
        max_entries: 1 << 20,
        max_bytes: 32 << 20,
        max_key: MAX_KEY_LEN as u32,
        max_value: 1 << 20,
        default_ttl: None,
        utf8_keys: false,
        policy: Policy::Refuse,
        max_pins: 1024,
    };

    /// Whether each limit is in its range.
    ///
    /// # Errors
    ///
    /// [`ConfigureError::OutOfRange`] with the first that is not.
    pub fn check(&self) -> Result<(), ConfigureError> {
        let fault = if self.max_entries == 0 || self.max_entries > MAX_ENTRIES {
            Setting::MaxEntries
        } else if self.max_bytes < MIN_BYTES {
            Setting::MaxBytes
        } else if self.max_key == 0 || self.max_key as usize > LONGEST_KEY {
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

    /// These limits, each moved to the nearest end of its range.
    pub(crate) fn clamped(self) -> Self {
        Self {
            max_entries: self.max_entries.clamp(1, MAX_ENTRIES),
            max_bytes: self.max_bytes.max(MIN_BYTES),
            max_key: self.max_key.clamp(1, LONGEST_KEY as u32),
            max_value: self.max_value.min(MAX_VALUE),
            max_pins: self.max_pins.min(MAX_PINS),
            default_ttl: self.default_ttl.map(|ttl| ttl.max(1)),
            ..self
        }
    }

    /// Whether entries that met `before` meet these too.
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

    /// Whether an entry may have this key.
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

    /// Whether a value may have this length.
    pub(crate) const fn check_value(&self, len: usize) -> Result<(), Error> {
        if len as u64 > self.max_value {
            return Err(Error::ValueTooLarge(self.max_value));
        }
        Ok(())
    }
}
