//! Regression tests for bugs of well-known caches. Each is named after the bug, and checks the
//! correct behaviour under every policy. The one that needs a special allocator (a resize that
//! needs the old and the new memory at once) is in `allocation.rs`.

use std::cell::Cell;

use localmap_engine::{Change, Clock, Condition, Error, Limits, MIN_BYTES, Map, Policy, Ttl};

const POLICIES: [Policy; 3] = [Policy::Refuse, Policy::Lru, Policy::S3Fifo];
const CACHES: [Policy; 2] = [Policy::Lru, Policy::S3Fifo];

fn map(now: &Cell<u64>, policy: Policy, max_entries: u64) -> Map<impl Clock> {
    let limits = Limits {
        max_entries,
        policy,
        ..Limits::default()
    };
    Map::new(|| now.get(), 7, limits)
}

fn get(map: &mut Map<impl Clock>, key: &[u8]) -> Option<Vec<u8>> {
    map.get(key).map(|value| value.to_vec())
}

#[test]
fn ttl_of_u64_max_evicts_at_once() {
    for policy in POLICIES {
        let now = Cell::new(1_000_000_000);
        let mut map = map(&now, policy, 10);
        map.set(b"k", b"v", Ttl::After(u64::MAX)).unwrap();
        // Writes free entries that are due.
        map.set(b"l", b"v", Ttl::After(1)).unwrap();
        assert_eq!(get(&mut map, b"k"), Some(b"v".to_vec()));
        now.set(u64::MAX - 1);
        map.set(b"m", b"v", Ttl::After(1)).unwrap();
        assert_eq!(get(&mut map, b"k"), Some(b"v".to_vec()));
    }
}

#[test]
fn deadline_overflow() {
    for (start, ttl) in [
        (1, u64::MAX),
        (u64::MAX - 1, 2),
        (u64::MAX / 2 + 1, u64::MAX / 2 + 1),
    ] {
        let now = Cell::new(start);
        let mut map = map(&now, Policy::Refuse, 10);
        map.set(b"k", b"v", Ttl::After(ttl)).unwrap();
        let entry = map.get_entry(b"k").expect("no deadline before its start");
        assert_eq!(entry.expires_in, Some(u64::MAX - start));
    }
}

#[test]
fn clock_running_backwards() {
    for policy in POLICIES {
        let now = Cell::new(100);
        let mut map = map(&now, policy, 10);
        map.set(b"k", b"v", Ttl::After(10)).unwrap();
        now.set(50);
        assert_eq!(map.get_entry(b"k").unwrap().expires_in, Some(10));
        map.set(b"l", b"v", Ttl::After(10)).unwrap();
        map.validate();
        now.set(110);
        assert_eq!(map.len(), 0);
        now.set(0);
        assert_eq!((map.len(), get(&mut map, b"k")), (0, None));
    }
}

#[test]
fn expired_entries_in_len_and_iteration() {
    let now = Cell::new(0);
    let mut map = map(&now, Policy::S3Fifo, 1000);
    for n in 0..100u8 {
        map.set(&[n], b"v", Ttl::After(u64::from(n) + 1)).unwrap();
    }
    for gone in 1..=100 {
        now.set(gone);
        let mut given = 0;
        map.scan(b"", 0, 1000, |scanned| {
            assert!(u64::from(scanned.key[0]) >= gone);
            given += 1;
        });
        assert_eq!((given, map.len()), (100 - gone, 100 - gone));
    }
}

/// Time spans at every power of two, where timer wheels have their boundaries, starting in the
/// middle of a bucket, at its end or at its beginning.
#[test]
fn wheel_off_by_one_never_fires() {
    for start in [0, 63, 64, 12_345, (1 << 24) - 1, 1 << 36, (1 << 42) + 4095] {
        for bit in 0..64 {
            for more in [0, 1, 2] {
                let span = ((1u64 << bit) - 1).saturating_add(more).max(1);
                let now = Cell::new(start);
                let mut map = map(&now, Policy::Refuse, 10);
                // The wheel starts with another entry.
                map.set(b"first", b"v", Ttl::After(1)).unwrap();
                map.set(b"k", b"v", Ttl::After(span)).unwrap();
                let deadline = start.saturating_add(span);
                now.set(deadline - 1);
                let early = u32::from(span > 1);
                assert_eq!(map.sweep(10), early, "{span} after {start} is early");
                map.validate();
                now.set(deadline);
                assert_eq!(map.sweep(10), 2 - early, "{span} after {start} never fires");
                map.validate();
            }
        }
    }
}

