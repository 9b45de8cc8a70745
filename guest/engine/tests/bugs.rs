//! Bugs that trusted caches had. Each one by its name, and what must hold instead.

use std::cell::Cell;

use localmap_engine::{Clock, Condition, Error, Limits, Map, Ttl};

fn map(now: &Cell<u64>, max_entries: u64) -> Map<impl Clock> {
    let limits = Limits {
        max_entries,
        ..Limits::default()
    };
    Map::new(|| now.get(), 7, limits)
}

#[test]
fn ttl_of_u64_max_evicts_at_once() {
    let now = Cell::new(1_000_000_000);
    let mut map = map(&now, 10);
    map.set(b"k", b"v", Ttl::After(u64::MAX)).unwrap();
    assert_eq!(map.get(b"k"), Some(&b"v"[..]));
    now.set(u64::MAX - 1);
    assert_eq!(map.get(b"k"), Some(&b"v"[..]));
}

#[test]
fn deadline_overflow() {
    for (start, ttl) in [
        (1, u64::MAX),
        (u64::MAX - 1, 2),
        (u64::MAX / 2 + 1, u64::MAX / 2 + 1),
    ] {
        let now = Cell::new(start);
        let mut map = map(&now, 10);
        map.set(b"k", b"v", Ttl::After(ttl)).unwrap();
        let entry = map.get_entry(b"k").expect("no deadline before its start");
        assert_eq!(entry.expires_in, Some(u64::MAX - start));
    }
}

#[test]
fn clock_running_backwards() {
    let now = Cell::new(100);
    let mut map = map(&now, 10);
    map.set(b"k", b"v", Ttl::After(10)).unwrap();
    now.set(50);
    assert_eq!(map.get_entry(b"k").unwrap().expires_in, Some(10));
    map.set(b"l", b"v", Ttl::After(10)).unwrap();
    now.set(110);
    assert_eq!(map.len(), 0);
    now.set(0);
    assert_eq!((map.len(), map.get(b"k")), (0, None));
}

#[test]
fn expired_entries_in_len_and_iteration() {
    let now = Cell::new(0);
    let mut map = map(&now, 1000);
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

#[test]
fn never_fires() {
    // Spans at every power of two, where the wheels of timers have their seams.
    for bit in 0..64 {
        for span in [
            (1u64 << bit).saturating_sub(1).max(1),
            1 << bit,
            (1 << bit) + 1,
        ] {
            let now = Cell::new(12_345);
            let mut map = map(&now, 10);
            map.set(b"k", b"v", Ttl::After(span)).unwrap();
            let deadline = 12_345u64.saturating_add(span);
            now.set(deadline - 1);
            assert_eq!(map.sweep(10), 0, "{span} is early");
            now.set(deadline);
            assert_eq!(map.sweep(10), 1, "{span} never fires");
        }
    }
}

#[test]
fn many_due_at_once_recurse() {
    let now = Cell::new(0);
    let mut map = map(&now, 200_000);
    for n in 0..200_000u32 {
        map.set(&n.to_le_bytes(), b"", Ttl::After(10)).unwrap();
    }
    now.set(10);
    assert_eq!(map.sweep(u32::MAX), 200_000);
}

#[test]
fn an_index_that_leaks_after_removal() {
    let now = Cell::new(0);
    let mut map = map(&now, 8);
    // The same few slots serve many keys: no stale handle answers for another key.
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
            assert_eq!(map.get(&value), lives.then_some(&value[..]));
        }
        assert!(map.stats().entries <= 8);
    }
    now.set(20_000);
    assert_eq!((map.len(), map.stats().bytes), (0, 0));
}

#[test]
fn the_entry_just_inserted_is_evicted() {
    let now = Cell::new(0);
    let mut map = map(&now, 5);
    for n in 0..50u8 {
        let stored = map.set(&[n], &[n], Ttl::Never);
        assert_eq!(stored.is_ok(), map.contains(&[n]));
        assert_eq!(stored.is_ok(), n < 5);
    }
}

#[test]
fn capacity_1_stores_nothing() {
    let now = Cell::new(0);
    let mut map = map(&now, 1);
    map.set(b"a", b"1", Ttl::After(5)).unwrap();
    assert_eq!(map.get(b"a"), Some(&b"1"[..]));
    map.set(b"a", b"22", Ttl::After(5)).unwrap();
    assert_eq!(map.get(b"a"), Some(&b"22"[..]));
    assert_eq!(map.set(b"b", b"1", Ttl::Never), Err(Error::Full));
    now.set(5);
    map.set(b"b", b"1", Ttl::Never).unwrap();
    assert_eq!(map.get(b"b"), Some(&b"1"[..]));
}

#[test]
fn overwrite_evicts_another_key() {
    let now = Cell::new(0);
    let mut map = map(&now, 3);
    for key in [b"a", b"b", b"c"] {
        map.set(key, b"v", Ttl::Never).unwrap();
    }
    for len in [0, 1, 2, 100, 10_000, 3] {
        map.set(b"b", &vec![1; len], Ttl::Never).unwrap();
        for other in [b"a", b"c"] {
            assert_eq!(map.get(other), Some(&b"v"[..]));
        }
        assert_eq!(map.get(b"b").map(<[u8]>::len), Some(len));
    }
}

#[test]
fn expire_revives_a_key() {
    let now = Cell::new(0);
    let mut map = map(&now, 10);
    map.set(b"k", b"v", Ttl::After(10)).unwrap();
    now.set(10);
    for ttl in [Ttl::After(10), Ttl::Never, Ttl::Default] {
        assert_eq!(map.touch(b"k", ttl), Ok(false));
        assert!(!map.contains(b"k"));
    }
}

#[test]
fn compare_and_set_succeeds_on_a_recycled_version() {
    let now = Cell::new(0);
    let mut map = map(&now, 10);
    let stale = map.set(b"k", b"v", Ttl::After(5)).unwrap();
    let swap = |map: &mut Map<_>| map.set_if(b"k", b"w", Ttl::Never, Condition::Version(stale));
    now.set(5);
    assert_eq!(swap(&mut map), Err(Error::Conflict(None)));
    for _ in 0..3 {
        let fresh = map.set(b"k", b"v", Ttl::After(5)).unwrap();
        assert_eq!(swap(&mut map), Err(Error::Conflict(Some(fresh))));
        assert_eq!(
            map.delete_if(b"k", stale),
            Err(Error::Conflict(Some(fresh)))
        );
        map.delete(b"k");
        map.clear();
    }
}
