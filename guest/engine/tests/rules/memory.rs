//! Moved entries, split tables and evicted entries, in maps small enough for Miri.

use super::*;

/// Returns the value of an entry.
fn value(n: u32, len: usize) -> Vec<u8> {
    vec![n as u8; len]
}

/// Sets values of `len` bytes, numbered from `from`, until the map is full. Returns the number
/// after the last one.
fn fill_with(map: &mut Map<impl Clock>, from: u32, len: usize) -> u32 {
    let set = |n: &u32| {
        map.set(&n.to_le_bytes(), &value(*n, len), Ttl::After(99))
            .is_ok()
    };
    from + (from..).take_while(set).count() as u32
}

/// One entry stays in each block, and these are moved together to make room for values that take
/// whole blocks: once with values in their slots, and once with values in parts.
#[test]
fn entries_move_out_of_the_way_of_larger_ones() {
    for len in [900, 1_500] {
        let now = Cell::new(0);
        let limits = Limits {
            max_bytes: MIN_BYTES,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        let small = fill_with(&mut map, 0, len);
        let kept = |n: &u32| n.is_multiple_of(4);
        for n in (0..small).filter(|n| !kept(n)) {
            assert!(map.delete(&n.to_le_bytes()));
        }
        // A pinned entry moves, too.
        let pin = map.pin(&4u32.to_le_bytes()).unwrap().expect("it is kept");
        let all = fill_with(&mut map, small, 4_000);
        assert!(all - small >= 16, "{} entries of whole blocks", all - small);
        assert!(map.pinned(&pin).unwrap().value == value(4, len)[..]);
        map.unpin(pin);
        for n in (0..small).filter(kept) {
            assert_eq!(get(&mut map, &n.to_le_bytes()), Some(value(n, len)));
        }
        for n in small..all {
            assert_eq!(get(&mut map, &n.to_le_bytes()), Some(value(n, 4_000)));
        }
        // The wheel has updated its links.
        now.set(99);
        assert_eq!(map.len(), 0);
        map.validate();
    }
}

/// A table has room for 1,792 addresses.
#[test]
fn a_table_that_is_split_loses_no_entry() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    let count = 1_800;
    fill(&mut map, count, Ttl::Never);
    for n in (0..count).step_by(if cfg!(miri) { 40 } else { 1 }) {
        assert!(map.contains(&n.to_le_bytes()), "{n}");
    }
    assert_eq!(map.len(), count.into());
    map.validate();
}

/// Keys are added and deleted in a map whose table is nearly full and has no memory to grow. The
/// tombstones of deleted keys are removed when the table is rehashed.
#[test]
fn a_table_that_cannot_grow_loses_no_entry() {
    let now = Cell::new(0);
    let limits = Limits {
        // A table of 512 buckets holds 448 addresses.
        max_entries: 446,
        max_bytes: MIN_BYTES + 8_704,
        ..Limits::default()
    };
    let mut map = map(&now, limits);
    let (count, rounds) = (446, 30u32);
    assert_eq!(fill_with(&mut map, 0, 244), count);
    let bytes = map.stats().bytes;
    for n in 0..rounds {
        assert!(map.delete(&n.to_le_bytes()), "{n}");
        let key = (count + n).to_le_bytes();
        map.set(&key, &value(n, 244), Ttl::Never).unwrap();
    }
    let there = (0..count + rounds).filter(|n| map.contains(&n.to_le_bytes()));
    assert!(there.eq(rounds..count + rounds));
    assert_eq!(map.stats().bytes, bytes, "the table has grown");
    map.validate();
}

/// By number and by bytes: for one large value, several small ones are evicted.
#[test]
fn entries_are_evicted_for_new_ones() {
    for policy in CACHES {
        let now = Cell::new(0);
        let limits = Limits {
            max_entries: 40,
            max_bytes: MIN_BYTES,
            policy,
            ..Limits::default()
        };
        let mut map = map(&now, limits);
        for n in 0..50 {
            map.set(&[n], &value(n.into(), 2_000), Ttl::After(99))
                .unwrap();
            map.get(&[n / 2]);
        }
        let evicted = map.stats().evicted;
        assert!(evicted >= 10 && map.len() == 50 - evicted, "{policy:?}");
        map.set(b"large", &value(7, 80_000), Ttl::Never).unwrap();
        assert!(map.stats().evicted > evicted + 4, "{policy:?}");
        assert_eq!(get(&mut map, b"large"), Some(value(7, 80_000)));
        let there: Vec<u8> = (0..50).filter(|&n| map.contains(&[n])).collect();
        for n in there {
            assert_eq!(get(&mut map, &[n]), Some(value(n.into(), 2_000)));
        }
        map.validate();
    }
}
