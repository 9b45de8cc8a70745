//! What has been evicted lately: fingerprints without their entries.

use alloc::vec::Vec;

/// Fingerprints that share a place: the oldest makes room.
const WAYS: usize = 8;

/// Fingerprints of a chunk, of 16 KiB.
const CHUNK: usize = 4096;

/// A set of hashes that forgets those which came longest ago: 4 bytes each, half of them
/// a fingerprint and half the time at which it came. One of about 8,000 hashes is found
/// that is not there.
pub(crate) struct Ghost {
    /// Allocated as they are needed.
    chunks: Vec<Vec<u32>>,
    /// Places of [`WAYS`] fingerprints.
    places: u32,
    /// How many hashes are remembered.
    size: u32,
    /// How many have come so far.
    count: u32,
    /// Bytes of all chunks and of the list of them.
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

    /// Returns the bytes that it has allocated.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Remembers a hash. `entries`: how many the map has, of which nine tenths are
    /// remembered. Where memory is refused, it is forgotten.
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
            // The list may have been made just now.
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

    /// Returns `true` if a hash is remembered, and forgets it.
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

    /// Forgets all, and makes room for what a map of that many entries needs.
    fn resize(&mut self, entries: u32, may_grow: impl Fn(u64) -> bool) {
        *self = Self::new();
        let size = (entries - entries / 10).max(1);
        // A quarter more, since places fill up unevenly.
        let places = (size / WAYS as u32 + 1) * 5 / 4 + 1;
        let chunks = (places as usize * WAYS).div_ceil(CHUNK);
        let bytes = (chunks * size_of::<Vec<u32>>()) as u64;
        if may_grow(bytes) && self.chunks.try_reserve_exact(chunks).is_ok() {
            self.chunks.resize_with(chunks, Vec::new);
            self.bytes = (self.chunks.capacity() * size_of::<Vec<u32>>()) as u64;
            (self.places, self.size) = (places, size);
        }
    }

    /// Returns the chunk, and the place in it, that a hash may lie in.
    fn place(&self, hash: u32) -> Option<(usize, usize)> {
        if self.places == 0 {
            return None;
        }
        let place = ((u64::from(hash) * u64::from(self.places)) >> 32) as usize;
        Some((place * WAYS / CHUNK, place * WAYS % CHUNK))
    }

    /// Returns how many hashes come in a unit of time: so that all that are remembered came in
    /// the last 1,024 units or fewer, far fewer than 16 bits can tell apart.
    const fn granule(&self) -> u32 {
        self.size / 1024 + 1
    }

    /// Returns the time.
    const fn now(&self) -> u16 {
        (self.count / self.granule()) as u16
    }
}

/// Returns the upper half of a word. Mixed, since the hash itself says in which place it is.
const fn fingerprint(hash: u32) -> u32 {
    let mixed = (hash ^ hash >> 15).wrapping_mul(0x9e37_79b1) & 0xffff_0000;
    if mixed == 0 { 0x1_0000 } else { mixed }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Well spread, and each one different.
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
