//! Keys chosen by an attacker who knows the hash function and one seed, in a map with a different
//! seed: they must cause no more work than other keys. Work is counted, not timed.

#![allow(clippy::unwrap_used, reason = "a test, with numbers of its own choice")]

use std::collections::HashMap;

use localmap_engine::{Limits, Map, Policy, Ttl, hash_of};

const KEYS: u32 = 100_000;
const KNOWN: u64 = 42;
const SECRETS: [u64; 4] = [43, 0, 0x0123_4567_89ab_cdef, u64::MAX];

/// A mask of most of the bits of a hash that choose the first bucket to probe.
const BUCKET: u32 = 255;

/// Keys of 16 bytes that all map to the same bucket with the known seed.
fn chosen() -> Vec<[u8; 16]> {
    let candidates = (0u64..).map(|n| {
        let mut key = [b'k'; 16];
        key[8..].copy_from_slice(&n.to_le_bytes());
        key
    });
    let collide = |key: &[u8; 16]| hash_of(KNOWN, key) & BUCKET == 7;
    candidates.filter(collide).take(KEYS as usize).collect()
}

fn random() -> Vec<[u8; 16]> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..KEYS).map(|_| random.u128(..).to_le_bytes()).collect()
}

/// The number of colliding pairs of keys: looking up one of them has to compare or skip the other.
/// `bits` are the bits of the hash that count.
fn pairs(seed: u64, keys: &[[u8; 16]], bits: u32) -> u64 {
    let mut counts: HashMap<u32, u64> = HashMap::new();
    for key in keys {
        *counts.entry(hash_of(seed, key) & bits).or_default() += 1;
    }
    counts.values().map(|count| count * (count - 1) / 2).sum()
}

/// The bytes of a map's tables, which grow if hashes are concentrated.
fn overhead(seed: u64, keys: &[[u8; 16]], policy: Policy) -> u64 {
    let limits = Limits {
        policy,
        ..Limits::default()
    };
    let mut map = Map::new(|| 0, seed, limits);
    for key in keys {
        map.set(key, b"v", Ttl::After(9)).unwrap();
    }
    assert!(keys.iter().all(|key| map.contains(key)));
    let mut given = 0;
    let mut next = Some(0);
    while let Some(cursor) = next {
        next = map.scan(b"", cursor, 4096, |_| given += 1);
    }
    assert_eq!(given, keys.len());
    map.stats().overhead
}

#[test]
fn chosen_keys_cost_no_more_than_random_ones_under_another_seed() {
    let (chosen, random) = (chosen(), random());
    // The bits that choose a bucket, a table, both, a bucket and a tag, and all bits.
    let table = 127 << 11;
    for bits in [BUCKET, table, BUCKET | table, BUCKET | 127 << 25, u32::MAX] {
        let usual = pairs(KNOWN, &random, bits);
        if bits & BUCKET > 0 && bits < u32::MAX {
            let attack = pairs(KNOWN, &chosen, bits);
            assert!(attack > 100 * usual, "the keys are not well chosen");
        }
        for secret in SECRETS {
            let met = pairs(secret, &chosen, bits);
            assert!(met <= usual + usual / 5 + 10, "{met} instead of {usual}");
        }
    }
    for policy in [Policy::Refuse, Policy::Lru, Policy::S3Fifo] {
        let usual = overhead(KNOWN, &random, policy);
        for secret in &SECRETS[..2] {
            let taken = overhead(*secret, &chosen, policy);
            assert!(taken <= usual + usual / 50, "{taken} instead of {usual}");
        }
        // Even an attacker who knows the seed can fill at most one table with colliding keys.
        let known = overhead(KNOWN, &chosen, policy);
        assert!(known <= 2 * usual, "{known} instead of {usual}");
    }
}
