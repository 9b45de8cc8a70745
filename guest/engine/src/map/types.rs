//! The types that the operations of the map take and return.

use crate::value::Value;

/// The maximum number of changes in one call of [`Map::apply`](crate::Map::apply).
pub const MAX_CHANGES: usize = 1024;

/// The time to live of a written entry.
///
/// ```
/// use localmap_engine::{Limits, Map, Ttl};
///
/// let limits = Limits { default_ttl: Some(60), ..Limits::default() };
/// let mut map = Map::new(|| 100, 42, limits);
/// for (ttl, left) in [(Ttl::Default, Some(60)), (Ttl::Never, None), (Ttl::After(5), Some(5))] {
///     map.set(b"key", b"value", ttl)?;
///     assert_eq!(map.get_entry(b"key").expect("it was just set").expires_in, left);
/// }
/// # Ok::<(), localmap_engine::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ttl {
    /// [`Limits::default_ttl`](crate::Limits::default_ttl), or [`Never`](Self::Never) if that is
    /// `None`.
    #[default]
    Default,
    /// The entry does not expire.
    Never,
    /// The entry expires after this many nanoseconds, at least 1: zero is rejected with
    /// [`Error::InvalidTtl`](crate::Error::InvalidTtl). A deadline past the end of the clock's
    /// range (584 years) is moved to its end.
    After(u64),
}

/// The condition of [`Map::set_if`](crate::Map::set_if).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The key is absent.
    Absent,
    /// The key is present.
    Present,
    /// The key is present, and its value has this version.
    Version(u64),
}

/// An entry, as returned by [`Map::get_entry`](crate::Map::get_entry).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The value.
    pub value: Value<'a>,
    /// The version of the value. A map has one counter for all of its keys, and each stored value
    /// gets the next number. So no version is ever used twice, even after a delete, an expiry or a
    /// `clear`.
    pub version: u64,
    /// The remaining time in nanoseconds, at least 1, or `None` if the entry does not expire.
    pub expires_in: Option<u64>,
}

/// A change for [`Map::apply`](crate::Map::apply).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Does what [`Map::set`](crate::Map::set) does.
    Set {
        /// The key.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// The TTL of the entry.
        ttl: Ttl,
    },
    /// Does what [`Map::set_if`](crate::Map::set_if) does.
    SetIf {
        /// The key.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// The TTL of the entry.
        ttl: Ttl,
        /// The condition.
        condition: Condition,
    },
    /// Does what [`Map::increment`](crate::Map::increment) does.
    Increment {
        /// The key.
        key: &'a [u8],
        /// The number to add.
        delta: i64,
        /// The TTL of the counter if it is new.
        ttl: Ttl,
    },
    /// Does what [`Map::touch`](crate::Map::touch) does.
    Touch {
        /// The key.
        key: &'a [u8],
        /// The new TTL, counted from now.
        ttl: Ttl,
    },
    /// Does what [`Map::delete`](crate::Map::delete) does.
    Delete {
        /// The key.
        key: &'a [u8],
    },
    /// Does what [`Map::delete_if`](crate::Map::delete_if) does.
    DeleteIf {
        /// The key.
        key: &'a [u8],
        /// The version that the value must have.
        version: u64,
    },
}

/// The outcome of a [`Change`], from [`Map::apply`](crate::Map::apply).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The version of the value of a [`Change::Set`] or [`Change::SetIf`].
    Stored(u64),
    /// The new value of the counter of a [`Change::Increment`].
    Counter(i64),
    /// `true` if the key of a [`Change::Touch`] was present.
    Touched(bool),
    /// `true` if the key of a [`Change::Delete`] or [`Change::DeleteIf`] was present.
    Deleted(bool),
}

/// The current contents of a map, and counts of events since it was created. See
/// [`Map::stats`](crate::Map::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The number of entries, as [`Map::len`](crate::Map::len) returns it.
    pub entries: u64,
    /// The total memory held, in bytes, as [`Limits::max_bytes`](crate::Limits::max_bytes) counts
    /// it: `payload`, `overhead` and `free`.
    pub bytes: u64,
    /// The total size of the keys and values of all entries, in bytes.
    pub payload: u64,
    /// The total size of headers, of unused ends of slots, of tables, and of values that only pins
    /// hold, in bytes.
    pub overhead: u64,
    /// Free memory that is held for further entries, in bytes.
    pub free: u64,
    /// The total size of the slots that pins hold, in bytes; part of `payload` and `overhead`.
    pub pinned: u64,
    /// The highest value of `bytes` so far.
    pub high_water: u64,
    /// Reads that found their key: `get`, `get_entry`, `take`, `pin`, and each key that `get_many`
    /// visited.
    pub hits: u64,
    /// Reads that did not find their key.
    pub misses: u64,
    /// Values stored by `set`, `set_if` and `increment`, and by `apply`.
    pub writes: u64,
    /// Expired entries whose memory has been freed.
    pub expired: u64,
    /// Living entries removed to make room.
    pub evicted: u64,
    /// Calls that returned [`Error::Full`](crate::Error::Full).
    pub refused: u64,
}
