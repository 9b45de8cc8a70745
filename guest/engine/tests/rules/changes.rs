//! Rule 15: what a watched map tells.

use std::cell::Cell;

use localmap_engine::{
    Became, Change, Clock, Error, Limits, MAX_KEY_LEN, MAX_TOLD_CHANGES, MAX_WATCH_BYTES, Map,
    Policy, Told, Ttl,
};

use super::{CACHES, fill, map, times};

const STORED: Became = Became::Stored;
const TOUCHED: Became = Became::Touched;
const GONE: Became = Became::Gone;

/// Returns the next changes.
fn changes(map: &mut Map<impl Clock>) -> (Vec<(Vec<u8>, Became)>, Told) {
    let mut changed = Vec::new();
    let told = map.changes(|change| changed.push((change.key.to_vec(), change.became)));
    (changed, told)
}

/// Asserts that nothing was lost and that no more changes wait, and returns the changes.
fn all(map: &mut Map<impl Clock>) -> Vec<(Vec<u8>, Became)> {
    let (changed, told) = changes(map);
    assert!(!told.lost && !told.more, "{told:?}");
    changed
}

fn of(changes: &[(&[u8], Became)]) -> Vec<(Vec<u8>, Became)> {
    let owned = |(key, became): &(&[u8], Became)| (key.to_vec(), *became);
    changes.iter().map(owned).collect()
}

#[test]
fn rule_15_each_change_is_told_once_in_order() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    map.watch(1000).unwrap();
    map.set(b"a", b"1", Ttl::Never).unwrap();
    map.set(b"a", b"2", Ttl::Never).unwrap();
    map.set(b"a", &[3; 100], Ttl::Never).unwrap();
    map.touch(b"a", Ttl::After(9)).unwrap();
    map.increment(b"n", 1, Ttl::Never).unwrap();
    map.increment(b"n", 1, Ttl::Never).unwrap();
    map.take(b"n", |_| ());
    map.delete(b"a");
    let expected = [
        (&b"a"[..], STORED),
        (b"a", STORED),
        (b"a", STORED),
        (b"a", TOUCHED),
        (b"n", STORED),
        (b"n", STORED),
        (b"n", GONE),
        (b"a", GONE),
    ];
    assert_eq!(all(&mut map), of(&expected));
    assert_eq!(all(&mut map), []);
    let batch = [
        Change::Set {
            key: b"x",
            value: b"",
            ttl: Ttl::Never,
        },
        Change::Set {
            key: b"y",
            value: b"",
            ttl: Ttl::Never,
        },
        Change::Delete { key: b"x" },
    ];
    map.apply(&batch).unwrap();
    assert_eq!(all(&mut map), of(&[(b"y", STORED)]));
    let values = [b"y", &b"y"[..]].map(|key| Change::Set {
        key,
        value: b"",
        ttl: Ttl::After(5),
    });
    map.apply(&values).unwrap();
    let twice = [(&b"y"[..], STORED), (b"y", STORED)];
    assert_eq!(all(&mut map), of(&twice));
}

#[test]
fn rule_15_what_changes_nothing_is_no_change() {
    let now = Cell::new(0);
    let limits = Limits {
        max_entries: 1,
        ..Limits::default()
    };
    let mut map = map(&now, limits);
    map.set(b"k", b"v", Ttl::Never).unwrap();
    map.watch(1000).unwrap();
    map.get(b"k");
    map.peek([&b"k"[..]].into_iter(), |_| ());
    assert_eq!(map.set(b"full", b"", Ttl::Never), Err(Error::Full));
    assert_eq!(map.touch(b"absent", Ttl::Never), Ok(false));
    assert!(!map.delete(b"absent"));
    assert!(map.delete_if(b"k", 7).is_err());
    let failing = [
        Change::Delete { key: b"k" },
        Change::DeleteIf {
            key: b"absent",
            version: 7,
        },
    ];
    assert!(map.apply(&failing).is_err());
    let pin = map.pin(b"k").unwrap().unwrap();
    map.unpin(pin);
    map.sweep(9);
    assert_eq!(all(&mut map), []);
    map.delete(b"k");
    assert_eq!(all(&mut map), of(&[(b"k", GONE)]));
    map.clear();
    assert_eq!(all(&mut map), []);
}

