//! Tests that memory is given back before the actions that need it.

use localmap_engine::{Change, Limits, MIN_BYTES, Map, Outcome, Policy, Stats, Ttl};

#[test]
fn a_batch_that_deletes_makes_room_for_what_it_sets() {
    let limits = Limits {
        max_bytes: 1 << 20,
        ..Limits::default()
    };
    let mut map = Map::new(|| 0, 1, limits);
    map.set(b"a", &vec![b'v'; 600_000], Ttl::Never).unwrap();
    let large = vec![b'w'; 600_000];
    let batch = [
        Change::Delete { key: b"a" },
        Change::Set {
            key: b"c",
            value: &large,
            ttl: Ttl::Never,
        },
    ];
    assert_eq!(
        map.apply(&batch),
        Ok(vec![Outcome::Deleted(true), Outcome::Stored(2)])
    );
}
#[test]
fn an_overwrite_of_another_length_that_fits_only_in_place_of_the_old_one() {
    let limits = Limits {
        max_bytes: 1 << 20,
        ..Limits::default()
    };
    let mut map = Map::new(|| 0, 1, limits);
    map.set(b"a", &vec![b'v'; 600_000], Ttl::Never).unwrap();
    assert_eq!(map.set(b"a", &vec![b'w'; 700_000], Ttl::Never), Ok(2));
    assert!(
        map.get(b"a")
            .is_some_and(|v| v.to_vec() == vec![b'w'; 700_000])
    );
}

#[test]
fn a_batch_in_which_what_is_freed_comes_after_what_needs_it() {
    let limits = Limits {
        max_bytes: 1 << 20,
        ..Limits::default()
    };
    for shrink in [false, true] {
        let mut map = Map::new(|| 0, 1, limits.clone());
        map.set(b"a", &vec![b'v'; 100_000], Ttl::Never).unwrap();
        map.set(b"b", &vec![b'v'; 600_000], Ttl::Never).unwrap();
        let (large, small) = (vec![b'w'; 600_000], vec![b'w'; 100_000]);
        let second = if shrink {
            Change::Set {
                key: b"b",
                value: &small,
                ttl: Ttl::Never,
            }
        } else {
            Change::Delete { key: b"b" }
        };
        let batch = [
            Change::Set {
                key: b"a",
                value: &large,
                ttl: Ttl::Never,
            },
            second,
        ];
        assert!(map.apply(&batch).is_ok());
        assert!(map.get(b"a").is_some_and(|v| v.to_vec() == large));
    }
}

/// Free blocks are released if there are many, but not those that the current call relies on.
#[test]
fn blocks_that_were_promised_are_not_given_up() {
    for policy in [Policy::Refuse, Policy::Lru, Policy::S3Fifo] {
        let limits = Limits {
            policy,
            ..Limits::default()
        };
        let mut map = Map::new(|| 0, 7, limits);
        map.set(b"a", &[7; 200_000], Ttl::Never).unwrap();
        map.delete(b"a");
        map.set(b"a", &[7; 90_000], Ttl::Never).unwrap();
        map.set(b"a", &[7; 150_000], Ttl::Never).unwrap();
        map.validate();
        assert!(map.get(b"a").is_some_and(|value| value.len() == 150_000));
        let changes = [
            Change::Delete { key: b"a" },
            Change::Set {
                key: b"b",
                value: &[1; 170_000],
                ttl: Ttl::Never,
            },
        ];
        map.apply(&changes).unwrap();
        map.validate();
        assert!(map.get(b"b").is_some_and(|value| value.len() == 170_000));
    }
}

/// A map that is full of entries evicts one, and allocates more memory for the new one.
#[test]
fn a_map_full_of_entries_may_still_grow() {
    for policy in [Policy::Lru, Policy::S3Fifo] {
        let limits = Limits {
            max_entries: 2,
            policy,
            ..Limits::default()
        };
        let mut map = Map::new(|| 0, 7, limits);
        map.set(b"a", b"1", Ttl::Never).unwrap();
        map.set(b"b", b"1", Ttl::Never).unwrap();
        assert!(
            map.set(b"c", &[7; 70_000], Ttl::Never).is_ok(),
            "{policy:?}"
        );
        assert_eq!((map.len(), map.stats().evicted), (2, 1));
    }
}

