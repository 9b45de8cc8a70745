//! Rule 9: pins.

use std::cell::Cell;

use localmap_engine::{Change, Clock, Error, Limits, MIN_BYTES, Map, PinId, Ttl};

use super::{CACHES, POLICIES, get, map, times};

fn pin(map: &mut Map<impl Clock>, key: &[u8]) -> PinId {
    map.pin(key).expect("room").expect("it is there")
}

fn held(map: &Map<impl Clock>, pin: &PinId) -> (Vec<u8>, u64) {
    let held = map.pinned(pin).expect("it is held");
    (held.value.to_vec(), held.version)
}

#[test]
fn rule_9_a_pin_holds_the_value_whatever_becomes_of_its_key() {
    let lens: &[usize] = if cfg!(miri) {
        &[8, 5000]
    } else {
        &[0, 1, 8, 900, 5000, 100_000]
    };
    for &len in lens {
        let value: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        type Fate = fn(&mut Map<&dyn Fn() -> u64>, &Cell<u64>);
        let fates: [Fate; 12] = [
            |map, _| _ = map.set(b"k", b"other", Ttl::Never).unwrap(),
            // Of the same length, which would be overwritten in place.
            |map, _| {
                let len = map.get(b"k").map_or(0, |value| value.len());
                map.set(b"k", &vec![0xee; len], Ttl::Never).unwrap();
            },
            |map, _| _ = map.increment(b"k", 1, Ttl::Never),
            |map, _| assert!(map.delete(b"k")),
            |map, _| _ = map.take(b"k", |_| ()),
            |map, _| _ = map.apply(&[Change::Delete { key: b"k" }]).unwrap(),
            |map, now| {
                now.set(10);
                assert!(!map.contains(b"k"));
            },
            |map, now| {
                now.set(10);
                assert_eq!(map.sweep(9), 1);
            },
            |map, _| map.clear(),
            |map, _| {
                map.clear();
                map.set(b"k", b"other", Ttl::Never).unwrap();
                map.clear();
            },
            |map, _| {
                for n in 0..times(5000) {
                    map.set(&n.to_le_bytes(), &n.to_le_bytes(), Ttl::Never)
                        .unwrap();
                }
            },
            |map, _| {
                map.delete(b"k");
                for n in 0..times(500) {
                    map.set(&n.to_le_bytes(), &[1; 700], Ttl::Never).unwrap();
                    map.delete(&(n / 2).to_le_bytes());
                }
            },
        ];
        for (at, fate) in fates.iter().enumerate() {
            let now = Cell::new(0);
            let clock = || now.get();
            let mut map = Map::new(&clock as &dyn Fn() -> u64, 7, Limits::default());
            let version = map.set(b"k", &value, Ttl::After(10)).unwrap();
            let pin = pin(&mut map, b"k");
            fate(&mut map, &now);
            assert_eq!(held(&map, &pin), (value.clone(), version), "fate {at}");
            map.validate();
            map.unpin(pin);
            map.validate();
            map.clear();
            assert_eq!((map.stats().payload, map.stats().pinned), (0, 0));
        }
    }
}

#[test]
fn rule_9_pins_are_bounded() {
    let now = Cell::new(0);
    for max_pins in [0, 1, 3] {
        let limits = Limits {
            max_pins,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        map.set(b"k", b"v", Ttl::Never).unwrap();
        let mut pins: Vec<PinId> = (0..max_pins).map(|_| pin(&mut map, b"k")).collect();
        assert_eq!(map.pin(b"k").map(drop), Err(Error::Full));
        assert!(map.pin(b"absent").unwrap().is_none());
        assert_eq!(map.stats().refused, 1);
        if let Some(last) = pins.pop() {
            map.unpin(last);
            pins.push(pin(&mut map, b"k"));
        }
        // The limit may be raised.
        let limits = Limits {
            max_pins: max_pins + 1,
            ..Limits::default()
        };
        map.configure(limits).unwrap();
        pins.push(pin(&mut map, b"k"));
        assert_eq!(pins.len() as u32, max_pins + 1);
    }
}

#[test]
fn rule_9_pinned_bytes_count_until_the_last_pin_is_dropped() {
    for policy in POLICIES {
        let now = Cell::new(0);
        let limits = Limits {
            max_bytes: MIN_BYTES,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        map.set(b"k", &[7; 80_000], Ttl::Never).unwrap();
        let (one, two) = (pin(&mut map, b"k"), pin(&mut map, b"k"));
        assert!(map.stats().pinned >= 80_000 && map.stats().pinned < 90_000);
        assert!(map.delete(b"k"));
        let stats = map.stats();
        assert_eq!((stats.entries, stats.payload), (0, 0));
        assert!(stats.overhead >= 80_000);
        let large = vec![1; 80_000];
        assert_eq!(map.set(b"l", &large, Ttl::Never), Err(Error::Full));
        map.unpin(one);
        assert_eq!(map.set(b"l", &large, Ttl::Never), Err(Error::Full));
        assert_eq!(held(&map, &two).0, [7; 80_000]);
        map.unpin(two);
        map.set(b"l", &large, Ttl::Never).unwrap();
        assert_eq!(map.stats().pinned, 0);
        map.validate();
    }
}

#[test]
fn rule_9_what_is_pinned_is_not_evicted() {
    for policy in CACHES {
        let now = Cell::new(0);
        let limits = Limits {
            max_entries: 10,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        map.set(b"pinned", b"v", Ttl::Never).unwrap();
        let kept = pin(&mut map, b"pinned");
        for n in 0..times(1000) {
            map.set(&n.to_le_bytes(), b"v", Ttl::Never).unwrap();
        }
        assert_eq!(get(&mut map, b"pinned"), Some(b"v".to_vec()));
        assert_eq!(map.stats().evicted, u64::from(times(1000)) + 1 - 10);
        map.unpin(kept);
        for n in 0..times(1000) {
            map.set(&n.to_le_bytes(), b"v", Ttl::Never).unwrap();
        }
        assert!(!map.contains(b"pinned"), "it is never evicted");
        map.validate();
    }
}

/// A pin of one map is not valid for another map, and a place that is used again is not valid for
/// the pin that had it before.
#[test]
fn rule_9_pins_are_not_mistaken_for_each_other() {
    let now = Cell::new(0);
    let (mut one, mut other) = (map(&now, Limits::default()), map(&now, Limits::default()));
    one.set(b"k", b"one", Ttl::Never).unwrap();
    let lost = pin(&mut one, b"k");
    assert!(other.pinned(&lost).is_none());
    other.unpin(lost);
    assert!(one.stats().pinned > 0, "it is held on");

    let pins: Vec<PinId> = (0..100u8)
        .map(|n| {
            other.set(&[n], &[n], Ttl::Never).unwrap();
            pin(&mut other, &[n])
        })
        .collect();
    let mut pins: Vec<(u8, PinId)> = (0..).zip(pins).collect();
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..times(2000) {
        let at = random.usize(..pins.len());
        let (_, dropped) = pins.swap_remove(at);
        other.unpin(dropped);
        let key = random.u8(..100);
        pins.push((key, pin(&mut other, &[key])));
    }
    for (key, pin) in &pins {
        assert_eq!(held(&other, pin).0, [*key]);
    }
    other.validate();
}
