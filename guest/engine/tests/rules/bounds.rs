//! Rules 6 and 10: limits, and `clear`.

use std::cell::Cell;

use localmap_engine::{ConfigureError, Error, Limits, MAX_PINS, MIN_BYTES, Policy, Setting, Ttl};

use super::{POLICIES, fill, map, scan, times};

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_6_bounds() {
    let now = Cell::new(0);
    let limits = Limits {
        max_entries: 10_000,
        max_bytes: MIN_BYTES,
        ..Limits::default()
    };
    let mut map = map(&now, limits);
    // The limit on bytes is reached before that on entries.
    let mut stored = 0u32;
    while map
        .set(&stored.to_le_bytes(), &[0; 100], Ttl::After(10))
        .is_ok()
    {
        stored += 1;
        assert!(map.stats().bytes <= MIN_BYTES);
    }
    assert!(stored > 500 && stored < 1261, "{stored}");
    assert_eq!(map.len(), u64::from(stored));
    // No living entry has been removed for it.
    assert_eq!(map.set(b"new", &[0; 100], Ttl::Never), Err(Error::Full));
    assert_eq!(map.len(), u64::from(stored));
    // Expired entries are removed first, for an overwrite too.
    map.touch(&0u32.to_le_bytes(), Ttl::Never).unwrap();
    assert_eq!(
        map.set(&0u32.to_le_bytes(), &[0; 90_000], Ttl::Never),
        Err(Error::Full)
    );
    assert_eq!(
        map.get(&0u32.to_le_bytes()).map(|value| value.len()),
        Some(100)
    );
    now.set(10);
    map.set(&0u32.to_le_bytes(), &[0; 90_000], Ttl::Never)
        .unwrap();
    assert_eq!((map.len(), map.stats().expired), (1, u64::from(stored) - 1));

    map.clear();
    assert_eq!((map.len(), map.stats().bytes), (0, 0));
    fill(&mut map, 500, Ttl::Never);
    assert!(map.stats().bytes <= MIN_BYTES);
}

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_6_limits_on_entries_are_reached_and_not_exceeded() {
    for policy in POLICIES {
        let now = Cell::new(0);
        for max_entries in [1, 2, 7, 1000] {
            let limits = Limits {
                max_entries,
                policy,
                ..Limits::default()
            };
            let mut map = map(&now, limits.clone());
            for n in 0..1500u32 {
                let stored = map.set(&n.to_le_bytes(), b"v", Ttl::Never);
                let room = policy != Policy::Refuse || u64::from(n) < max_entries;
                assert_eq!(stored.is_ok(), room);
                assert_eq!(map.glance().entries, max_entries.min(u64::from(n) + 1));
            }
            // More memory is used if it is allowed.
            let limits = Limits {
                max_entries: max_entries + 1,
                ..limits
            };
            map.configure(limits).unwrap();
            map.set(b"one more", b"v", Ttl::Never).unwrap();
            assert_eq!(map.len(), max_entries + 1);
        }
    }
}

/// The limit is never exceeded by a single byte, whether blocks, tables, lists or the places of
/// pins reach it, and at all sizes in between.
#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_6_limits_on_bytes_are_never_exceeded() {
    let small = (MIN_BYTES..MIN_BYTES + 20_000).step_by(611);
    let large = (1 << 21..(1 << 21) + 40_000).step_by(9001);
    for policy in POLICIES {
        let now = Cell::new(0);
        for max_bytes in small.clone().chain(large.clone()) {
            let limits = Limits {
                max_bytes,
                max_pins: MAX_PINS,
                policy,
                ..Limits::default()
            };
            let mut map = map(&now, limits);
            let mut pins = Vec::new();
            for n in 0..max_bytes as u32 / 100 {
                let key = n.to_le_bytes();
                let ttl = if n % 2 == 0 {
                    Ttl::Never
                } else {
                    Ttl::After(1 << 40)
                };
                if map.set(&key, &[7; 60], ttl).is_ok() && n % 50 == 0 {
                    pins.extend(map.pin(&key).ok().flatten());
                }
            }
            let stats = map.stats();
            assert!(stats.high_water <= max_bytes, "{stats:?}");
            assert!(stats.bytes >= max_bytes * 9 / 10, "{stats:?}");
            map.validate();
        }
    }
}

/// All pins hold one small value: the list of pins is memory too.
#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_6_places_of_pins_count() {
    let now = Cell::new(0);
    let limits = Limits {
        max_bytes: MIN_BYTES,
        max_pins: MAX_PINS,
        ..Limits::default()
    };
    let mut map = map(&now, limits);
    map.set(b"k", &[7; 50_000], Ttl::Never).unwrap();
    let mut pins = Vec::new();
    while let Ok(Some(pin)) = map.pin(b"k") {
        pins.push(pin);
    }
    let stats = map.stats();
    assert!(
        stats.bytes <= MIN_BYTES && stats.high_water <= MIN_BYTES,
        "{stats:?}"
    );
    assert!(pins.len() > 100 && pins.len() < MAX_PINS as usize);
    pins.into_iter().for_each(|pin| map.unpin(pin));
    map.validate();
}

