//! The hash of a key: seeded, so that chosen keys cannot make the index slow.

use core::hash::Hasher as _;

use foldhash::{SharedSeed, fast::FoldHasher};

use crate::key::KeyProbe;

/// Hashes keys under one seed.
pub(crate) struct KeyHasher {
    per_hasher: u64,
    /// Seeded, too: with foldhash's fixed one, an attacker could choose keys from its source
    /// that collide under every seed.
    shared: SharedSeed,
}

impl KeyHasher {
    /// Creates a hasher from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        // Both are mixed out of the seed, so that a small one is as good as any: with
        // few bits set, foldhash maps many short keys to the same hash.
        let shared = SharedSeed::from_u64(seed ^ 0x9e37_79b9_7f4a_7c15);
        let mut mix = FoldHasher::with_seed(!seed, &shared);
        mix.write_u64(0x2545_f491_4f6c_dd1d);
        Self {
            per_hasher: mix.finish(),
            shared,
        }
    }

    /// Returns the hash of a key that is not looked for.
    #[cfg(any(test, feature = "validate"))]
    pub(crate) fn hash_of(&self, key: &[u8]) -> u32 {
        self.hash(&KeyProbe::new(key))
    }

    /// Returns the hash of a key. It has 32 bits: all that a table uses in wasm32, and half the
    /// room in each entry.
    #[inline(always)]
    pub(crate) fn hash(&self, probe: &KeyProbe<'_>) -> u32 {
        let key = probe.key;
        // Keys of the same bytes and another length begin with another state.
        let state = self.per_hasher.rotate_right((key.len() & 63) as u32);
        let mut hasher = FoldHasher::with_seed(state, &self.shared);
        // foldhash leaves the inlined path for more than 16 bytes, not so for words.
        if let (Some(end), true) = (key.last_chunk::<16>(), key.len() > 16) {
            let words = key.as_chunks::<16>().0;
            for word in words.iter().take((key.len() - 1) / 16) {
                hasher.write_u128(u128::from_le_bytes(*word));
            }
            // May overlap what is before.
            hasher.write_u128(u128::from_le_bytes(*end));
        } else {
            // Both words are the same where there are fewer than 8 bytes: so does foldhash
            // with 4.
            hasher.write_u128(u128::from(probe.last) << 64 | u128::from(probe.first));
        }
        let hash = hasher.finish();
        (hash ^ hash >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn depends_on_the_seed_and_on_every_byte() {
        let (one, two) = (KeyHasher::new(1), KeyHasher::new(2));
        assert_eq!(one.hash_of(b"key"), KeyHasher::new(1).hash_of(b"key"));
        assert_ne!(one.hash_of(b"key"), two.hash_of(b"key"));
        let key = [7u8; 128];
        let mut hashes: HashSet<u32> = (0..key.len())
            .map(|at| {
                let mut changed = key;
                changed[at] ^= 1;
                one.hash_of(&changed)
            })
            .collect();
        hashes.insert(one.hash_of(&key));
        assert_eq!(hashes.len(), 129);
    }

    #[test]
    fn keys_chosen_from_the_source_of_the_hash_do_not_collide() {
        // With foldhash's fixed shared seed these make a product of 0 each.
        let keys = (0..1000u64).map(|n| {
            let (first, last) = (n.to_le_bytes(), 0x3f84_d5b5_b547_0917_u64.to_le_bytes());
            [first, last].concat()
        });
        let fixed = |key: &std::vec::Vec<u8>| {
            let mut hasher = FoldHasher::with_seed(9, SharedSeed::global_fixed());
            hasher.write(key);
            hasher.finish()
        };
        assert_eq!(keys.clone().map(|key| fixed(&key)).max(), Some(0));
        let ours = KeyHasher::new(9);
        let hashes: HashSet<u32> = keys.map(|key| ours.hash_of(&key)).collect();
        assert_eq!(hashes.len(), 1000);
    }

    #[test]
    fn small_seeds_are_as_good_as_any() {
        for seed in [0, 1, 2, 7, 123_456, u64::MAX] {
            let hasher = KeyHasher::new(seed);
            let hashes: HashSet<u32> = (0..100_000u32)
                .map(|n| hasher.hash_of(std::format!("{n}").as_bytes()))
                .collect();
            // 1.2 of 100,000 collide in 32 bits by chance.
            assert!(hashes.len() >= 99_985, "{} of seed {seed}", hashes.len());
        }
    }

    #[test]
    fn low_and_high_bits_are_spread() {
        // Both ends decide: the low bits choose the bucket, the top 7 the tag.
        let hasher = KeyHasher::new(3);
        let (mut low, mut high) = ([0u32; 128], [0u32; 128]);
        for n in 0u32..128 * 64 {
            let hash = hasher.hash_of(&n.to_le_bytes());
            low[(hash & 127) as usize] += 1;
            high[(hash >> 25) as usize] += 1;
        }
        for count in low.iter().chain(&high) {
            assert!((16..=160).contains(count), "64 expected, {count} found");
        }
    }
}
