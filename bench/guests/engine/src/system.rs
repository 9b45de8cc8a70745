//! What is compared: a map with a capacity and a TTL.

/// Nanoseconds that every entry lives: an hour, which no run reaches.
pub(crate) const TTL: u64 = 3_600_000_000_000;

/// What a map is made for.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Entries that it is to have room for before anything is evicted.
    pub(crate) capacity: usize,
}

pub(crate) trait System {
    /// Stores a value that lives for [`TTL`]. False: refused.
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool;

    /// What [`digest`] makes of the value where it lies; `None`: not there, or its
    /// time is up.
    fn get(&mut self, key: &[u8]) -> Option<u64>;

    /// Bytes that the map itself says it takes; 0: it says nothing.
    fn footprint(&mut self) -> u64 {
        0
    }
}

/// Reads the first and the last word of a value: who asks for a value looks at it.
#[inline]
pub(crate) fn digest(value: &[u8]) -> u64 {
    match (value.first_chunk(), value.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first).wrapping_add(u64::from_le_bytes(*last))
        }
        _ => value.iter().map(|&byte| u64::from(byte)).sum(),
    }
}