/// The buckets of the wheel are allocated with the first deadline, and must then have room.
#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_6_a_first_deadline_in_a_full_map() {
    for policy in POLICIES {
        let now = Cell::new(0);
        let limits = Limits {
            max_bytes: MIN_BYTES,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        for n in 0..10_000u32 {
            let _ = map.set(&n.to_le_bytes(), &[7; 100], Ttl::Never);
        }
        let mut key = Vec::new();
        map.scan(b"", 0, 1, |scanned| key = scanned.key.to_vec());
        assert_eq!(map.touch(&key, Ttl::After(5)), Ok(true), "{policy:?}");
        let evicts = policy != Policy::Refuse;
        let stored = map.set(b"k", b"v", Ttl::After(5));
        assert_eq!(stored.is_ok(), evicts, "{policy:?}");
    }
}

#[test]
fn rule_6_limits_out_of_range() {
    let now = Cell::new(0);
    let mut map = map(
        &now,
        Limits {
            max_entries: 0,
            max_bytes: 0,
            default_ttl: Some(0),
            max_pins: u32::MAX,
            ..Limits::default()
        },
    );
    let limits = map.limits();
    assert_eq!((limits.max_entries, limits.default_ttl), (1, Some(1)));
    assert_eq!((limits.max_bytes, limits.max_pins), (MIN_BYTES, MAX_PINS));
    let faults: [(Setting, fn(&mut Limits)); 8] = [
        (Setting::MaxEntries, |limits| limits.max_entries = 0),
        (Setting::MaxEntries, |limits| limits.max_entries = 1 << 32),
        (Setting::MaxBytes, |limits| limits.max_bytes = MIN_BYTES - 1),
        (Setting::MaxKey, |limits| limits.max_key = 0),
        (Setting::MaxKey, |limits| limits.max_key = 513),
        (Setting::MaxValue, |limits| limits.max_value = (1 << 30) + 1),
        (Setting::DefaultTtl, |limits| limits.default_ttl = Some(0)),
        (Setting::MaxPins, |limits| limits.max_pins = MAX_PINS + 1),
    ];
    for (setting, fault) in faults {
        let mut limits = Limits::default();
        fault(&mut limits);
        let refused = Err(ConfigureError::OutOfRange(setting));
        assert_eq!(limits.check(), refused);
        assert_eq!(map.configure(limits), refused);
    }
}

#[test]
fn rule_6_limits_may_only_rise_once_there_was_data() {
    let now = Cell::new(0);
    let limits = Limits {
        max_bytes: 1 << 20,
        ..Limits::default()
    };
    let lower: [(Setting, fn(&mut Limits)); 7] = [
        (Setting::MaxEntries, |limits| limits.max_entries -= 1),
        (Setting::MaxBytes, |limits| limits.max_bytes -= 1),
        (Setting::MaxKey, |limits| limits.max_key -= 1),
        (Setting::MaxValue, |limits| limits.max_value -= 1),
        (Setting::Utf8Keys, |limits| limits.utf8_keys = true),
        (Setting::Policy, |limits| limits.policy = Policy::Lru),
        (Setting::MaxPins, |limits| limits.max_pins -= 1),
    ];
    for (setting, lower) in lower {
        let mut map = map(&now, limits.clone());
        let mut lowered = limits.clone();
        lower(&mut lowered);
        map.configure(lowered.clone()).unwrap();
        map.configure(limits.clone()).unwrap();
        map.set(b"k", b"v", Ttl::Never).unwrap();
        // Not after the entry has been removed either.
        map.clear();
        let refused = Err(ConfigureError::Lowered(setting));
        assert_eq!(map.configure(lowered), refused);
        assert_eq!(map.limits(), &limits);
        let other = Limits {
            default_ttl: Some(5),
            ..limits.clone()
        };
        map.configure(other).unwrap();
    }
}

#[test]
fn rule_10_nothing_of_it_is_left_after_clear() {
    let (now, count) = (Cell::new(0), times(1000));
    let mut map = map(&now, Limits::default());
    fill(&mut map, count, Ttl::After(5));
    map.clear();
    assert!(scan(&mut map, b"", 100).is_empty());
    assert!((0..count).all(|n| map.get(&n.to_le_bytes()).is_none()));
    now.set(5);
    assert_eq!((map.sweep(u32::MAX), map.stats().expired), (0, 0));
    // Entries whose deadline has passed count as expired.
    fill(&mut map, count, Ttl::After(5));
    now.set(10);
    map.clear();
    assert_eq!(map.stats().expired, count.into());
}
