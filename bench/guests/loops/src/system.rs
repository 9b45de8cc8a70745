//! What is compared: a map with a capacity and, where the plan says so, a TTL.

use crate::Key;

/// Nanoseconds that an entry lives where it has a TTL: an hour, which no run reaches.
pub const TTL: u64 = 3_600_000_000_000;

/// Keys of one call of `get_many` and `apply`.
pub const MANY: usize = 16;

/// Entries of one page of a scan.
pub const PAGE: u32 = 256;

/// What a map is made for.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Entries that it is to have room for before anything is evicted.
    pub capacity: usize,
    /// Bytes of a value.
    pub value_len: usize,
    /// Whether entries live for [`TTL`], or for ever.
    pub ttl: bool,
}

/// A map. `None` of an operation: the system has none.
pub trait System {
    /// Stores a value, with the TTL of the plan. False: refused.
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool;

    /// What [`digest`] makes of the value; `None`: not there, or its time is up.
    fn get(&mut self, key: &[u8]) -> Option<u64>;

    /// Removes an entry that is there.
    fn delete(&mut self, _key: &[u8]) -> Option<bool> {
        None
    }

    /// Adds 1 to a counter, in one operation. False: refused.
    fn increment(&mut self, _key: &[u8]) -> Option<bool> {
        None
    }

    /// Reads several keys in one operation; how many are there.
    fn get_many(&mut self, _keys: &[Key; MANY]) -> Option<u32> {
        None
    }

    /// Stores under several keys in one operation. False: refused.
    fn apply(&mut self, _keys: &[Key; MANY], _value: &[u8]) -> Option<bool> {
        None
    }

    /// The next page of about [`PAGE`] entries, from the start again after the last;
    /// whether there was one.
    fn scan(&mut self) -> Option<bool> {
        None
    }

    /// Bytes that the map itself says it takes; 0: it says nothing.
    fn footprint(&mut self) -> u64 {
        0
    }
}

/// Reads the first and the last word of a value: who asks for a value looks at it.
#[inline]
#[must_use]
pub fn digest(value: &[u8]) -> u64 {
    match (value.first_chunk(), value.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first).wrapping_add(u64::from_le_bytes(*last))
        }
        _ => value.iter().map(|&byte| u64::from(byte)).sum(),
    }
}
