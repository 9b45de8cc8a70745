//! The statistics of a map.

use crate::contract::bindings::control;

/// The statistics of a map: counts since it was created, and the use of its memory. See
/// [`LocalMap::stats`](crate::LocalMap::stats).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Entries that have not expired, as [`LocalMap::len`](crate::LocalMap::len) returns them.
    pub entries: u64,
    /// Bytes of memory that the map holds, as
    /// [`Limits::max_bytes`](crate::Limits#structfield.max_bytes) counts them: the sum of
    /// `payload`, `overhead` and `free`.
    pub bytes: u64,
    /// Bytes of the current keys and values.
    pub payload: u64,
    /// Additional bytes: headers, rounding, tables, and values that only a pin still holds.
    pub overhead: u64,
    /// Bytes held for future entries.
    pub free: u64,
    /// Bytes held by pins. They are part of `payload` or `overhead`.
    pub pinned: u64,
    /// The highest value that `bytes` has had.
    pub high_water: u64,
    /// Reads that found their key: `get`, `get_entry`, `take`, `pin`, and each key of
    /// `get_many`.
    pub hits: u64,
    /// Such reads that did not find their key.
    pub misses: u64,
    /// Values stored.
    pub writes: u64,
    /// Expired entries whose memory has been reclaimed.
    pub expired: u64,
    /// Unexpired entries that the [policy](crate::Policy) removed to make room.
    pub evicted: u64,
    /// Calls that returned [`Error::Full`](crate::Error::Full).
    pub refused: u64,
}

impl Stats {
    /// Adds the statistics of another map, for the sum of both.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            entries,
            bytes,
            payload,
            overhead,
            free,
            pinned,
            high_water,
            ..
        } = other;
        self.entries += entries;
        self.bytes += bytes;
        self.payload += payload;
        self.overhead += overhead;
        self.free += free;
        self.pinned += pinned;
        self.high_water += high_water;
        self.add_counts(other);
    }

    /// Adds what an earlier map has counted, but not what it held.
    pub(crate) fn add_counts(&mut self, earlier: &Self) {
        self.hits += earlier.hits;
        self.misses += earlier.misses;
        self.writes += earlier.writes;
        self.expired += earlier.expired;
        self.evicted += earlier.evicted;
        self.refused += earlier.refused;
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
