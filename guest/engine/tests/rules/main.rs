//! Tests of the rules that users can rely on, rule by rule. Results that every surface must return
//! are in the vectors of the workspace's tests; these tests cover what is visible only in the
//! engine.

#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "a test, with numbers of its own choice"
)]

mod batch;
mod bounds;
mod changes;
mod memory;
mod pins;
mod policies;
mod scan;
mod statistics;
mod time;
mod work;

const POLICIES: [Policy; 3] = [Policy::Refuse, Policy::Lru, Policy::S3Fifo];
const CACHES: [Policy; 2] = [Policy::Lru, Policy::S3Fifo];

use std::cell::Cell;
use std::collections::BTreeMap;

use localmap_engine::{
    Change, Clock, Condition, ConfigureError, DEFAULT_MAX_KEY_LEN, Error, KeyFault, Limits,
    MIN_BYTES, Map, Policy, Setting, Ttl,
};

/// Returns the number of repetitions, which is lower under Miri so that it ends within minutes.
const fn times(count: u32) -> u32 {
    if cfg!(miri) { count / 20 } else { count }
}

/// Creates a map whose clock reads `now`.
fn map(now: &Cell<u64>, limits: Limits) -> Map<impl Clock> {
    Map::new(|| now.get(), 7, limits)
}

/// Returns the bytes of a value.
fn get(map: &mut Map<impl Clock>, key: &[u8]) -> Option<Vec<u8>> {
    map.get(key).map(|value| value.to_vec())
}

/// Returns the keys of a whole scan in pages of `limit`, with the number of times that each was
/// visited.
fn scan(map: &mut Map<impl Clock>, prefix: &[u8], limit: u32) -> BTreeMap<Vec<u8>, u32> {
    let (mut given, mut next) = (BTreeMap::new(), Some(0));
    while let Some(cursor) = next {
        next = map.scan(prefix, cursor, limit, |scanned| {
            *given.entry(scanned.key.to_vec()).or_default() += 1;
        });
    }
    given
}

/// Fills a map with `count` entries.
fn fill(map: &mut Map<impl Clock>, count: u32, ttl: Ttl) {
    for n in 0..count {
        map.set(&n.to_le_bytes(), b"v", ttl).expect("room");
    }
}

#[test]
fn rule_1_bytes() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    for byte in 0..=255 {
        map.set(&[byte], &[byte, byte], Ttl::Never).unwrap();
    }
    for byte in 0..=255 {
        assert_eq!(get(&mut map, &[byte]), Some(vec![byte, byte]));
    }
    for len in 1..=DEFAULT_MAX_KEY_LEN {
        map.set(&vec![0; len], &[], Ttl::Never).unwrap();
    }
    assert_eq!(map.len(), 255 + DEFAULT_MAX_KEY_LEN as u64);

    let long = vec![0; DEFAULT_MAX_KEY_LEN + 1];
    let fault = Error::InvalidKey(KeyFault::TooLong(129));
    assert_eq!(map.set(&long, &[], Ttl::Never), Err(fault));
    let fault = Error::InvalidKey(KeyFault::Empty);
    assert_eq!(map.set(&[], &[], Ttl::Never), Err(fault));
    for key in [&long[..], &[]] {
        assert_eq!(map.get(key), None);
        assert!(!map.contains(key) && !map.delete(key));
        assert_eq!(map.take(key, |_| ()), None);
        assert!(map.pin(key).unwrap().is_none());
        map.get_many([key].into_iter(), |value| assert_eq!(value, None));
        assert_eq!(map.delete_if(key, 1), Err(Error::Conflict(None)));
    }
}

#[test]
fn rule_3_writes() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    // A fixed window that begins with the first increment.
    for at in 0..60 {
        now.set(at);
        let count = i64::try_from(at).unwrap() + 1;
        assert_eq!(map.increment(b"n", 1, Ttl::After(60)), Ok(count));
    }
    now.set(60);
    assert_eq!(map.increment(b"n", 1, Ttl::After(60)), Ok(1));
    assert_eq!(map.get_entry(b"n").unwrap().expires_in, Some(60));
    assert_eq!(get(&mut map, b"n"), Some(1i64.to_le_bytes().to_vec()));

    let version = map.get_entry(b"n").unwrap().version;
    map.touch(b"n", Ttl::After(5)).unwrap();
    let touched = map.get_entry(b"n").unwrap();
    assert_eq!((touched.version, touched.expires_in), (version, Some(5)));
    // A set replaces the TTL together with the value, whether or not the length stays the same.
    map.set(b"n", &[9; 8], Ttl::After(7)).unwrap();
    assert_eq!(map.get_entry(b"n").unwrap().expires_in, Some(7));
    map.set(b"n", &[9; 9], Ttl::Never).unwrap();
    assert_eq!(map.get_entry(b"n").unwrap().expires_in, None);
    assert_eq!(map.increment(b"n", 1, Ttl::Never), Err(Error::NotACounter));
}

