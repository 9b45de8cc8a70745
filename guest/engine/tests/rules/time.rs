//! Rule 2: when entries expire, and when the clock is read.

use std::cell::Cell;

use localmap_engine::{Change, Condition, Error, Limits, Map, Outcome, Ttl};

use super::{map, scan};

#[test]
fn rule_2_time_gone_at_the_deadline_on_every_surface() {
    let now = Cell::new(100);
    // One map for each operation, since the first one that sees the entry frees it.
    let due = || {
        now.set(100);
        let mut map = map(&now, Limits::default());
        map.set(b"k", &[0; 8], Ttl::After(10)).unwrap();
        now.set(109);
        assert!(map.contains(b"k"));
        assert_eq!(map.get_entry(b"k").unwrap().expires_in, Some(1));
        now.set(110);
        map
    };
    assert_eq!(due().get(b"k"), None);
    assert_eq!(due().get_entry(b"k"), None);
    due().get_many([&b"k"[..]].into_iter(), |value| assert_eq!(value, None));
    assert!(due().pin(b"k").unwrap().is_none());
    assert!(!due().contains(b"k"));
    assert_eq!(due().take(b"k", |_| ()), None);
    assert!(!due().delete(b"k"));
    assert_eq!(due().delete_if(b"k", 1), Err(Error::Conflict(None)));
    assert_eq!(due().touch(b"k", Ttl::Never), Ok(false));
    assert_eq!(due().increment(b"k", 1, Ttl::Never), Ok(1));
    assert!(scan(&mut due(), b"", 10).is_empty());
    assert_eq!(due().len(), 0);
    assert!(due().is_empty());
    assert_eq!(due().sweep(1), 1);
    assert_eq!(due().stats().entries, 0);
    assert_eq!(due().stats().payload, 0);
    assert_eq!(due().stats().expired, 1);
    let apply = |change| due().apply(&[change]);
    let touch = Change::Touch {
        key: b"k",
        ttl: Ttl::Never,
    };
    assert_eq!(apply(touch), Ok(vec![Outcome::Touched(false)]));
    let delete = Change::Delete { key: b"k" };
    assert_eq!(apply(delete), Ok(vec![Outcome::Deleted(false)]));
    let increment = Change::Increment {
        key: b"k",
        delta: 1,
        ttl: Ttl::Never,
    };
    assert_eq!(apply(increment), Ok(vec![Outcome::Counter(1)]));
    let put = |condition| due().set_if(b"k", b"w", Ttl::Never, condition);
    assert_eq!(put(Condition::Absent), Ok(2));
    assert_eq!(put(Condition::Present), Err(Error::Conflict(None)));
    assert_eq!(put(Condition::Version(1)), Err(Error::Conflict(None)));
}

#[test]
fn rule_2_time_is_read_once_in_a_call_and_only_where_it_matters() {
    let (now, reads) = (Cell::new(0), Cell::new(0));
    let clock = || {
        reads.set(reads.get() + 1);
        now.get()
    };
    let mut map = Map::new(clock, 7, Limits::default());
    let read = |times: u32, what: &str| assert_eq!(reads.replace(0), times, "{what}");

    map.set(b"n", b"v", Ttl::Never).unwrap();
    map.set(b"n", b"w", Ttl::Default).unwrap();
    map.get(b"n");
    map.get_entry(b"n");
    map.increment(b"c", 1, Ttl::Never).unwrap();
    map.increment(b"c", 1, Ttl::After(9)).unwrap();
    map.touch(b"n", Ttl::Never).unwrap();
    map.scan(b"", 0, 10, |_| {});
    let pin = map.pin(b"n").unwrap().expect("it is there");
    map.unpin(pin);
    let set = Change::Set {
        key: b"n",
        value: b"x",
        ttl: Ttl::Never,
    };
    map.apply(&[set, Change::Delete { key: b"absent" }])
        .unwrap();
    map.len();
    map.stats();
    map.sweep(1);
    read(0, "nothing has a deadline");

    for key in [b"t", b"u", b"v"] {
        map.set(key, b"v", Ttl::After(10)).unwrap();
        read(1, "set");
    }
    map.get(b"n");
    map.get(b"absent");
    map.get(b"");
    read(0, "what is asked for has no deadline");
    map.get(b"t");
    read(1, "get");
    map.get_entry(b"t");
    read(1, "get_entry");
    map.get_many([&b"t"[..], b"u", b"n", b"t"].into_iter(), |_| {});
    read(1, "get_many");
    map.set(b"t", b"w", Ttl::After(10)).unwrap();
    read(1, "overwrite");
    map.touch(b"t", Ttl::After(10)).unwrap();
    read(1, "touch");
    let touch = |key| Change::Touch {
        key,
        ttl: Ttl::After(10),
    };
    map.apply(&[touch(b"t"), touch(b"u"), touch(b"t")]).unwrap();
    read(1, "apply");
    map.scan(b"", 0, 10, |_| {});
    read(1, "scan");
    map.len();
    read(1, "len");

    now.set(10);
    map.get(b"t");
    read(1, "the first that finds it due");
    map.get(b"u");
    map.contains(b"v");
    read(0, "the deadline is behind the last time seen");
}

#[test]
fn rule_2_time_never_is_a_state_of_its_own() {
    let now = Cell::new(u64::MAX - 1);
    let mut map = map(&now, Limits::default());
    map.set(b"never", b"", Ttl::Never).unwrap();
    map.set(b"saturated", b"", Ttl::After(u64::MAX)).unwrap();
    assert_eq!(map.get_entry(b"never").unwrap().expires_in, None);
    assert_eq!(map.get_entry(b"saturated").unwrap().expires_in, Some(1));
    now.set(u64::MAX);
    assert_eq!(map.get_entry(b"never").unwrap().expires_in, None);
    assert_eq!(map.get_entry(b"saturated").unwrap().expires_in, Some(1));
}

#[test]
fn rule_2_time_an_entry_written_at_the_end_of_the_clock_lives() {
    for end in [u64::MAX - 1, u64::MAX] {
        let now = Cell::new(7);
        let mut map = map(&now, Limits::default());
        map.set(b"before", b"", Ttl::After(u64::MAX / 2)).unwrap();
        now.set(end);
        assert!(!map.contains(b"before"));
        for span in [1, 30_000_000_000, u64::MAX] {
            map.set(b"set", b"", Ttl::After(span)).unwrap();
            assert_eq!(map.get_entry(b"set").unwrap().expires_in, Some(1));
            assert_eq!(map.touch(b"set", Ttl::After(span)), Ok(true));
            assert!(map.contains(b"set"));
        }
        for sum in 1..=3 {
            assert_eq!(map.increment(b"n", 1, Ttl::After(1)), Ok(sum));
        }
        map.sweep(u32::MAX);
        assert_eq!(map.len(), 2);
        assert_eq!(map.stats().expired, 1);
    }
}