#[test]
fn rule_15_expiries_are_told_when_they_are_asked_for() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    map.watch(1000).unwrap();
    map.set(b"early", b"", Ttl::After(1000)).unwrap();
    map.set(b"late", b"", Ttl::After(5000)).unwrap();
    all(&mut map);
    let mut asked = 0;
    loop {
        let (changed, told) = changes(&mut map);
        let Some(left) = told.due_in else {
            break;
        };
        // It tells no expiry late, and needs few questions.
        if now.get() < 1000 {
            assert!(changed.is_empty() && now.get() + left <= 1000);
        } else if now.get() == 1000 {
            assert_eq!(changed, of(&[(b"early", GONE)]));
        }
        asked += 1;
        now.set(now.get() + left);
    }
    assert_eq!(now.get(), 5000);
    assert!(asked < 12, "{asked} questions");
    assert_eq!(map.len(), 0);
}

/// A list without room for them all is not a loss: the expiries wait in the map.
#[test]
fn rule_15_any_number_of_expiries_fits_into_a_small_list() {
    let count = times(20_000);
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    fill(&mut map, count, Ttl::After(10));
    map.watch(1000).unwrap();
    now.set(10);
    let (mut gone, mut calls) = (0, 0);
    loop {
        let (changed, told) = changes(&mut map);
        assert!(!told.lost);
        assert!(changed.iter().all(|(_, became)| *became == GONE));
        gone += changed.len();
        calls += 1;
        if !told.more {
            assert_eq!(told.due_in, None);
            break;
        }
        assert!(!changed.is_empty(), "a call makes progress");
    }
    assert_eq!(gone, count as usize);
    assert!(calls <= 1 + count / 50, "{calls} calls");
}

#[test]
fn rule_15_evictions_are_told() {
    for policy in CACHES {
        let now = Cell::new(0);
        let limits = Limits {
            max_entries: 2,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        map.watch(1000).unwrap();
        for key in [b"a", b"b", b"c"] {
            map.set(key, b"", Ttl::Never).unwrap();
        }
        let expected = [
            (&b"a"[..], STORED),
            (b"b", STORED),
            (b"a", GONE),
            (b"c", STORED),
        ];
        assert_eq!(all(&mut map), of(&expected), "{policy:?}");
    }
}

#[test]
fn rule_15_a_full_list_loses_all_changes_until_it_is_asked() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    // Room for two keys of one byte.
    map.watch(6).unwrap();
    map.set(b"a", b"", Ttl::Never).unwrap();
    map.set(b"b", b"", Ttl::Never).unwrap();
    assert_eq!(all(&mut map), of(&[(b"a", STORED), (b"b", STORED)]));
    for key in [b"a", b"b", b"c", b"d"] {
        map.set(key, b"", Ttl::Never).unwrap();
    }
    let (changed, told) = changes(&mut map);
    assert!(changed.is_empty() && told.lost && !told.more);
    map.set(b"e", b"", Ttl::Never).unwrap();
    assert_eq!(all(&mut map), of(&[(b"e", STORED)]));
    // A key that never fits is lost each time.
    map.set(b"longer than the list", b"", Ttl::Never).unwrap();
    assert!(changes(&mut map).1.lost);
    assert!(!changes(&mut map).1.lost);
}

#[test]
fn rule_15_clear_and_another_watch_lose_what_was_not_told() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    assert!(changes(&mut map).1.lost, "a map that is not watched");
    map.set(b"before", b"", Ttl::Never).unwrap();
    map.watch(1000).unwrap();
    assert_eq!(all(&mut map), []);
    map.clear();
    map.set(b"after", b"", Ttl::Never).unwrap();
    assert!(changes(&mut map).1.lost);
    assert_eq!(all(&mut map), []);
    map.watch(500).unwrap();
    map.set(b"k", b"", Ttl::Never).unwrap();
    assert!(changes(&mut map).1.lost, "it was watched before");
    map.watch(0).unwrap();
    assert!(changes(&mut map).1.lost);
    map.watch(1000).unwrap();
    map.set(b"k", b"", Ttl::Never).unwrap();
    assert_eq!(all(&mut map), of(&[(b"k", STORED)]));
}

