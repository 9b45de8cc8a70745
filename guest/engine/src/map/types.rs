//! What the operations of the map take and give.

/// How long an entry is to live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ttl {
    /// As the map says: for ever, unless
    /// [`Limits::default_ttl`](crate::Limits::default_ttl) is set.
    #[default]
    Default,
    /// Until it is deleted.
    Never,
    /// Gone when so many nanoseconds have passed. Zero is
    /// [`Error::InvalidTtl`](crate::Error::InvalidTtl). A deadline past the end of
    /// the clock stands at its end (584 years).
    After(u64),
}

/// What must hold for a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The key is not there.
    Absent,
    /// The key is there.
    Present,
    /// The key is there and its value has this version.
    Version(u64),
}

/// A value and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The value.
    pub value: &'a [u8],
    /// Names this value of this key. A map has one counter for all of its keys and
    /// each value stored gets its next number, so that a version is never used
    /// twice, not after a delete, an expiry or a `clear` either.
    pub version: u64,
    /// Nanoseconds that are left, at least 1; `None`: it does not expire.
    pub expires_in: Option<u64>,
}

/// Counted by the map since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// As [`Map::len`](crate::Map::len) gives it.
    pub entries: u64,
    /// Bytes that the entries take up, as
    /// [`Limits::max_bytes`](crate::Limits::max_bytes) counts them.
    pub bytes: u64,
    /// Reads that found their key: `get`, `get_entry`, `take`, and each key that
    /// `get_many` answered.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Values stored: `set`, `set_if`, `increment`.
    pub writes: u64,
    /// Entries whose time was up and whose memory has been taken back.
    pub expired: u64,
}