/// Due entries in one bucket of a high level move down level by level, without recursion that is
/// as deep as their number.
#[test]
fn a_cascade_that_recurses() {
    for span in [10, 1 << 20, 1 << 40, u64::MAX / 2] {
        let now = Cell::new(0);
        let mut map = map(&now, Policy::Refuse, 200_000);
        for n in 0..200_000u32 {
            map.set(&n.to_le_bytes(), b"", Ttl::After(span)).unwrap();
        }
        now.set(span - 1);
        assert_eq!(map.sweep(u32::MAX), 0);
        now.set(span);
        assert_eq!(map.sweep(u32::MAX), 200_000);
    }
}

#[test]
fn an_index_that_leaks_after_expiry_and_delete() {
    let now = Cell::new(0);
    let mut map = map(&now, Policy::Refuse, 8);
    // The same few slots are used by many keys: no stale handle may return the value of another
    // key.
    for n in 0..10_000u32 {
        now.set(n.into());
        map.set(&n.to_le_bytes(), &n.to_le_bytes(), Ttl::After(3))
            .unwrap();
        if n % 2 == 0 {
            assert!(map.delete(&n.to_le_bytes()));
        }
        for old in n.saturating_sub(20)..=n {
            let lives = old % 2 == 1 && old + 3 > n;
            let value = old.to_le_bytes();
            assert_eq!(get(&mut map, &value), lives.then(|| value.to_vec()));
        }
        assert!(map.stats().entries <= 8);
    }
    now.set(20_000);
    assert_eq!((map.len(), map.stats().payload), (0, 0));
}

#[test]
fn an_index_that_leaks_after_eviction() {
    for policy in CACHES {
        let now = Cell::new(0);
        let mut map = map(&now, policy, 8);
        let mut high_water = 0;
        for n in 0..20_000u32 {
            let key = n.to_le_bytes();
            map.set(&key, &key, Ttl::After(1_000_000)).unwrap();
            let mut there = 0;
            for old in n.saturating_sub(100)..=n {
                let value = old.to_le_bytes();
                let found = map.get(&value);
                there += u32::from(found.is_some());
                assert!(found.is_none_or(|found| found == value), "{policy:?}");
            }
            assert!(there <= 8);
            assert_eq!(map.len(), 8.min(u64::from(n) + 1));
            if n % 1000 == 999 {
                map.validate();
                let stats = map.stats();
                assert_eq!(stats.evicted, u64::from(n) + 1 - 8);
                // Nothing grows with the number of removed entries.
                assert!(high_water == 0 || stats.bytes <= high_water, "{policy:?}");
                high_water = stats.high_water;
            }
        }
    }
}

#[test]
fn the_entry_just_inserted_is_evicted() {
    for policy in POLICIES {
        for max_entries in [1, 2, 5, 17] {
            let now = Cell::new(0);
            let mut map = map(&now, policy, max_entries);
            for n in 0..100u8 {
                // All other entries have been used more often and more recently.
                for other in 0..n {
                    map.get(&[other]);
                }
                let stored = map.set(&[n], &[n], Ttl::Never);
                assert_eq!(stored.is_ok(), map.contains(&[n]), "{policy:?}");
                let room = policy != Policy::Refuse || u64::from(n) < max_entries;
                assert_eq!(stored.is_ok(), room, "{policy:?}");
                let counted = map.increment(&[200, n], 1, Ttl::Never);
                assert_eq!(counted.is_ok(), map.contains(&[200, n]), "{policy:?}");
                map.delete(&[200, n]);
            }
        }
    }
}

#[test]
fn capacity_1_stores_nothing() {
    for policy in POLICIES {
        let now = Cell::new(0);
        let mut map = map(&now, policy, 1);
        map.set(b"a", b"1", Ttl::After(5)).unwrap();
        assert_eq!(get(&mut map, b"a"), Some(b"1".to_vec()));
        map.set(b"a", b"22", Ttl::After(5)).unwrap();
        assert_eq!(get(&mut map, b"a"), Some(b"22".to_vec()));
        assert_eq!(map.stats().evicted, 0);
        let other = map.set(b"b", b"1", Ttl::Never);
        match policy {
            Policy::Refuse => assert_eq!(other, Err(Error::Full)),
            _ => {
                assert_eq!(get(&mut map, b"b"), Some(b"1".to_vec()));
                assert_eq!(map.len(), 1);
                map.set(b"a", b"22", Ttl::After(5)).unwrap();
            }
        }
        now.set(5);
        let evicted = map.stats().evicted;
        map.set(b"b", b"1", Ttl::Never).unwrap();
        assert_eq!(get(&mut map, b"b"), Some(b"1".to_vec()));
        assert_eq!(map.stats().evicted, evicted, "what has expired goes first");
    }
}

