//! The maps that are compared, which have a capacity and optionally a TTL.

use crate::Key;

/// The TTL of entries in nanoseconds: an hour, longer than any run.
pub const TTL: u64 = 3_600_000_000_000;

/// Keys in one call of `get_many` or `apply`.
pub const MANY: usize = 16;

/// Entries in one page of a scan.
pub const PAGE: u32 = 256;

/// The configuration of a map.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Entries that fit before anything is evicted.
    pub capacity: usize,
    /// Bytes of a value.
    pub value_len: usize,
    /// Whether entries have the [`TTL`]; without it they do not expire.
    pub ttl: bool,
}

/// A map. An operation that the system does not have returns `None`.
pub trait System {
    /// Whether `get` returns a vector that the caller owns. Otherwise the caller looks at the value
    /// in place, or through a counted reference.
    const OWNED: bool = false;

    /// Stores a value, with the TTL of the plan. Returns `false` if that fails.
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool;

    /// Returns the [`digest`] of the value, or `None` if the key is absent or expired.
    fn get(&mut self, key: &[u8]) -> Option<u64>;

    /// Copies the value into a new vector, which the compiler must not see through, and returns what
    /// `get` returns.
    fn get_vec(&mut self, key: &[u8]) -> Option<Option<u64>> {
        Self::OWNED.then(|| self.get(key))
    }

    /// Copies the value into `buffer`, whose contents it replaces, and returns what `get` returns.
    fn get_into(&mut self, _key: &[u8], _buffer: &mut Vec<u8>) -> Option<Option<u64>> {
        None
    }

    /// Looks at the value without copying it, and returns what `get` returns.
    fn get_in_place(&mut self, key: &[u8]) -> Option<Option<u64>> {
        (!Self::OWNED).then(|| self.get(key))
    }

    /// Deletes a key that is present.
    fn delete(&mut self, _key: &[u8]) -> Option<bool> {
        None
    }

    /// Adds 1 to a counter in one operation. Returns `false` if that fails.
    fn increment(&mut self, _key: &[u8]) -> Option<bool> {
        None
    }

    /// Reads several keys in one operation. Returns how many are present.
    fn get_many(&mut self, _keys: &[Key; MANY]) -> Option<u32> {
        None
    }

    /// Stores several keys in one operation. Returns `false` if that fails.
    fn apply(&mut self, _keys: &[Key; MANY], _value: &[u8]) -> Option<bool> {
        None
    }

    /// Reads the next page of about [`PAGE`] entries, starting again after the last page. Returns
    /// `true` if it had entries.
    fn scan(&mut self) -> Option<bool> {
        None
    }

    /// Returns the bytes that the map reports, or 0 if it reports nothing.
    fn footprint(&mut self) -> u64 {
        0
    }
}

/// Reads the first and the last word of a value, as a stand-in for a program that uses it.
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
