//! Entries, their versions and TTLs, and the pages of a scan.

use crate::contract::bindings::{control, local_map};
use crate::contract::duration::nanos;
use std::time::Duration;

/// Identifies one stored value of one key.
///
/// A map has one counter for all of its keys, and each stored value gets the next number. A
/// version is never used twice, not even after a delete, an expiry or a
/// [`clear`](crate::LocalMap::clear).
pub type Version = u64;

/// The time to live of an entry.
///
/// ```
/// use localmap::Ttl;
/// use std::time::Duration;
///
/// let minute = Duration::from_secs(60);
/// assert_eq!(Ttl::from(minute), Ttl::After(minute));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ttl {
    /// The map's default: no expiry, unless
    /// [`Limits::default_ttl`](crate::Limits#structfield.default_ttl) is set.
    #[default]
    Default,
    /// Until it is deleted or the map ends.
    Never,
    /// Until this much time has passed. Zero is an error. A deadline beyond the end of the
    /// clock (584 years) becomes the end of the clock.
    After(Duration),
}

impl From<Duration> for Ttl {
    /// Returns [`Ttl::After`].
    fn from(after: Duration) -> Self {
        Self::After(after)
    }
}

/// The condition of a conditional write: see [`LocalMap::set_if`](crate::LocalMap::set_if).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The key is absent.
    Absent,
    /// The key is present.
    Present,
    /// The key is present and its value has this version.
    Version(Version),
}

/// A value with its version and remaining time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// Its version.
    pub version: Version,
    /// The time until it expires, at least 1 ns; `None` if it does not expire.
    pub expires_in: Option<Duration>,
}

/// An entry that a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scanned {
    /// The key.
    pub key: Vec<u8>,
    /// The value with its version and remaining time.
    pub entry: Entry,
}

/// One page of a scan: see [`LocalMap::scan`](crate::LocalMap::scan).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The entries of the page. It may be empty before the scan ends.
    pub entries: Vec<Scanned>,
    /// The cursor of the next page; `None` at the end of the scan.
    pub next: Option<u64>,
}

/// An entry to preload; see [`LocalMap::preload`](crate::LocalMap::preload).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preload {
    /// The key, 1 to [`Limits::max_key`](crate::Limits#structfield.max_key) bytes.
    pub key: Vec<u8>,
    /// The value, up to [`Limits::max_value`](crate::Limits#structfield.max_value) bytes.
    pub value: Vec<u8>,
    /// The time to live of the entry.
    pub ttl: Ttl,
}

impl From<Ttl> for local_map::Ttl {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Default => Self::Default,
            Ttl::Never => Self::Never,
            Ttl::After(after) => Self::After(nanos(after)),
        }
    }
}

impl From<Ttl> for control::Ttl {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Default => Self::Default,
            Ttl::Never => Self::Never,
            Ttl::After(after) => Self::After(nanos(after)),
        }
    }
}

impl From<Condition> for local_map::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Absent => Self::Absent,
            Condition::Present => Self::Present,
            Condition::Version(version) => Self::Version(version),
        }
    }
}

impl From<local_map::Entry> for Entry {
    fn from(entry: local_map::Entry) -> Self {
        Self {
            value: entry.value,
            version: entry.version,
            expires_in: entry.expires_in.map(Duration::from_nanos),
        }
    }
}

impl From<local_map::Scanned> for Scanned {
    fn from(scanned: local_map::Scanned) -> Self {
        Self {
            key: scanned.key,
            entry: Entry {
                value: scanned.value,
                version: scanned.version,
                expires_in: scanned.expires_in.map(Duration::from_nanos),
            },
        }
    }
}

impl From<local_map::Page> for Page {
    fn from(page: local_map::Page) -> Self {
        Self {
            entries: page.entries.into_iter().map(Into::into).collect(),
            next: page.next,
        }
    }
}
