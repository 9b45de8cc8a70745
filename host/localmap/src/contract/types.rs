//! The values that operations take and give.

use crate::contract::bindings::{control, local_map};
use crate::contract::duration::nanos;
use std::time::Duration;

/// The longest key unless [`Limits::max_key`](crate::Limits::max_key) says otherwise, in
/// bytes.
pub const DEFAULT_MAX_KEY_LEN: usize = 128;

/// The most that [`Limits::max_key`](crate::Limits::max_key) can be, in bytes: 512. No
/// map has a longer key.
pub const MAX_KEY_LEN: usize = 512;

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
    /// 1 to [`Limits::max_key`](crate::Limits::max_key) bytes.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// How long it is to live.
    pub ttl: Ttl,
}

/// One change of a batch: see [`LocalMap::apply`](crate::LocalMap::apply).
///
/// Each does what the operation of its name does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// [`LocalMap::set`](crate::LocalMap::set).
    Set {
        /// 1 to [`Limits::max_key`](crate::Limits::max_key) bytes.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// How long it is to live.
        ttl: Ttl,
    },
    /// [`LocalMap::set_if`](crate::LocalMap::set_if).
    SetIf {
        /// 1 to [`Limits::max_key`](crate::Limits::max_key) bytes.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// How long it is to live.
        ttl: Ttl,
        /// What must hold.
        condition: Condition,
    },
    /// [`LocalMap::increment`](crate::LocalMap::increment).
    Increment {
        /// 1 to [`Limits::max_key`](crate::Limits::max_key) bytes.
        key: &'a [u8],
        /// What is added.
        delta: i64,
        /// How long a counter is to live that is not there yet.
        ttl: Ttl,
    },
    /// [`LocalMap::touch`](crate::LocalMap::touch).
    Touch {
        /// 1 to [`Limits::max_key`](crate::Limits::max_key) bytes.
        key: &'a [u8],
        /// How long it is to live from now.
        ttl: Ttl,
    },
    /// [`LocalMap::delete`](crate::LocalMap::delete).
    Delete {
        /// The key.
        key: &'a [u8],
    },
    /// [`LocalMap::delete_if`](crate::LocalMap::delete_if).
    DeleteIf {
        /// The key.
        key: &'a [u8],
        /// The version that its value must have.
        version: Version,
    },
}

impl Change<'_> {
    /// The bytes of its value.
    pub(crate) fn value_len(&self) -> usize {
        match self {
            Self::Set { value, .. } | Self::SetIf { value, .. } => value.len(),
            Self::Increment { .. } => 8,
            Self::Touch { .. } | Self::Delete { .. } | Self::DeleteIf { .. } => 0,
        }
    }

    /// The bytes of its key and its value.
    pub(crate) fn len(&self) -> usize {
        let value_len = match self {
            Self::Set { value, .. } | Self::SetIf { value, .. } => value.len(),
            Self::Increment { .. }
            | Self::Touch { .. }
            | Self::Delete { .. }
            | Self::DeleteIf { .. } => 0,
        };
        self.key_len() + value_len
    }

    /// The bytes of its key.
    pub(crate) fn key_len(&self) -> usize {
        match self {
            Self::Set { key, .. }
            | Self::SetIf { key, .. }
            | Self::Increment { key, .. }
            | Self::Touch { key, .. }
            | Self::Delete { key }
            | Self::DeleteIf { key, .. } => key.len(),
        }
    }
}