#[test]
fn rule_4_versions() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    let mut last = 0;
    let mut next = |version: u64| {
        assert_eq!(version, last + 1);
        last = version;
    };
    next(map.set(b"k", b"v", Ttl::Never).unwrap());
    map.delete(b"k");
    next(map.set(b"k", b"v", Ttl::After(1)).unwrap());
    now.set(1);
    next(map.set(b"k", b"v", Ttl::Never).unwrap());
    map.take(b"k", |_| ());
    next(map.set(b"k", b"v", Ttl::Never).unwrap());
    map.clear();
    next(map.set(b"k", b"v", Ttl::Never).unwrap());
    for stale in 0..5 {
        let condition = Condition::Version(stale);
        let put = map.set_if(b"k", b"w", Ttl::Never, condition);
        assert_eq!(put, Err(Error::Conflict(Some(5))));
        assert_eq!(map.delete_if(b"k", stale), Err(Error::Conflict(Some(5))));
    }
    next(
        map.set_if(b"k", b"w", Ttl::Never, Condition::Version(5))
            .unwrap(),
    );
}

/// Returns everything observable about a map.
type Seen = (BTreeMap<Vec<u8>, (Vec<u8>, u64, Option<u64>)>, u64, u64);

fn see(map: &mut Map<impl Clock>) -> Seen {
    let (mut entries, mut next) = (BTreeMap::new(), Some(0));
    while let Some(cursor) = next {
        next = map.scan(b"", cursor, u32::MAX, |scanned| {
            let entry = (scanned.value.to_vec(), scanned.version, scanned.expires_in);
            entries.insert(scanned.key.to_vec(), entry);
        });
    }
    let stats = map.stats();
    (entries, stats.writes, stats.evicted)
}

#[test]
fn rule_5_all_or_nothing() {
    for policy in POLICIES {
        all_or_nothing(policy);
    }
}

fn all_or_nothing(policy: Policy) {
    let now = Cell::new(3);
    let limits = Limits {
        max_entries: 2,
        max_bytes: MIN_BYTES,
        max_value: 200_000,
        policy,
        ..Limits::default()
    };
    let mut map = map(&now, limits.clone());
    map.set(b"k", b"12345678", Ttl::After(10)).unwrap();
    map.set(b"full", &i64::MAX.to_le_bytes(), Ttl::Never)
        .unwrap();
    // So that no entry is removed for another reason.
    let pins = [b"k", &b"full"[..]].map(|key| map.pin(key).unwrap().expect("it is there"));
    let before = see(&mut map);
    let (zero, long) = (Ttl::After(0), Ttl::After(99));
    let huge = vec![0; 200_001];
    // Each with all the faults that are checked after its own.
    assert!(matches!(
        map.set(b"", &huge, zero),
        Err(Error::InvalidKey(_))
    ));
    assert_eq!(map.set(b"k", &huge, zero), Err(Error::InvalidTtl));
    assert_eq!(
        map.set(b"x", &huge, long),
        Err(Error::ValueTooLarge(200_000))
    );
    assert_eq!(map.set(b"x", b"", long), Err(Error::Full));
    assert_eq!(map.set(b"k", &huge[1..], long), Err(Error::Full));
    let absent = map.set_if(b"k", &huge[1..], long, Condition::Absent);
    assert_eq!(absent, Err(Error::Conflict(Some(1))));
    let present = map.set_if(b"x", b"", long, Condition::Present);
    assert_eq!(present, Err(Error::Conflict(None)));
    assert_eq!(map.increment(b"full", 1, zero), Err(Error::InvalidTtl));
    assert_eq!(map.increment(b"full", 1, long), Err(Error::Overflow));
    assert_eq!(map.increment(b"x", 1, long), Err(Error::Full));
    assert_eq!(map.touch(b"k", zero), Err(Error::InvalidTtl));
    assert_eq!(map.delete_if(b"k", 9), Err(Error::Conflict(Some(1))));
    let changes = [
        Change::Delete { key: b"k" },
        Change::Increment {
            key: b"full",
            delta: 1,
            ttl: long,
        },
    ];
    assert_eq!(map.apply(&changes), Err((1, Error::Overflow)));
    assert_eq!(see(&mut map), before, "{policy:?}");
    let lower = Limits {
        max_value: 199_999,
        max_entries: 9,
        ..limits.clone()
    };
    let fault = ConfigureError::Lowered(Setting::MaxValue);
    assert_eq!(map.configure(lower), Err(fault));
    assert_eq!(map.limits(), &limits);
    pins.into_iter().for_each(|pin| map.unpin(pin));
    assert_eq!(map.set(b"k", b"", Ttl::Never), Ok(3));
}

/// No living entry is removed for a write that fails anyway.
#[test]
#[cfg_attr(miri, ignore = "too many bytes for Miri")]
fn rule_5_what_cannot_fit_evicts_nothing() {
    for policy in CACHES {
        let now = Cell::new(0);
        let limits = Limits {
            max_bytes: MIN_BYTES,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        for n in 0..100u32 {
            map.set(&n.to_le_bytes(), &[7; 500], Ttl::Never).unwrap();
        }
        let before = see(&mut map);
        for len in [131_072, 140_000, 200_000, 1 << 20] {
            let value = vec![1; len];
            assert_eq!(map.set(b"new", &value, Ttl::Never), Err(Error::Full));
            let key = 5u32.to_le_bytes();
            assert_eq!(map.set(&key, &value, Ttl::Never), Err(Error::Full));
        }
        assert_eq!(see(&mut map), before);
        // A write that just fits succeeds.
        map.set(b"new", &[1; 100_000], Ttl::Never).unwrap();
        assert!(map.len() < 100 && map.contains(b"new"));
    }
}