#[test]
fn rule_15_a_call_tells_a_bounded_number_of_changes() {
    let count = times(10_000) as usize;
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    map.watch(u32::MAX).unwrap();
    fill(&mut map, count as u32, Ttl::Never);
    let (mut keys, mut told) = changes(&mut map);
    while told.more {
        let (changed, next) = changes(&mut map);
        assert!(changed.len() <= MAX_TOLD_CHANGES && !next.lost);
        // What changes between two calls comes last.
        map.set(b"late", b"", Ttl::Never).unwrap();
        keys.extend(changed);
        told = next;
    }
    let (late, _) = changes(&mut map);
    let all = keys.iter().chain(&late).filter(|(key, _)| key != b"late");
    for (n, (key, _)) in (0u32..).zip(all.clone()) {
        assert_eq!(**key, n.to_le_bytes());
    }
    assert_eq!(all.count(), count);
}

/// More bytes than the maximum count as the maximum, so the longest keys fill the list.
#[test]
#[cfg_attr(miri, ignore = "thousands of long keys take minutes")]
fn rule_15_the_list_has_a_maximum() {
    let now = Cell::new(0);
    let limits = Limits {
        max_key: MAX_KEY_LEN as u32,
        ..Limits::default()
    };
    let mut map = map(&now, limits);
    map.watch(u32::MAX).unwrap();
    let fit = MAX_WATCH_BYTES / (MAX_KEY_LEN + 2);
    for _ in 0..fit {
        map.set(&[7; MAX_KEY_LEN], b"", Ttl::Never).unwrap();
    }
    assert_eq!(all(&mut map).len(), fit);
    for _ in 0..=fit {
        map.set(&[7; MAX_KEY_LEN], b"", Ttl::Never).unwrap();
    }
    assert!(changes(&mut map).1.lost);
}

#[test]
fn rule_15_peek_counts_nothing_and_is_no_use() {
    let now = Cell::new(5);
    for policy in CACHES {
        let limits = Limits {
            max_entries: 3,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        for key in [b"a", b"b", b"c"] {
            map.set(key, key, Ttl::After(9)).unwrap();
        }
        let before = map.stats();
        let mut found = Vec::new();
        for _ in 0..5 {
            found.clear();
            let keys = [&b"a"[..], b"absent", b"", &[7; 600]];
            map.peek(keys.into_iter(), |entry| {
                found.push(
                    entry.map(|entry| (entry.value.to_vec(), entry.version, entry.expires_in)),
                );
            });
        }
        assert_eq!(found, [Some((b"a".to_vec(), 1, Some(9))), None, None, None]);
        assert_eq!(map.stats(), before);
        map.set(b"d", b"", Ttl::Never).unwrap();
        assert!(!map.contains(b"a"), "{policy:?}: the oldest goes first");
    }
}

#[test]
fn rule_15_peek_returns_a_page() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    for key in [b"a", b"b", b"c"] {
        map.set(key, &vec![7; 600_000], Ttl::Never).unwrap();
    }
    let pages = |map: &mut Map<_>, keys: &[&[u8]]| {
        let mut count = 0;
        map.peek(keys.iter().copied(), |_| count += 1);
        count
    };
    assert_eq!(pages(&mut map, &[b"a", b"b", b"c"]), 1);
    assert_eq!(pages(&mut map, &[b"absent", b"a", b"absent", b"b"]), 3);
    assert_eq!(pages(&mut map, &[]), 0);
}

/// The limits of the map are for its entries.
#[test]
fn rule_15_the_list_does_not_count_towards_the_limits() {
    let now = Cell::new(0);
    let limits = Limits {
        policy: Policy::Refuse,
        max_bytes: localmap_engine::MIN_BYTES,
        ..Limits::default()
    };
    let mut map = map(&now, limits);
    let entries = |map: &mut Map<_>| {
        let mut n = 0u32;
        while map.set(&n.to_le_bytes(), &[1; 50], Ttl::Never).is_ok() {
            n += 1;
        }
        map.clear();
        n
    };
    let before = entries(&mut map);
    map.watch(u32::MAX).unwrap();
    assert_eq!(entries(&mut map), before);
}
