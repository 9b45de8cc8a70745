//! Tests that memory used by values of one size is reused for values of any other size: under a
//! limit of 16 MiB, a map that held 10 MB of small values can then hold 10 MB of large ones,
//! however the small ones were removed.

#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "a test, with numbers of its own choice"
)]

use std::cell::Cell;

use localmap_engine::{Clock, Limits, Map, Policy, Ttl};

const MB: usize = 1_000_000;

/// Just above and below the boundaries: of a slot with parts, of a block, of a page.
const SIZES: [usize; 12] = [
    100,
    300,
    750,
    1_000,
    2_050,
    3_000,
    4_090,
    4_100,
    20_000,
    65_540,
    300_000,
    1 << 20,
];

fn map(now: &Cell<u64>, policy: Policy) -> Map<impl Clock> {
    let limits = Limits {
        max_bytes: 16 << 20,
        policy,
        ..Limits::default()
    };
    Map::new(|| now.get(), 7, limits)
}

fn key(generation: u8, n: usize) -> [u8; 9] {
    let mut key = [generation; 9];
    key[1..].copy_from_slice(&n.to_le_bytes());
    key
}

/// A value that contains its number.
fn value(n: usize, len: usize) -> Vec<u8> {
    let mut value = vec![n as u8; len];
    let end = n.to_le_bytes();
    value[..8].copy_from_slice(&end);
    value[len - 8..].copy_from_slice(&end);
    value
}

/// Sets values of `size` bytes, `total` bytes together, and returns their number.
fn fill(map: &mut Map<impl Clock>, generation: u8, size: usize, total: usize, ttl: Ttl) -> usize {
    let count = total / size;
    for n in 0..count {
        let stored = map.set(&key(generation, n), &value(n, size), ttl);
        let stats = map.glance();
        assert!(stored.is_ok(), "{n} of {count} of {size} bytes: {stats:?}");
    }
    count
}

fn check(map: &mut Map<impl Clock>, generation: u8, size: usize, count: usize) {
    for n in 0..count {
        let found = map.get(&key(generation, n));
        assert!(
            found.is_some_and(|found| found == value(n, size)[..]),
            "{n}"
        );
    }
}

/// The ways in which values are removed.
#[derive(Clone, Copy, Debug)]
enum Going {
    InOrder,
    Shuffled,
    Expired,
    Taken,
    Shrunk,
}

const GOINGS: [Going; 5] = [
    Going::InOrder,
    Going::Shuffled,
    Going::Expired,
    Going::Taken,
    Going::Shrunk,
];

/// Removes all values except one of every `kept`, in the given way.
fn go(map: &mut Map<impl Clock>, now: &Cell<u64>, going: Going, count: usize, kept: usize) {
    let mut keys: Vec<usize> = (0..count).filter(|n| n % kept != 0).collect();
    match going {
        Going::InOrder | Going::Taken => {}
        Going::Shuffled | Going::Shrunk => fastrand::Rng::with_seed(1).shuffle(&mut keys),
        Going::Expired => {
            for n in (0..count).step_by(kept) {
                map.touch(&key(1, n), Ttl::Never).unwrap();
            }
            now.set(now.get() + 1_000_000_000);
            return;
        }
    }
    for n in keys {
        let key = key(1, n);
        match going {
            Going::Taken => assert!(map.take(&key, |_| ()).is_some()),
            Going::Shrunk => {
                map.set(&key, b"", Ttl::Never).unwrap();
                assert!(map.delete(&key));
            }
            _ => assert!(map.delete(&key)),
        }
    }
}

/// The total bytes of values of `size` that the map should hold: 10 MB, if headers leave enough
/// room.
fn total(size: usize) -> usize {
    if size < 200 { 8 * MB } else { 10 * MB }
}

