//! The ghost queue: fingerprints of recently evicted entries.

use alloc::vec::Vec;

/// The number of fingerprints that share a bucket, in which a new one replaces the oldest.
const WAYS: usize = 8;

/// The number of fingerprints in a chunk of 16 KiB.
const CHUNK: usize = 4096;

/// A set of hashes that forgets the oldest ones. Each takes 4 bytes: half of them a fingerprint,
/// the other half the time at which the hash was inserted. About one in 8,000 lookups of an absent
/// hash is a false positive.
pub(crate) struct Ghost {
    /// The chunks, allocated when they are needed.
    chunks: Vec<Vec<u32>>,
    /// The number of buckets, each of [`WAYS`] fingerprints.
    places: u32,
    /// The number of hashes that are remembered.
    size: u32,
    /// The number of hashes inserted so far.
    count: u32,
    /// The size of all chunks and of their list, in bytes.
    bytes: u64,
}

impl Ghost {
    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            places: 0,
            size: 0,
            count: 0,
            bytes: 0,
        }
    }

    /// Returns the allocated bytes.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Inserts a hash. `entries` is the number of entries in the map: nine tenths of that number
    /// are remembered. If memory cannot be allocated, the hash is forgotten.
    pub(crate) fn insert(&mut self, hash: u32, entries: u32, may_grow: impl Fn(u64) -> bool) {
        if self.size == 0 || entries / 2 > self.size {
            self.resize(entries, &may_grow);
        }
        self.count = self.count.wrapping_add(1);
        let now = self.now();
        let Some((chunk, at)) = self.place(hash) else {
            return;
        };
        let len = CHUNK.min(self.places as usize * WAYS);
        let list = self.chunks.capacity() * size_of::<Vec<u32>>();
        let chunk = &mut self.chunks[chunk];
        if chunk.is_empty() {
            // The list may just have been allocated.
            if !may_grow((4 * len + list) as u64) || chunk.try_reserve_exact(len).is_err() {
                return;
            }
            chunk.resize(len, 0);
            self.bytes += 4 * chunk.capacity() as u64;
        }
        let ways = &mut chunk[at..at + WAYS];
        let age = |&slot: &u32| match slot {
            0 => u16::MAX,
            slot => now.wrapping_sub(slot as u16),
        };
        if let Some(oldest) = ways.iter_mut().max_by_key(|slot| age(slot)) {
            *oldest = fingerprint(hash) | u32::from(now);
        }
    }

    /// Removes a hash. Returns `true` if it was present.
    pub(crate) fn take(&mut self, hash: u32) -> bool {
        let (now, most) = (self.now(), self.size / self.granule());
        let Some((chunk, at)) = self.place(hash) else {
            return false;
        };
        let Some(ways) = self.chunks[chunk].get_mut(at..at + WAYS) else {
            return false;
        };
        let wanted = fingerprint(hash);
        let found = ways.iter_mut().find(|slot| {
            let age = u32::from(now.wrapping_sub(**slot as u16));
            **slot != 0 && **slot & 0xffff_0000 == wanted && age <= most
        });
        found.map(|slot| *slot = 0).is_some()
    }

    /// Clears the set, and resizes it for a map with this many entries.
    fn resize(&mut self, entries: u32, may_grow: impl Fn(u64) -> bool) {
        *self = Self::new();
        let size = (entries - entries / 10).max(1);
        // A quarter more, since buckets fill up unevenly.
        let places = (size / WAYS as u32 + 1) * 5 / 4 + 1;
        let chunks = (places as usize * WAYS).div_ceil(CHUNK);
        let bytes = (chunks * size_of::<Vec<u32>>()) as u64;
        if may_grow(bytes) && self.chunks.try_reserve_exact(chunks).is_ok() {
            self.chunks.resize_with(chunks, Vec::new);
            self.bytes = (self.chunks.capacity() * size_of::<Vec<u32>>()) as u64;
            (self.places, self.size) = (places, size);
        }
    }

    /// Returns the chunk and the position in it at which a hash may be stored.
    fn place(&self, hash: u32) -> Option<(usize, usize)> {
        if self.places == 0 {
            return None;
        }
        let place = ((u64::from(hash) * u64::from(self.places)) >> 32) as usize;
        Some((place * WAYS / CHUNK, place * WAYS % CHUNK))
    }

    /// Returns the number of hashes per time unit, chosen so that the queue spans at most 1,024
    /// units and 16-bit ages stay unambiguous.
    const fn granule(&self) -> u32 {
        self.size / 1024 + 1
    }

    /// Returns the current time unit.
    const fn now(&self) -> u16 {
        (self.count / self.granule()) as u16
    }
}

/// Returns a fingerprint, in the upper half of a word. The hash is mixed first, since its high
/// bits already determine the bucket.
const fn fingerprint(hash: u32) -> u32 {
    let mixed = (hash ^ hash >> 15).wrapping_mul(0x9e37_79b1) & 0xffff_0000;
    if mixed == 0 { 0x1_0000 } else { mixed }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns well-distributed hashes, all of them different.
    fn hash(n: u32) -> u32 {
        n.wrapping_mul(0x9e37_79b1) ^ n.rotate_left(16)
    }

    #[test]
    fn remembers_the_latest_and_forgets_the_rest() {
        for entries in [10u32, 100, 1000, 100_000] {
            let mut ghost = Ghost::new();
            let all = entries * 5;
            for n in 0..all {
                ghost.insert(hash(n), entries, |_| true);
            }
            let size = entries - entries / 10;
            let latest = (all - size..all).rev();
            let kept = latest.filter(|&n| ghost.take(hash(n))).count();
            assert!(kept * 100 >= size as usize * 93, "{kept} of {size}");
            let old = (0..all - size - size / 500 - 1).filter(|&n| ghost.take(hash(n)));
            assert!(old.count() <= 1 + all as usize / 1000);
        }
    }

    #[test]
    fn is_silent_without_memory() {
        let mut ghost = Ghost::new();
        ghost.insert(7, 100, |_| false);
        assert!(!ghost.take(7));
    }
}
