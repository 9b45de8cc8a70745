//! What the operations of the map take and give.

use crate::value::Value;

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
    pub value: Value<'a>,
    /// Names this value of this key. A map has one counter for all of its keys and
    /// each value stored gets its next number, so that a version is never used
    /// twice, not after a delete, an expiry or a `clear` either.
    pub version: u64,
    /// Nanoseconds that are left, at least 1; `None`: it does not expire.
    pub expires_in: Option<u64>,
}

/// One of the changes of [`Map::apply`](crate::Map::apply).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// As [`Map::set`](crate::Map::set).
    Set {
        /// The key.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// How long it is to live.
        ttl: Ttl,
    },
    /// As [`Map::set_if`](crate::Map::set_if).
    SetIf {
        /// The key.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// How long it is to live.
        ttl: Ttl,
        /// What must hold.
        condition: Condition,
    },
    /// As [`Map::increment`](crate::Map::increment).
    Increment {
        /// The key.
        key: &'a [u8],
        /// What is added.
        delta: i64,
        /// How long a counter that is new is to live.
        ttl: Ttl,
    },
    /// As [`Map::touch`](crate::Map::touch).
    Touch {
        /// The key.
        key: &'a [u8],
        /// How long it is to live from now on.
        ttl: Ttl,
    },
    /// As [`Map::delete`](crate::Map::delete).
    Delete {
        /// The key.
        key: &'a [u8],
    },
    /// As [`Map::delete_if`](crate::Map::delete_if).
    DeleteIf {
        /// The key.
        key: &'a [u8],
        /// The version that must be there.
        version: u64,
    },
}

/// What one of the changes of [`Map::apply`](crate::Map::apply) has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Of a [`Change::Set`] or [`Change::SetIf`]: the version of the value.
    Stored(u64),
    /// Of a [`Change::Increment`]: the value of the counter.
    Counter(i64),
    /// Of a [`Change::Touch`]: whether the key is there.
    Touched(bool),
    /// Of a [`Change::Delete`] or [`Change::DeleteIf`]: whether the key was there.
    Deleted(bool),
}

/// What a map holds, and what it has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// As [`Map::len`](crate::Map::len) gives it.
    pub entries: u64,
    /// Bytes of all memory that is held, as
    /// [`Limits::max_bytes`](crate::Limits::max_bytes) counts them: `payload`, `overhead`
    /// and `free`.
    pub bytes: u64,
    /// Bytes of the keys and values of all entries.
    pub payload: u64,
    /// Bytes of what belongs to them: headers, what slots have to spare, tables; and of
    /// values that are held by pins alone.
    pub overhead: u64,
    /// Bytes that are held and free for what comes.
    pub free: u64,
    /// Bytes of the slots that pins hold; a part of `payload` and `overhead`.
    pub pinned: u64,
    /// The most that `bytes` has been.
    pub high_water: u64,
    /// Reads that found their key: `get`, `get_entry`, `take`, `pin`, and each key that
    /// `get_many` answered.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Values stored: `set`, `set_if`, `increment`, also by `apply`.
    pub writes: u64,
    /// Entries whose time was up and whose memory has been taken back.
    pub expired: u64,
    /// Entries that were alive and had to make room.
    pub evicted: u64,
    /// Calls that were answered with [`Error::Full`](crate::Error::Full).
    pub refused: u64,
}