/// What a batch may be answered with: who made it counts on the order.
impl Change<'_> {
    /// Refuses outcomes of other changes than these, or of more or fewer.
    pub(crate) fn check_outcomes(
        changes: &[Self],
        outcomes: &[local_map::Outcome],
    ) -> wasmtime::Result<()> {
        use local_map::Outcome as O;
        let fits = |(change, outcome): (&Self, &O)| match change {
            Self::Set { .. } | Self::SetIf { .. } => matches!(outcome, O::Stored(_)),
            Self::Increment { .. } => matches!(outcome, O::Counter(_)),
            Self::Touch { .. } => matches!(outcome, O::Touched(_)),
            Self::Delete { .. } => matches!(outcome, O::Deleted(_)),
            Self::DeleteIf { .. } => matches!(outcome, O::Deleted(true)),
        };
        if outcomes.len() != changes.len() || !changes.iter().zip(outcomes).all(fits) {
            return Err(wasmtime::Error::msg(
                "the map contradicts its contract: it answered apply with outcomes of other changes",
            ));
        }
        Ok(())
    }

    /// The change of this index, as a map has told it.
    pub(crate) fn at(changes: &[Self], index: usize) -> wasmtime::Result<&Self> {
        changes.get(index).ok_or_else(|| {
            wasmtime::Error::msg(
                "the map contradicts its contract: it refused a change that apply was not given",
            )
        })
    }
}

/// What a [`Change`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Of `Set` and `SetIf`: the value has this version.
    Stored(Version),
    /// Of `Increment`: the new value of the counter.
    Counter(i64),
    /// Of `Touch`: whether the key was there.
    Touched(bool),
    /// Of `Delete`: whether the key was there. Of `DeleteIf`: true.
    Deleted(bool),
}

/// What a map has counted since it was made, and what its memory is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Entries that are there now.
    pub entries: u64,
    /// Bytes of memory that the map holds, as [`Limits::max_bytes`](crate::Limits)
    /// counts them: payload, overhead and free together.
    pub bytes: u64,
    /// Bytes of the keys and values that are there.
    pub payload: u64,
    /// Bytes that they cost beside: headers, rounding, tables; and values that only a
    /// pin holds any more.
    pub overhead: u64,
    /// Bytes that are held for the next entries.
    pub free: u64,
    /// Bytes that pins hold, which are part of payload or overhead.
    pub pinned: u64,
    /// The most that `bytes` has ever been.
    pub high_water: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Values stored.
    pub writes: u64,
    /// Entries whose time was up and whose memory has been taken back.
    pub expired: u64,
    /// Living entries that the [policy](crate::Policy) has removed to make room.
    pub evicted: u64,
    /// Calls that the map has answered with [`Error::Full`](crate::Error::Full).
    pub refused: u64,
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

impl<'a> From<&Change<'a>> for local_map::Change<'a> {
    fn from(change: &Change<'a>) -> Self {
        match *change {
            Change::Set { key, value, ttl } => Self::Set(local_map::SetChange {
                key,
                value,
                ttl: ttl.into(),
            }),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => Self::SetIf(local_map::SetIfChange {
                key,
                value,
                ttl: ttl.into(),
                condition: condition.into(),
            }),
            Change::Increment { key, delta, ttl } => Self::Increment(local_map::IncrementChange {
                key,
                delta,
                ttl: ttl.into(),
            }),
            Change::Touch { key, ttl } => Self::Touch(local_map::TouchChange {
                key,
                ttl: ttl.into(),
            }),
            Change::Delete { key } => Self::Delete(key),
            Change::DeleteIf { key, version } => {
                Self::DeleteIf(local_map::DeleteIfChange { key, version })
            }
        }
    }
}

impl From<local_map::Outcome> for Outcome {
    fn from(outcome: local_map::Outcome) -> Self {
        match outcome {
            local_map::Outcome::Stored(version) => Self::Stored(version),
            local_map::Outcome::Counter(sum) => Self::Counter(sum),
            local_map::Outcome::Touched(there) => Self::Touched(there),
            local_map::Outcome::Deleted(there) => Self::Deleted(there),
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
            payload: stats.payload,
            overhead: stats.overhead,
            free: stats.free,
            pinned: stats.pinned,
            high_water: stats.high_water,
            hits: stats.hits,
            misses: stats.misses,
            writes: stats.writes,
            expired: stats.expired,
            evicted: stats.evicted,
            refused: stats.refused,
        }
    }
}