/// The memory that a plan relies on when it evicts must be available: here, two replaced entries
/// share a block, which becomes free only when both have been removed.
#[test]
fn two_of_a_batch_that_share_a_block() {
    for count in 15..32usize {
        let limits = Limits {
            max_bytes: MIN_BYTES,
            policy: Policy::Lru,
            ..Limits::default()
        };
        let mut map = Map::new(|| 0, 7, limits);
        for key in [b"a", b"b"] {
            map.set(key, &[7; 400], Ttl::Never).unwrap();
        }
        for n in 0u32.. {
            map.set(&n.to_le_bytes(), &[7; 3988], Ttl::Never).unwrap();
            if map.stats().evicted > 0 {
                break;
            }
            map.get(b"a");
            map.get(b"b");
        }
        let before = (map.len(), map.stats().evicted);
        let value = vec![1; count * 4088];
        let set = |key, value| Change::Set {
            key,
            value,
            ttl: Ttl::Never,
        };
        let changes = [set(&b"a"[..], &value[..]), set(b"b", &[1; 30])];
        if map.apply(&changes).is_err() {
            assert_eq!((map.len(), map.stats().evicted), before, "{count}");
        }
        map.validate();
    }
}

#[test]
fn a_pin_where_all_that_is_free_lies_between_entries() {
    let limits = Limits {
        max_bytes: MIN_BYTES,
        ..Limits::default()
    };
    let mut map = Map::new(|| 0, 1, limits);
    let key = |number: u32| number.to_le_bytes();
    let mut count = 0;
    while map.set(&key(count), &[b'v'; 100], Ttl::Never).is_ok() {
        count += 1;
    }
    for number in (0..count).step_by(2) {
        assert!(map.delete(&key(number)));
    }
    let pins: Vec<_> = (0..1000)
        .map(|_| map.pin(&key(1)).unwrap().expect("it is there"))
        .collect();
    for pin in pins {
        assert!(map.pinned(&pin).unwrap().value == [b'v'; 100]);
        map.unpin(pin);
    }
    assert!(
        (1..count)
            .step_by(2)
            .all(|number| map.contains(&key(number)))
    );
}

/// The memory on which evicting relied was given to the index, and the batch failed after all others were evicted.
#[test]
fn a_batch_that_is_refused_has_evicted_nothing() {
    let keys: Vec<[u8; 8]> = (0..6_000_u64).map(u64::to_le_bytes).collect();
    for (policy, max_bytes, entries, old, deletes, sets, replaced, new) in [
        (Policy::Lru, 252_117, 2_370, 73, 17, 441, 284, 450),
        (Policy::S3Fifo, 274_739, 2_323, 108, 650, 363, 8, 563),
        (Policy::Lru, 144_708, 2_922, 116, 127, 839, 57, 6),
        (Policy::Lru, 143_701, 2_601, 110, 562, 418, 195, 194),
        (Policy::S3Fifo, 131_072, 3_000, 1, 1, 1_023, 1, 120),
    ] {
        let limits = Limits {
            max_bytes,
            policy,
            ..Limits::default()
        };
        let mut map = Map::new(|| 0, 7, limits);
        let (old, new) = (vec![1; old], vec![2; new]);
        for key in &keys[..entries] {
            map.set(key, &old, Ttl::Never).expect("others are evicted");
        }
        let (kept, rest) = keys.split_at(entries);
        let mut last = kept.iter().rev();
        let deletes = last.by_ref().take(deletes);
        let mut batch: Vec<Change<'_>> = deletes.map(|key| Change::Delete { key }).collect();
        let stored = last.take(replaced).chain(rest.iter().take(sets - replaced));
        batch.extend(stored.map(|key| Change::Set {
            key,
            value: &new,
            ttl: Ttl::Never,
        }));
        let before = map.stats();
        let result = map.apply(&batch);
        let after = map.stats();
        if result.is_err() {
            let counts = |stats: &Stats| (stats.entries, stats.evicted);
            assert_eq!(counts(&after), counts(&before), "{policy:?}, {max_bytes}");
        }
    }
}
