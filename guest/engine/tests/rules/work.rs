//! Rule 7: the maximum work of one call.

use std::cell::Cell;

use localmap_engine::{Change, Condition, Error, Limits, Map, Ttl};

use super::{CACHES, POLICIES, fill, get, map};

/// Long enough after a deadline for a write to free the entries that were due then: it ignores the
/// last 17 ms.
/// look at the last 17 ms.
const LATER: u64 = 1 << 30;

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_7_no_call_takes_back_more_than_16_besides_its_own() {
    let now = Cell::new(0);
    const DUE: u32 = 10_000;
    let calls: [fn(&mut Map<_>); 16] = [
        |map| _ = map.get(b"\0\0\0\0").map(drop),
        |map| _ = map.get_entry(b"\0\0\0\0").map(drop),
        |map| map.get_many([&b"\0\0\0\0"[..], b"x"].into_iter(), |_| {}),
        |map| _ = map.contains(b"\0\0\0\0"),
        |map| _ = map.set(b"x", b"v", Ttl::After(1)),
        |map| _ = map.set(b"\0\0\0\0", b"v", Ttl::After(1)),
        |map| _ = map.set_if(b"x", b"v", Ttl::After(1), Condition::Absent),
        |map| _ = map.increment(b"x", 1, Ttl::After(1)),
        |map| _ = map.touch(b"\0\0\0\0", Ttl::After(1)),
        |map| _ = map.take(b"\0\0\0\0", |_| ()),
        |map| _ = map.delete(b"\0\0\0\0"),
        |map| _ = map.delete_if(b"\0\0\0\0", 1),
        |map| _ = map.scan(b"", 0, u32::MAX, |_| {}),
        |map| _ = map.pin(b"\0\0\0\0"),
        |map| _ = map.apply(&[Change::Delete { key: b"x" }]),
        |map| {
            _ = map.apply(&[Change::Set {
                key: b"\0\0\0\0",
                value: b"v",
                ttl: Ttl::After(1),
            }]);
        },
    ];
    for (at, policy) in (0..calls.len()).flat_map(|at| POLICIES.map(|policy| (at, policy))) {
        now.set(0);
        let clock: Box<dyn Fn() -> u64> = Box::new(|| now.get());
        let limits = Limits {
            policy,
            ..Limits::default()
        };
        let mut map = Map::new(clock, 7, limits);
        fill(&mut map, DUE, Ttl::After(10));
        now.set(LATER);
        // The second call already knows the time.
        for _ in 0..2 {
            let before = map.glance().expired;
            calls[at](&mut map);
            let expired = map.glance().expired - before;
            assert!(expired <= 17, "call {at} took back {expired}");
        }
        assert!(map.sweep(u32::MAX) >= DUE - 2 * 17);
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_7_what_is_due_and_not_yet_taken_back_is_gone_all_the_same() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    fill(&mut map, 10_000, Ttl::After(10));
    now.set(LATER);
    for n in (0..10_000u32).rev().step_by(100) {
        let key = n.to_le_bytes();
        assert_eq!(map.set_if(&key, b"w", Ttl::Never, Condition::Present), {
            Err(Error::Conflict(None))
        });
        map.set(&key, b"new", Ttl::Never).expect("room");
        assert_eq!(get(&mut map, &key), Some(b"new".to_vec()));
    }
    assert!(map.sweep(1) == 1, "nothing was left to take back");
    assert_eq!((map.len(), map.stats().expired), (100, 10_000));
    for n in (0..10_000u32).rev().step_by(100) {
        assert!(map.delete(&n.to_le_bytes()));
    }
    assert_eq!(map.stats().payload, 0);
}

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_7_a_new_entry_frees_expired_ones() {
    for policy in POLICIES {
        let now = Cell::new(0);
        let limits = Limits {
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        fill(&mut map, 1000, Ttl::After(10));
        // Entries that live for 10 ms do not accumulate, if one is written every 10 ms.
        for n in 0..10_000u64 {
            now.set(n * 10_000_000);
            map.set(&n.to_le_bytes(), b"v", Ttl::After(10_000_000))
                .unwrap();
        }
        let stats = map.glance();
        assert!(stats.entries <= 6, "{stats:?}");
        assert_eq!(map.len(), 1);
        map.validate();
    }
}

/// All entries expire at the same instant. No call has to wait for them: they are freed 16 at a
/// time.
#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_7_a_hundred_thousand_that_are_due_at_once() {
    for policy in CACHES {
        let now = Cell::new(0);
        let limits = Limits {
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        for n in 0..100_000u32 {
            // Some were set with a longer TTL, and get this deadline from `touch`.
            let key = n.to_le_bytes();
            map.set(&key, b"v", Ttl::After(LATER << (n % 9))).unwrap();
            map.touch(&key, Ttl::After(LATER)).unwrap();
        }
        now.set(2 * LATER);
        for n in 0..100_000u32 {
            let before = map.glance();
            match n % 4 {
                0 => assert_eq!(map.get(&n.to_le_bytes()), None),
                1 => assert!(!map.delete(&n.to_le_bytes())),
                2 => _ = map.set(&[n.to_le_bytes()[0], 1], b"w", Ttl::Never).unwrap(),
                _ => _ = map.increment(&n.to_le_bytes(), 1, Ttl::After(9)).unwrap(),
            }
            assert!(map.glance().expired - before.expired <= 17);
        }
        assert_eq!(map.glance().evicted, 0);
        map.validate();
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_7_sweep_takes_back_as_many_as_it_is_told() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    fill(&mut map, 1000, Ttl::After(10));
    fill(&mut map, 100, Ttl::Never);
    now.set(10);
    for max in [0, 1, 7, 500] {
        assert_eq!(map.sweep(max), max);
    }
    assert_eq!(map.sweep(1000), 1000 - 100 - 508);
    assert_eq!((map.sweep(u32::MAX), map.len()), (0, 100));
}
