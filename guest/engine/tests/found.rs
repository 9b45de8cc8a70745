//! Scratch: bugs found, as tests.
use localmap_engine::*;
fn limits(max_entries: u64, max_bytes: u64, policy: Policy) -> Limits {
    Limits {
        max_entries,
        max_bytes,
        policy,
        ..Limits::default()
    }
}

// 1. LRU / S3-FIFO: max_entries reached and the value needs blocks that are not held yet: Full, although the map may grow.
#[test]
fn a_map_full_of_entries_may_still_grow() {
    for policy in [Policy::Lru, Policy::S3Fifo] {
        let mut map = Map::new(|| 0, 7, limits(2, 32 << 20, policy));
        map.set(b"a", b"1", Ttl::Never).unwrap();
        map.set(b"b", b"1", Ttl::Never).unwrap();
        assert!(
            map.set(b"c", &[7; 70_000], Ttl::Never).is_ok(),
            "{policy:?}"
        );
    }
}
// 2. replace / apply: blocks that were promised are given up in between.
#[test]
fn blocks_that_were_promised_are_not_given_up() {
    for policy in [Policy::Refuse, Policy::Lru, Policy::S3Fifo] {
        let mut map = Map::new(|| 0, 7, limits(100, 32 << 20, policy));
        map.set(b"a", &[7; 200_000], Ttl::Never).unwrap();
        map.delete(b"a");
        map.set(b"a", &[7; 90_000], Ttl::Never).unwrap();
        map.set(b"a", &[7; 150_000], Ttl::Never).unwrap();
        map.validate();
        assert_eq!(map.get(b"a").unwrap().len(), 150_000);
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
        assert_eq!(map.get(b"b").unwrap().len(), 170_000);
    }
}
// 3. apply commits in the order of keys, though a later one gives back the memory an earlier one needs.
#[test]
fn a_batch_gives_back_memory_before_it_takes_it() {
    let mut map = Map::new(|| 0, 7, limits(100, MIN_BYTES, Policy::Refuse));
    map.set(b"big", &[7; 90_000], Ttl::Never).unwrap();
    let changes = [
        Change::Set {
            key: b"new",
            value: &[1; 90_000],
            ttl: Ttl::Never,
        },
        Change::Delete { key: b"big" },
    ];
    map.apply(&changes).unwrap();
    map.validate();
    assert_eq!(map.get(b"new").unwrap().len(), 90_000);
}
// 4. apply at the end of the clock
#[test]
fn a_batch_at_the_end_of_the_clock() {
    let mut map = Map::new(|| u64::MAX, 7, Limits::default());
    let changes = [
        Change::Increment {
            key: b"n",
            delta: 3,
            ttl: Ttl::After(1),
        },
        Change::Increment {
            key: b"n",
            delta: 4,
            ttl: Ttl::After(1),
        },
    ];
    assert_eq!(
        map.apply(&changes),
        Ok(vec![Outcome::Counter(3), Outcome::Counter(4)])
    );
}
// 5. pins take memory that is not asked for: beyond max_bytes, and not in high_water.
#[test]
fn places_of_pins_count() {
    let mut map = Map::new(
        || 0,
        7,
        Limits {
            max_pins: 65_536,
            ..limits(100, MIN_BYTES, Policy::Refuse)
        },
    );
    map.set(b"k", &[7; 100_000], Ttl::Never).unwrap();
    let mut pins = Vec::new();
    while pins.len() < 65_536
        && let Ok(Some(pin)) = map.pin(b"k")
    {
        pins.push(pin);
    }
    let stats = map.stats();
    assert!(stats.bytes <= MIN_BYTES, "{} pins: {stats:?}", pins.len());
}
// 6. the wheel's 2,816 bytes: an evicting map answers Full, and so does touch.
#[test]
fn a_first_deadline_in_a_full_map() {
    for policy in [Policy::Lru, Policy::S3Fifo] {
        let mut map = Map::new(|| 0, 7, limits(100_000, MIN_BYTES, policy));
        for n in 0..10_000u32 {
            map.set(&n.to_le_bytes(), &[7; 100], Ttl::Never).unwrap();
        }
        assert!(map.set(b"k", b"v", Ttl::After(5)).is_ok(), "{policy:?}");
    }
}
// 7. make_sure counts a block as free that demand() does not: evicts, then answers Full.
#[test]
fn two_of_a_batch_in_one_block() {
    for n in 20..32usize {
        let mut map = Map::new(|| 0, 7, limits(100_000, MIN_BYTES, Policy::Lru));
        for key in [b"a", b"b"] {
            map.set(key, &[7; 400], Ttl::Never).unwrap();
        }
        let mut large = 0;
        // Others fill the rest.
        while map.stats().evicted == 0 {
            large += 1;
            map.set(
                format!("other {large}").as_bytes(),
                &[7; 4088 - 100],
                Ttl::Never,
            )
            .unwrap();
            map.get(b"a");
            map.get(b"b");
        }
        let (before, evicted) = (map.len(), map.stats().evicted);
        let value = vec![1; n * 4088];
        let changes = [
            Change::Set {
                key: b"a",
                value: &value,
                ttl: Ttl::Never,
            },
            Change::Set {
                key: b"b",
                value: &[1; 30],
                ttl: Ttl::Never,
            },
        ];
        if map.apply(&changes).is_err() {
            assert_eq!((map.len(), map.stats().evicted), (before, evicted), "{n}");
        }
    }
}
// 8. lists that grow are not asked for
#[test]
fn no_limit_is_exceeded_by_lists_that_grow() {
    for max_bytes in (MIN_BYTES..MIN_BYTES + 20_000)
        .step_by(61)
        .chain((2 << 20..(2 << 20) + 40_000).step_by(3001))
    {
        let mut map = Map::new(|| 0, 7, limits(1_000_000, max_bytes, Policy::Refuse));
        let mut n = 0u32;
        while map.set(&n.to_le_bytes(), &[7; 60], Ttl::Never).is_ok() {
            n += 1;
        }
        let stats = map.stats();
        assert!(stats.high_water <= max_bytes, "{max_bytes}: {stats:?}");
    }
}
// validate: two pins of one detached value
#[test]
fn two_pins_of_one_value() {
    let mut map = Map::new(|| 0, 7, Limits::default());
    map.set(b"k", b"v", Ttl::Never).unwrap();
    let (one, two) = (
        map.pin(b"k").unwrap().unwrap(),
        map.pin(b"k").unwrap().unwrap(),
    );
    map.delete(b"k");
    map.validate();
    map.unpin(one);
    map.validate();
    map.unpin(two);
    map.validate();
}