#[test]
fn ten_megabytes_of_one_size_make_room_for_ten_of_another() {
    for (at, &before) in SIZES.iter().enumerate() {
        for (other, &after) in SIZES.iter().enumerate() {
            let going = GOINGS[(at + other) % GOINGS.len()];
            let now = Cell::new(0);
            let mut map = map(&now, Policy::Refuse);
            let ttl = Ttl::After(1_000_000_000);
            let count = fill(&mut map, 1, before, total(before), ttl);
            check(&mut map, 1, before, count);
            go(&mut map, &now, going, count, usize::MAX);
            // The remaining value must not prevent this.
            let count = fill(
                &mut map,
                2,
                after,
                total(after) - before.min(MB),
                Ttl::Never,
            );
            check(&mut map, 2, after, count);
            assert_eq!(map.stats().evicted, 0, "{before} to {after}, {going:?}");
            map.validate();
        }
    }
}

/// Every fifth value stays, so that hardly any block is free.
#[test]
fn what_is_left_here_and_there_moves_together() {
    for (at, &before) in SIZES.iter().enumerate().filter(|(_, size)| **size < 10_000) {
        for (other, &after) in SIZES.iter().enumerate() {
            let going = GOINGS[(at + other) % GOINGS.len()];
            let now = Cell::new(0);
            let mut map = map(&now, Policy::Refuse);
            let ttl = Ttl::After(1_000_000_000);
            let count = fill(&mut map, 1, before, total(before), ttl);
            go(&mut map, &now, going, count, 5);
            let more = fill(&mut map, 2, after, total(after) * 3 / 4, Ttl::Never);
            check(&mut map, 2, after, more);
            for n in (0..count).step_by(5) {
                let kept = map.get(&key(1, n));
                assert!(kept.is_some_and(|kept| kept == value(n, before)[..]));
            }
            map.validate();
        }
    }
}

#[test]
fn a_cache_goes_over_to_another_size_by_evicting() {
    for policy in [Policy::Lru, Policy::S3Fifo] {
        for &before in SIZES.iter().step_by(3) {
            for &after in SIZES.iter().rev().step_by(2) {
                let now = Cell::new(0);
                let mut map = map(&now, policy);
                fill(&mut map, 1, before, total(before), Ttl::Never);
                let count = fill(&mut map, 2, after, 2 * total(after), Ttl::Never);
                map.validate();
                let stats = map.stats();
                let there = (0..count).filter(|&n| map.contains(&key(2, n))).count();
                // A map that evicts stays full, mostly with new values.
                assert!(stats.payload as usize >= total(after).min(total(before)) * 9 / 10);
                assert!(
                    there * after >= 2 * MB,
                    "{policy:?}, {before} to {after}: {there}, {stats:?}"
                );
            }
        }
    }
}

/// Sizes that change all the time, up to the guaranteed total.
#[test]
fn values_that_grow_and_shrink_all_the_time() {
    let now = Cell::new(0);
    let mut map = map(&now, Policy::Refuse);
    let mut random = fastrand::Rng::with_seed(3);
    let mut sizes = [0; 3000];
    let mut sum = 0;
    for round in 0..60_000 {
        let n = random.usize(..sizes.len());
        let size = 16
            + match random.u8(..20) {
                0 => random.usize(..200_000),
                1..5 => random.usize(..8_000),
                _ => random.usize(..900),
            };
        if sum - sizes[n] + size > 11 * MB {
            assert_eq!(map.delete(&key(1, n)), sizes[n] > 0);
            sum -= sizes[n];
            sizes[n] = 0;
            continue;
        }
        let stored = map.set(&key(1, n), &value(n, size), Ttl::Never);
        assert!(stored.is_ok(), "{sum} bytes, {:?}", map.stats());
        sum = sum - sizes[n] + size;
        sizes[n] = size;
        if round % 10_000 == 0 {
            map.validate();
        }
    }
    assert!(sum > 10 * MB, "{sum}");
    for (n, &size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
        let found = map.get(&key(1, n));
        assert!(found.is_some_and(|found| found == value(n, size)[..]));
    }
}
