//! The values that operations take and give.

use crate::bindings::{control, local_map};
use crate::clock::nanos;
use std::time::Duration;

/// The longest key, in bytes.
pub const MAX_KEY_LEN: usize = 128;

/// Names one stored value of one key.
///
/// A map counts up for each value that it stores, of whatever key, so that a
/// version is never used twice: not after a delete, an expiry or a clear either.
pub type Version = u64;

/// How long an entry is to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ttl {
    /// As the map says: for ever, unless [`Limits::default_ttl`](crate::Limits)
    /// is set.
    #[default]
    Default,
    /// Until it is deleted or the map ends.
    Never,
    /// Gone when this much time has passed. Zero is an error; more than 584 years
    /// end with the clock.
    After(Duration),
}

impl From<Duration> for Ttl {
    fn from(after: Duration) -> Self {
        Self::After(after)
    }
}

/// What must hold for a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The key is not there.
    Absent,
    /// The key is there.
    Present,
    /// The key is there, and its value has this version.
    Version(Version),
}

/// A value and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// Its version.
    pub version: Version,
    /// The time that is left. `None`: it does not expire.
    pub expires_in: Option<Duration>,
}

/// An entry that a scan came by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scanned {
    /// The key.
    pub key: Vec<u8>,
    /// The value and what belongs to it.
    pub entry: Entry,
}

/// A part of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// What the page holds; may be empty although the scan goes on.
    pub entries: Vec<Scanned>,
    /// Where the next page starts. `None`: the scan is at its end.
    pub next: Option<u64>,
}

/// An entry that a map has from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preload {
    /// 1 to 128 bytes.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// How long it is to live.
    pub ttl: Ttl,
}

/// What a map has counted since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Entries that are there now.
    pub entries: u64,
    /// Bytes of memory that they take up, as [`Limits::max_bytes`](crate::Limits)
    /// counts them.
    pub bytes: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Values stored.
    pub writes: u64,
    /// Entries whose time was up and whose memory has been taken back.
    pub expired: u64,
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

impl From<local_map::Page> for Page {
    fn from(page: local_map::Page) -> Self {
        Self {
            entries: page.entries.into_iter().map(Into::into).collect(),
            next: page.next,
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

impl From<control::Statistics> for Stats {
    fn from(stats: control::Statistics) -> Self {
        Self {
            entries: stats.entries,
            bytes: stats.bytes,
            hits: stats.hits,
            misses: stats.misses,
            writes: stats.writes,
            expired: stats.expired,
        }
    }
}
