//! The hash function for keys, seeded so that chosen keys cannot slow down the index.

use core::hash::Hasher as _;

use foldhash::{SharedSeed, fast::FoldHasher};

use crate::key::KeyProbe;

/// Hashes keys with one seed.
pub(crate) struct KeyHasher {
    per_hasher: u64,
    /// Also seeded: with the fixed seed of foldhash, an attacker could use its source code to
    /// choose keys that collide under every seed.
    shared: SharedSeed,
}

impl KeyHasher {
    /// Creates a hasher from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        // Both are derived from the seed by mixing, so that a small seed is as good as any other:
        // if few bits are set, foldhash maps many short keys to the same hash.
        let shared = SharedSeed::from_u64(seed ^ 0x9e37_79b9_7f4a_7c15);
        let mut mix = FoldHasher::with_seed(!seed, &shared);
        mix.write_u64(0x2545_f491_4f6c_dd1d);
        Self {
            per_hasher: mix.finish(),
            shared,
        }
    }

    /// Returns the hash of a key that is not being looked up.
    #[cfg(any(test, feature = "validate"))]
    pub(crate) fn hash_of(&self, key: &[u8]) -> u32 {
        self.hash(&KeyProbe::new(key))
    }

    /// Returns the hash of a key, in 32 bits: a table in wasm32 uses no more, and each entry needs
    /// only half as much space for it.
    #[inline(always)]
    pub(crate) fn hash(&self, probe: &KeyProbe<'_>) -> u32 {
        let key = probe.key;
        // Keys with the same bytes but different lengths start from different states.
        let state = self.per_hasher.rotate_right((key.len() & 63) as u32);
        let mut hasher = FoldHasher::with_seed(state, &self.shared);
        // foldhash leaves the inlined path for byte strings of more than 16 bytes, but not for
        // integers.
        if let (Some(end), true) = (key.last_chunk::<16>(), key.len() > 16) {
            let words = key.as_chunks::<16>().0;
            for word in words.iter().take((key.len() - 1) / 16) {
                hasher.write_u128(u128::from_le_bytes(*word));
            }
            // May overlap the bytes before it.
            hasher.write_u128(u128::from_le_bytes(*end));
        } else {
            // Both words are the same if there are fewer than 8 bytes. foldhash does the same with
            // 4 bytes.
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
        // With the fixed shared seed of foldhash, each of these keys makes a product of 0.
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
            // By chance, 1.2 of 100,000 collide in 32 bits.
            assert!(hashes.len() >= 99_985, "{} of seed {seed}", hashes.len());
        }
    }

    #[test]
    fn low_and_high_bits_are_spread() {
        // Both ends matter: the low bits choose the bucket, the top 7 bits the tag.
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
