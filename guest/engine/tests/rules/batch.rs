//! Rule 5: batches. They are all or nothing, and each change sees the effects of those before it.

use std::cell::Cell;

use localmap_engine::{
    Change, Clock, Condition, Error, Limits, MAX_CHANGES, MIN_BYTES, Map, Outcome, Policy, Ttl,
};

use super::{CACHES, POLICIES, get, map, see};

const fn set<'a>(key: &'a [u8], value: &'a [u8]) -> Change<'a> {
    let ttl = Ttl::Never;
    Change::Set { key, value, ttl }
}

const fn set_if<'a>(key: &'a [u8], value: &'a [u8], condition: Condition) -> Change<'a> {
    Change::SetIf {
        key,
        value,
        ttl: Ttl::Never,
        condition,
    }
}

const fn increment(key: &[u8], delta: i64, ttl: Ttl) -> Change<'_> {
    Change::Increment { key, delta, ttl }
}

const fn touch(key: &[u8], ttl: Ttl) -> Change<'_> {
    Change::Touch { key, ttl }
}

const fn delete(key: &[u8]) -> Change<'_> {
    Change::Delete { key }
}

const fn delete_if(key: &[u8], version: u64) -> Change<'_> {
    Change::DeleteIf { key, version }
}

fn version(map: &mut Map<impl Clock>, key: &[u8]) -> Option<u64> {
    map.get_entry(key).map(|entry| entry.version)
}

#[test]
fn rule_5_a_batch_does_what_its_changes_would_do_one_by_one() {
    let now = Cell::new(0);
    let changes = [
        set(b"a", b"1"),
        set_if(b"b", b"2", Condition::Absent),
        set_if(b"a", b"3", Condition::Present),
        increment(b"c", 5, Ttl::After(9)),
        increment(b"c", 2, Ttl::Never),
        touch(b"a", Ttl::After(7)),
        touch(b"x", Ttl::After(7)),
        delete(b"b"),
        delete(b"b"),
        set_if(b"b", b"4", Condition::Absent),
        delete_if(b"a", 4),
        delete(b""),
    ];
    let (mut batch, mut single) = (map(&now, Limits::default()), map(&now, Limits::default()));
    for map in [&mut batch, &mut single] {
        map.set(b"a", b"before", Ttl::Never).unwrap();
        map.delete(b"a");
    }
    // The versions in the conditions are those assigned in the batch.
    let outcomes = batch.apply(&changes);
    let one_by_one: Result<Vec<Outcome>, Error> = changes
        .iter()
        .map(|change| match *change {
            Change::Set { key, value, ttl } => single.set(key, value, ttl).map(Outcome::Stored),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => single
                .set_if(key, value, ttl, condition)
                .map(Outcome::Stored),
            Change::Increment { key, delta, ttl } => {
                single.increment(key, delta, ttl).map(Outcome::Counter)
            }
            Change::Touch { key, ttl } => single.touch(key, ttl).map(Outcome::Touched),
            Change::Delete { key } => Ok(Outcome::Deleted(single.delete(key))),
            Change::DeleteIf { key, version } => single
                .delete_if(key, version)
                .map(|()| Outcome::Deleted(true)),
        })
        .collect();
    assert_eq!(outcomes, one_by_one.map_err(|error| (99, error)));
    assert_eq!(see(&mut batch), see(&mut single));
    batch.validate();
}

