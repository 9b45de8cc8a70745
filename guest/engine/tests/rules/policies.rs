//! Rule 6: which entries are evicted when a map is full.

use std::cell::Cell;

use localmap_engine::{Change, Clock, Limits, MIN_BYTES, Map, Policy, Ttl};

use super::{CACHES, map};

fn small(now: &Cell<u64>, policy: Policy, max_entries: u64) -> Map<impl Clock> {
    let limits = Limits {
        max_entries,
        policy,
        ..Limits::default()
    };
    map(now, limits)
}

fn there(map: &mut Map<impl Clock>, keys: &[u8]) -> Vec<bool> {
    keys.iter().map(|key| map.contains(&[*key])).collect()
}

#[test]
fn rule_6_what_has_expired_goes_first() {
    for policy in CACHES {
        let now = Cell::new(0);
        let mut map = small(&now, policy, 4);
        for (key, ttl) in [(1, 9), (2, 5), (3, 9), (4, 9)] {
            map.set(&[key], b"v", Ttl::After(ttl)).unwrap();
        }
        // The due entry is the one used most recently and most often.
        for _ in 0..5 {
            map.get(&[2]);
        }
        now.set(5);
        map.set(&[5], b"v", Ttl::Never).unwrap();
        assert_eq!(
            there(&mut map, &[1, 2, 3, 4, 5]),
            [true, false, true, true, true]
        );
        assert_eq!((map.stats().expired, map.stats().evicted), (1, 0));
    }
}

/// The same for bytes: no living entry is evicted as long as a due one holds memory.
#[test]
fn rule_6_what_has_expired_goes_first_by_bytes_too() {
    for policy in CACHES {
        let now = Cell::new(0);
        let limits = Limits {
            max_bytes: MIN_BYTES,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        for n in 0..60u8 {
            map.set(&[n, 1], &[1; 500], Ttl::Never).unwrap();
        }
        map.set(b"large", &[2; 70_000], Ttl::After(5)).unwrap();
        map.get(b"large");
        now.set(5);
        map.set(b"next", &[3; 70_000], Ttl::Never).unwrap();
        assert_eq!((map.stats().evicted, map.len()), (0, 61), "{policy:?}");
    }
}

#[test]
fn rule_6_lru_evicts_what_was_used_longest_ago() {
    type Use = fn(&mut Map<&dyn Fn() -> u64>);
    let uses: [Use; 9] = [
        |map| _ = map.get(&[1]),
        |map| _ = map.get_entry(&[1]),
        |map| map.get_many([&[1][..]].into_iter(), |_| {}),
        |map| _ = map.set(&[1], b"w", Ttl::Never).unwrap(),
        |map| _ = map.set(&[1], &[7; 3000], Ttl::Never).unwrap(),
        |map| _ = map.touch(&[1], Ttl::Never).unwrap(),
        |map| {
            let pin = map.pin(&[1]).unwrap().expect("it is there");
            map.unpin(pin);
        },
        |map| {
            let touch = Change::Touch {
                key: &[1],
                ttl: Ttl::After(9),
            };
            map.apply(&[touch]).unwrap();
        },
        |map| {
            map.set(&[1], &[0; 8], Ttl::Never).unwrap();
            map.increment(&[1], 1, Ttl::Never).unwrap();
        },
    ];
    let clock = || 0u64;
    let make = || {
        let limits = Limits {
            max_entries: 3,
            policy: Policy::Lru,
            ..Limits::default()
        };
        let mut map = Map::new(&clock as &dyn Fn() -> u64, 7, limits);
        for key in 1..=3 {
            map.set(&[key], b"v", Ttl::Never).unwrap();
        }
        map
    };
    for used in &uses {
        let mut map = make();
        used(&mut map);
        map.set(&[4], b"v", Ttl::Never).unwrap();
        assert_eq!(there(&mut map, &[1, 2, 3, 4]), [true, false, true, true]);
    }
    // These calls are not uses.
    let looks: [Use; 4] = [
        |map| _ = map.contains(&[1]),
        |map| _ = map.scan(b"", 0, 10, |_| {}),
        |map| _ = map.set_if(&[1], b"w", Ttl::Never, localmap_engine::Condition::Absent),
        |map| _ = map.stats(),
    ];
    for look in &looks {
        let mut map = make();
        look(&mut map);
        map.set(&[4], b"v", Ttl::Never).unwrap();
        assert_eq!(there(&mut map, &[1, 2, 3, 4]), [false, true, true, true]);
    }
}

/// A scan of everything must not push out entries that are used repeatedly.
#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_6_s3_fifo_keeps_what_is_used_while_others_pass_by() {
    let now = Cell::new(0);
    let mut map = small(&now, Policy::S3Fifo, 1000);
    let hot = |n: u32| [b"hot", &n.to_le_bytes()[..]].concat();
    for n in 0..500 {
        map.set(&hot(n), b"v", Ttl::Never).unwrap();
        for _ in 0..3 {
            map.get(&hot(n));
        }
    }
    for n in 0..20_000u32 {
        map.set(&n.to_le_bytes(), b"v", Ttl::Never).unwrap();
        map.get(&hot(n % 500));
    }
    let kept = (0..500).filter(|&n| map.contains(&hot(n))).count();
    assert!(kept >= 490, "{kept} of 500");
    assert_eq!(map.len(), 1000);
    map.validate();
}

/// The map stays as full as its limits allow, for entries of any size: an eviction removes no more
/// than necessary.
/// not throw out more than has to go.
#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_6_a_full_map_stays_full() {
    for policy in CACHES {
        for size in [20, 200, 900, 3000, 20_000] {
            let now = Cell::new(0);
            let limits = Limits {
                max_bytes: 1 << 20,
                policy,
                ..Limits::default()
            };
            let mut map = map(&now, limits);
            let mut least = u64::MAX;
            for n in 0..20_000u32 {
                map.set(&n.to_le_bytes(), &vec![7; size], Ttl::Never)
                    .unwrap();
                if map.glance().evicted > 0 {
                    least = least.min(map.glance().payload);
                }
            }
            let most = 1 << 20;
            assert!(map.glance().evicted > 0 && map.glance().high_water <= most);
            let share = if size < 100 { 20 } else { 70 };
            assert!(
                least * 100 >= most * share,
                "{policy:?}, {size}: {least} of {most}"
            );
        }
    }
}

#[test]
fn rule_6_the_policy_stays_once_there_was_data() {
    let now = Cell::new(0);
    let mut map = small(&now, Policy::Lru, 10);
    let other = |policy| Limits {
        max_entries: 10,
        policy,
        ..Limits::default()
    };
    map.configure(other(Policy::S3Fifo)).unwrap();
    map.set(b"k", b"v", Ttl::Never).unwrap();
    map.configure(other(Policy::S3Fifo)).unwrap();
    for policy in [Policy::Lru, Policy::Refuse] {
        let refused = map.configure(other(policy));
        let fault = localmap_engine::Setting::Policy;
        assert_eq!(
            refused,
            Err(localmap_engine::ConfigureError::Lowered(fault))
        );
    }
}
