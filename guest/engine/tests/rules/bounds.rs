//! Rules 6, 7 and 10: limits, work in one call, and the end.

use std::cell::Cell;

use localmap_engine::{Condition, ConfigureError, Error, Limits, Map, Setting, Ttl};

use super::{fill, map, scan};

#[test]
fn rule_6_bounds() {
    let now = Cell::new(0);
    let limits = Limits {
        max_entries: 100,
        max_bytes: 5000,
        ..Limits::default()
    };
    let mut map = map(&now, limits);
    // By bytes, before the entries are too many.
    let mut stored = 0u32;
    while map
        .set(&stored.to_le_bytes(), &[0; 100], Ttl::After(10))
        .is_ok()
    {
        stored += 1;
        assert!(map.stats().bytes <= 5000);
    }
    assert!(stored > 1 && stored < 100);
    assert_eq!(map.len(), u64::from(stored));
    // No living entry has gone for it.
    assert_eq!(map.set(b"new", &[0; 100], Ttl::Never), Err(Error::Full));
    assert_eq!(map.len(), u64::from(stored));
    // What has expired goes first, for an overwrite too.
    map.touch(&0u32.to_le_bytes(), Ttl::Never).unwrap();
    assert_eq!(
        map.set(&0u32.to_le_bytes(), &[0; 4000], Ttl::Never),
        Err(Error::Full)
    );
    now.set(10);
    map.set(&0u32.to_le_bytes(), &[0; 4000], Ttl::Never)
        .unwrap();
    assert_eq!((map.len(), map.stats().expired), (1, u64::from(stored) - 1));

    map.clear();
    assert_eq!((map.len(), map.stats().bytes), (0, 0));
    fill(&mut map, 50, Ttl::Never);
    assert!(map.stats().bytes <= 5000);
}

#[test]
fn rule_6_limits_out_of_range() {
    let now = Cell::new(0);
    let mut map = map(
        &now,
        Limits {
            max_entries: 0,
            default_ttl: Some(0),
            ..Limits::default()
        },
    );
    assert_eq!(
        (map.limits().max_entries, map.limits().default_ttl),
        (1, Some(1))
    );
    let limits = Limits {
        max_value: (1 << 30) + 1,
        ..Limits::default()
    };
    let fault = ConfigureError::OutOfRange(Setting::MaxValue);
    assert_eq!(limits.check(), Err(fault));
    assert_eq!(map.configure(limits), Err(fault));
}

#[test]
fn rule_7_no_call_takes_back_more_than_16_besides_its_own() {
    let now = Cell::new(0);
    const DUE: u32 = 10_000;
    let calls: [fn(&mut Map<_>); 13] = [
        |map| _ = map.get(b"\0\0\0\0").map(drop),
        |map| _ = map.get_entry(b"\0\0\0\0").map(drop),
        |map| map.get_many([&b"\0\0\0\0"[..], b"x"].into_iter(), |_| {}),
        |map| _ = map.contains(b"\0\0\0\0"),
        |map| _ = map.set(b"x", b"v", Ttl::After(1)),
        |map| _ = map.set(b"\0\0\0\0", b"v", Ttl::After(1)),
        |map| _ = map.set_if(b"x", b"v", Ttl::After(1), Condition::Absent),
        |map| _ = map.increment(b"x", 1, Ttl::After(1)),
        |map| _ = map.touch(b"\0\0\0\0", Ttl::After(1)),
        |map| _ = map.take(b"\0\0\0\0"),
        |map| _ = map.delete(b"\0\0\0\0"),
        |map| _ = map.delete_if(b"\0\0\0\0", 1),
        |map| _ = map.scan(b"", 0, u32::MAX, |_| {}),
    ];
    for (at, call) in calls.iter().enumerate() {
        now.set(0);
        let clock: Box<dyn Fn() -> u64> = Box::new(|| now.get());
        let mut map = Map::new(clock, 7, Limits::default());
        fill(&mut map, DUE, Ttl::After(10));
        now.set(10);
        call(&mut map);
        let left = map.sweep(u32::MAX);
        assert!(left >= DUE - 17, "call {at} took back {}", DUE - left);
    }
}

#[test]
fn rule_7_what_is_due_and_not_yet_taken_back_is_gone_all_the_same() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    fill(&mut map, 10_000, Ttl::After(10));
    now.set(10);
    for n in (0..10_000u32).rev().step_by(100) {
        let key = n.to_le_bytes();
        assert_eq!(map.set_if(&key, b"w", Ttl::Never, Condition::Present), {
            Err(Error::Conflict(None))
        });
        map.set(&key, b"new", Ttl::Never).expect("room");
        assert_eq!(map.get(&key), Some(&b"new"[..]));
    }
    assert!(map.sweep(1) == 1, "nothing was left to take back");
    assert_eq!((map.len(), map.stats().expired), (100, 10_000));
    for n in (0..10_000u32).rev().step_by(100) {
        assert!(map.delete(&n.to_le_bytes()));
    }
    assert_eq!(map.stats().bytes, 0);
}

#[test]
fn rule_7_whoever_adds_an_entry_takes_back_what_is_due() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    fill(&mut map, 1000, Ttl::After(10));
    now.set(10);
    let due = map.stats();
    assert_eq!(due.expired, 1000);
    // Entries that live for one tick do not pile up.
    for n in 0..10_000u64 {
        now.set(10 + n);
        map.set(&n.to_le_bytes(), b"v", Ttl::After(1)).unwrap();
    }
    assert!(map.sweep(u32::MAX) <= 1);
}

#[test]
fn rule_10_nothing_of_it_is_left_after_clear() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    fill(&mut map, 1000, Ttl::After(5));
    map.clear();
    assert!(scan(&mut map, b"", 100).is_empty());
    assert!((0..1000u32).all(|n| map.get(&n.to_le_bytes()).is_none()));
    now.set(5);
    assert_eq!((map.sweep(u32::MAX), map.stats().expired), (0, 0));
    // Those whose time was up count as expired.
    fill(&mut map, 1000, Ttl::After(5));
    now.set(10);
    map.clear();
    assert_eq!(map.stats().expired, 1000);
}