#[test]
fn rule_5_a_batch_that_fails_changes_nothing() {
    let long = [b'k'; 129];
    let big = vec![0; 101];
    let failing: [(Change<'_>, Error); 9] = [
        (
            set_if(b"a", b"", Condition::Absent),
            Error::Conflict(Some(5)),
        ),
        (
            set_if(b"gone", b"", Condition::Present),
            Error::Conflict(None),
        ),
        (
            set_if(b"b", b"", Condition::Version(9)),
            Error::Conflict(Some(2)),
        ),
        (delete_if(b"gone", 3), Error::Conflict(None)),
        (increment(b"a", 1, Ttl::Never), Error::NotACounter),
        (increment(b"n", i64::MAX, Ttl::Never), Error::Overflow),
        (touch(b"a", Ttl::After(0)), Error::InvalidTtl),
        (set(b"x", &big), Error::ValueTooLarge(100)),
        (
            set(&long, b""),
            Error::InvalidKey(localmap_engine::KeyFault::TooLong(129)),
        ),
    ];
    for policy in POLICIES {
        let now = Cell::new(0);
        let limits = Limits {
            max_value: 100,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        for key in [b"a", b"b"] {
            map.set(key, b"v", Ttl::After(5)).unwrap();
        }
        map.increment(b"n", 1, Ttl::Never).unwrap();
        map.set(b"gone", b"v", Ttl::Never).unwrap();
        let before = see(&mut map);
        for (change, error) in &failing {
            let changes = [
                set(b"a", b"other"),
                delete(b"gone"),
                set(b"new", b"v"),
                touch(b"b", Ttl::Never),
                increment(b"n", 1, Ttl::Never),
                *change,
                delete(b"b"),
            ];
            assert_eq!(map.apply(&changes), Err((5, *error)));
            assert_eq!(see(&mut map), before);
            map.validate();
        }
        assert_eq!(
            map.set(b"next", b"", Ttl::Never),
            Ok(5),
            "no version is used up"
        );
    }
}

#[test]
fn rule_5_changes_see_those_before_them() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    let stored = map.set(b"k", b"v", Ttl::After(9)).unwrap();
    let changes = [
        delete_if(b"k", stored),
        set_if(b"k", b"w", Condition::Absent),
        set_if(b"k", b"x", Condition::Version(stored + 1)),
        set_if(b"k", b"y", Condition::Version(stored + 2)),
    ];
    let versions = (1..4).map(|n| Outcome::Stored(stored + n));
    let outcomes: Vec<Outcome> = [Outcome::Deleted(true)]
        .into_iter()
        .chain(versions)
        .collect();
    assert_eq!(map.apply(&changes), Ok(outcomes));
    assert_eq!(get(&mut map, b"k"), Some(b"y".to_vec()));
    assert_eq!(version(&mut map, b"k"), Some(stored + 3));
    assert_eq!(map.get_entry(b"k").unwrap().expires_in, None);
    assert_eq!(map.stats().writes, 4, "each stored value is a write");

    // A counter that is created, kept and deleted within a batch.
    let changes = [
        increment(b"n", 1, Ttl::After(5)),
        increment(b"n", 1, Ttl::After(7)),
        delete(b"n"),
        increment(b"n", 1, Ttl::After(7)),
        touch(b"n", Ttl::After(8)),
    ];
    let counters = map.apply(&changes).unwrap();
    assert_eq!(counters[1], Outcome::Counter(2));
    assert_eq!(counters[3], Outcome::Counter(1));
    assert_eq!(map.get_entry(b"n").unwrap().expires_in, Some(8));
    assert_eq!(map.apply(&[]), Ok(Vec::new()));
}

#[test]
fn rule_5_a_batch_needs_room_for_what_comes_out_of_it() {
    for policy in POLICIES {
        let now = Cell::new(0);
        let limits = Limits {
            max_entries: 2,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        map.apply(&[set(b"a", b"1"), set(b"b", b"1")]).unwrap();
        // There is one entry too many in the middle.
        map.apply(&[set(b"c", b"1"), delete(b"a")]).unwrap();
        assert_eq!((map.len(), map.stats().evicted), (2, 0));
        // The keys of the batch are not evicted, whatever it contains.
        let three = [set(b"b", b"2"), touch(b"c", Ttl::Never), set(b"d", b"2")];
        let before = see(&mut map);
        assert_eq!(map.apply(&three), Err((2, Error::Full)));
        assert_eq!(see(&mut map), before);
        map.validate();
    }
}

#[test]
fn rule_6_a_batch_evicts_others_and_not_its_own() {
    for policy in CACHES {
        let now = Cell::new(0);
        let limits = Limits {
            max_entries: 4,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        for key in [b"a", b"b", b"c", b"d"] {
            map.set(key, b"old", Ttl::Never).unwrap();
        }
        // The most recently used entries, so that any policy would rather evict the keys of the
        // batch.
        for _ in 0..3 {
            map.get(b"c");
            map.get(b"d");
        }
        let changes = [
            set(b"x", b"new"),
            touch(b"a", Ttl::Never),
            set(b"b", b"new"),
        ];
        map.apply(&changes).unwrap();
        for key in [b"a", b"b", b"x"] {
            assert!(map.contains(key), "{policy:?}");
        }
        assert_eq!((map.len(), map.stats().evicted), (4, 1));
        map.validate();
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_6_a_batch_of_the_largest_size() {
    let now = Cell::new(0);
    for policy in POLICIES {
        let limits = Limits {
            max_entries: 4 * MAX_CHANGES as u64 + 100,
            max_bytes: 4 << 20,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        let keys: Vec<[u8; 4]> = (0..6 * MAX_CHANGES as u32).map(u32::to_le_bytes).collect();
        for (at, batch) in keys.chunks(MAX_CHANGES).enumerate() {
            let changes: Vec<Change<'_>> = batch.iter().map(|key| set(key, &[7; 300])).collect();
            let outcomes = map.apply(&changes);
            if policy == Policy::Refuse && at >= 4 {
                assert_eq!(outcomes, Err((MAX_CHANGES as u32 - 1, Error::Full)));
            } else {
                let stats = map.glance();
                assert_eq!(
                    outcomes.map(|outcomes| outcomes.len()),
                    Ok(MAX_CHANGES),
                    "{policy:?} {at} {stats:?}"
                );
                assert!(batch.iter().all(|key| map.contains(key)));
            }
            map.validate();
        }
        let one_more = vec![delete(b"k"); MAX_CHANGES + 1];
        assert_eq!(map.apply(&one_more), Err((MAX_CHANGES as u32, Error::Full)));
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many bytes for Miri")]
fn rule_6_a_batch_gives_back_memory_before_it_takes_it() {
    let now = Cell::new(0);
    let large = vec![1; 90_000];
    for policy in POLICIES {
        let limits = Limits {
            max_bytes: MIN_BYTES,
            policy,
            ..Limits::default()
        };
        for changes in [
            [set(b"new", &large), delete(b"old")],
            [delete(b"old"), set(b"new", &large)],
            [set(b"new", &large), set(b"old", b"small")],
        ] {
            let mut map = map(&now, limits.clone());
            map.set(b"old", &large, Ttl::Never).unwrap();
            map.apply(&changes).unwrap();
            assert_eq!(get(&mut map, b"new").as_ref(), Some(&large), "{policy:?}");
            assert_eq!(map.stats().evicted, 0);
            map.validate();
        }
    }
}

#[test]
fn a_batch_that_overwrites_a_key_twice_leaves_its_last_deadline() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    let deadlines = [Ttl::Never, Ttl::After(5), Ttl::After(1 << 40)];
    let set = |ttl| Change::Set {
        key: b"k",
        value: b"v",
        ttl,
    };
    for before in deadlines {
        for first in deadlines {
            for last in deadlines {
                map.set(b"k", b"v", before).expect("room");
                assert!(map.apply(&[set(first), set(last)]).is_ok());
                map.validate();
                let left = map.get_entry(b"k").and_then(|entry| entry.expires_in);
                let expected = match last {
                    Ttl::After(span) => Some(span),
                    Ttl::Default | Ttl::Never => None,
                };
                assert_eq!(left, expected, "{before:?} {first:?} {last:?}");
            }
        }
    }
}

/// A table of the index that becomes nearly empty shrinks, but not below the room of a batch.
#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_5_a_batch_may_replace_everything() {
    for (there, gone, new) in [(1, 1, 55), (17, 1, 80), (300, 300, 600), (500, 499, 500)] {
        let mut map = Map::new(|| 0, 42, Limits::default());
        let old: Vec<String> = (0..there).map(|n| format!("old {n}")).collect();
        for key in &old {
            map.set(key.as_bytes(), b"1", Ttl::Never).expect("room");
        }
        let keys: Vec<String> = (0..new).map(|n| format!("new {n}")).collect();
        let deletes = old.iter().take(gone).map(|key| delete(key.as_bytes()));
        let sets = keys.iter().map(|key| set(key.as_bytes(), b"2"));
        let changes: Vec<Change<'_>> = deletes.chain(sets).collect();
        map.apply(&changes).expect("room");
        assert_eq!(map.len(), (there - gone + new) as u64);
        for key in &keys {
            assert_eq!(get(&mut map, key.as_bytes()).as_deref(), Some(&b"2"[..]));
        }
    }
}

/// The entries that a batch evicts are in the tables to which it adds its own.
#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_5_a_batch_may_evict_everything() {
    for policy in CACHES {
        for (max, new) in [(100, 90), (700, 650), (2000, MAX_CHANGES)] {
            let limits = Limits {
                policy,
                max_entries: max,
                ..Limits::default()
            };
            let mut map = Map::new(|| 0, 42, limits);
            for n in 0..max {
                let key = format!("old {n}");
                map.set(key.as_bytes(), b"1", Ttl::Never).expect("room");
            }
            let keys: Vec<String> = (0..new).map(|n| format!("new {n}")).collect();
            let sets = keys.iter().map(|key| set(key.as_bytes(), b"2"));
            map.apply(&sets.collect::<Vec<_>>()).expect("room");
            assert_eq!(map.len(), max);
            assert!(keys.iter().all(|key| map.contains(key.as_bytes())));
        }
    }
}