#[test]
fn overwrite_evicts_another_key() {
    for policy in POLICIES {
        let now = Cell::new(0);
        let mut map = map(&now, policy, 3);
        for key in [b"a", b"b", b"c"] {
            map.set(key, b"v", Ttl::Never).unwrap();
        }
        for len in [0, 1, 2, 100, 10_000, 3] {
            map.set(b"b", &vec![1; len], Ttl::Never).unwrap();
            for other in [b"a", b"c"] {
                assert_eq!(get(&mut map, other), Some(b"v".to_vec()));
            }
            assert_eq!(map.get(b"b").map(|value| value.len()), Some(len));
        }
        assert_eq!(map.stats().evicted, 0);
    }
}

/// If all entries are pinned, none can be evicted: the write returns `full` without an endless
/// search.
#[test]
fn endless_eviction_loop_when_all_is_pinned() {
    for policy in CACHES {
        let now = Cell::new(0);
        let mut map = map(&now, policy, 3);
        let mut pins = Vec::new();
        for key in [b"a", b"b", b"c"] {
            map.set(key, &[7; 100], Ttl::Never).unwrap();
            pins.push(map.pin(key).unwrap().expect("it is there"));
        }
        assert_eq!(map.set(b"d", b"v", Ttl::Never), Err(Error::Full));
        assert_eq!(map.increment(b"d", 1, Ttl::Never), Err(Error::Full));
        let set = Change::Set {
            key: b"d",
            value: b"v",
            ttl: Ttl::Never,
        };
        assert_eq!(map.apply(&[set]), Err((0, Error::Full)));
        assert_eq!((map.len(), map.stats().refused), (3, 3));
        // Neither an entry that has two pins and loses one, nor one that is pinned with its old
        // value.
        let again = map.pin(b"a").unwrap().expect("it is there");
        map.unpin(again);
        assert_eq!(map.set(b"d", b"v", Ttl::Never), Err(Error::Full));
        map.set(b"a", b"new", Ttl::Never).unwrap();
        map.set(b"d", b"v", Ttl::Never).unwrap();
        assert!(!map.contains(b"a") && map.contains(b"b") && map.contains(b"c"));
        let held = map.pinned(&pins[0]).expect("it is held");
        assert_eq!(held.value, [7; 100]);
        for pin in pins {
            map.unpin(pin);
        }
        map.set(b"e", b"v", Ttl::Never).unwrap();
        map.validate();
        assert_eq!((map.len(), map.stats().pinned), (3, 0));
    }
}

/// The same for bytes.
#[test]
fn endless_eviction_loop_when_all_bytes_are_pinned() {
    for policy in CACHES {
        let limits = Limits {
            max_bytes: MIN_BYTES,
            policy,
            ..Limits::default()
        };
        let mut map = Map::new(|| 0, 7, limits);
        map.set(b"pinned", &[7; 90_000], Ttl::Never).unwrap();
        let pin = map.pin(b"pinned").unwrap().expect("it is there");
        map.set(b"small", b"v", Ttl::Never).unwrap();
        for detached in [false, true] {
            let stored = map.set(b"large", &[1; 90_000], Ttl::Never);
            assert_eq!(stored, Err(Error::Full), "{policy:?}");
            assert!(map.contains(b"small"), "evicted for nothing");
            assert_eq!(map.delete(b"pinned"), !detached);
        }
        map.unpin(pin);
        map.set(b"large", &[1; 90_000], Ttl::Never).unwrap();
        map.validate();
    }
}

#[test]
fn expire_revives_a_key() {
    for policy in POLICIES {
        let now = Cell::new(0);
        let mut map = map(&now, policy, 10);
        map.set(b"k", b"v", Ttl::After(10)).unwrap();
        now.set(10);
        for ttl in [Ttl::After(10), Ttl::Never, Ttl::Default] {
            assert_eq!(map.touch(b"k", ttl), Ok(false));
            assert!(!map.contains(b"k"));
        }
    }
}

#[test]
fn compare_and_set_succeeds_on_a_recycled_version() {
    for policy in POLICIES {
        let now = Cell::new(0);
        let mut map = map(&now, policy, 1);
        let stale = map.set(b"k", b"v", Ttl::After(5)).unwrap();
        let swap = |map: &mut Map<_>| map.set_if(b"k", b"w", Ttl::Never, Condition::Version(stale));
        now.set(5);
        assert_eq!(swap(&mut map), Err(Error::Conflict(None)));
        for round in 0..4 {
            let fresh = map.set(b"k", b"v", Ttl::After(5)).unwrap();
            assert_eq!(swap(&mut map), Err(Error::Conflict(Some(fresh))));
            assert_eq!(
                map.delete_if(b"k", stale),
                Err(Error::Conflict(Some(fresh)))
            );
            match round {
                0 => _ = map.delete(b"k"),
                1 => _ = map.take(b"k", |_| ()),
                // Evicted, if the policy evicts.
                2 => _ = map.set(b"other", b"v", Ttl::After(1)),
                _ => map.clear(),
            }
            now.set(now.get() + 1);
        }
    }
}
