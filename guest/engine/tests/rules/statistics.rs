//! The values of the statistics.

use std::cell::Cell;

use localmap_engine::{Limits, MIN_BYTES, Policy, Ttl};

use super::{POLICIES, map};

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn statistics_add_up_and_the_high_water_mark_is_the_most_there_was() {
    for policy in POLICIES {
        let now = Cell::new(0);
        let limits = Limits {
            max_bytes: 150_000,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        let empty = map.stats();
        assert_eq!((empty.bytes, empty.high_water, empty.payload), (0, 0, 0));
        let mut random = fastrand::Rng::with_seed(7);
        let mut most = 0;
        let mut payload = std::collections::BTreeMap::new();
        for _ in 0..3000 {
            let key = [random.u8(..100)];
            let len = random.usize(..8000);
            if random.bool() {
                let stored = map.set(&key, &vec![0; len], Ttl::Never).is_ok();
                if stored {
                    payload.insert(key, 1 + len as u64);
                }
            } else {
                map.delete(&key);
                payload.remove(&key);
            }
            let stats = map.stats();
            assert_eq!(stats.bytes, stats.payload + stats.overhead + stats.free);
            payload.retain(|key, _| map.contains(key));
            assert_eq!(stats.payload, payload.values().sum::<u64>());
            most = most.max(stats.bytes);
            assert!(stats.high_water >= most && stats.high_water <= 150_000);
        }
        assert_eq!(policy == Policy::Refuse, map.stats().evicted == 0);
        assert_eq!(policy == Policy::Refuse, map.stats().refused > 0);
        map.clear();
        let stats = map.stats();
        assert_eq!((stats.payload, stats.bytes), (0, 0));
        assert!(stats.high_water >= most);
    }
}

#[test]
fn what_is_counted() {
    let now = Cell::new(0);
    let limits = Limits {
        max_bytes: MIN_BYTES,
        max_entries: 3,
        ..Limits::default()
    };
    let mut map = map(&now, limits);
    map.set(b"a", b"1", Ttl::After(5)).unwrap();
    map.set(b"b", b"1", Ttl::Never).unwrap();
    map.increment(b"c", 1, Ttl::Never).unwrap();
    assert!(map.set(b"d", b"1", Ttl::Never).is_err());
    for key in [b"a", b"x"] {
        map.get(key);
        map.get_entry(key);
        map.get_many([&key[..]].into_iter(), |_| {});
        let pin = map.pin(key).unwrap();
        pin.into_iter().for_each(|pin| map.unpin(pin));
        map.contains(key);
    }
    assert!(map.take(b"b", |_| ()).is_some() && map.take(b"y", |_| ()).is_none());
    let stats = map.stats();
    assert_eq!((stats.hits, stats.misses), (5, 5));
    assert_eq!((stats.writes, stats.refused), (3, 1));
    now.set(5);
    map.set(b"e", b"1", Ttl::Never).unwrap();
    let stats = map.stats();
    assert_eq!((stats.entries, stats.expired, stats.evicted), (2, 1, 0));
}
