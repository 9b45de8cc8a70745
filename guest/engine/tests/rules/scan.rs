//! Rule 8: the entries that a scan visits, and the maximum size of a page.

use std::cell::Cell;
use std::collections::BTreeMap;

use localmap_engine::{Limits, MAX_PAGE_BYTES, Map, Ttl};

use super::{POLICIES, fill, map, scan, times};

#[test]
fn rule_8_scan_gives_what_is_there_throughout_exactly_once() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    let count = times(2000);
    fill(&mut map, count, Ttl::Never);
    let limits: &[u32] = if cfg!(miri) {
        &[30, u32::MAX]
    } else {
        &[0, 1, 3, 512, 4096, u32::MAX]
    };
    for &limit in limits {
        let given = scan(&mut map, b"", limit);
        assert_eq!(given.len(), count as usize);
        assert!(given.values().all(|&times| times == 1));
    }
    // While other keys are added and removed, and while the map itself changes.
    let (mut given, mut next, mut step) = (BTreeMap::new(), Some(0), 0u32);
    while let Some(cursor) = next {
        next = map.scan(b"", cursor, 10, |scanned| {
            *given.entry(scanned.key.to_vec()).or_insert(0u32) += 1;
        });
        for n in 0..10 {
            let n = (step * 10 + n) * 7 % count;
            match n % 4 {
                0 => _ = map.delete(&n.to_le_bytes()),
                1 => _ = map.set(&n.to_le_bytes(), b"longer", Ttl::After(9)).unwrap(),
                _ => {}
            }
            map.set(&[1, 2, 3, n.to_le_bytes()[0], 5], b"v", Ttl::Never)
                .unwrap();
        }
        step += 1;
    }
    for n in (0..count).filter(|n| n % 4 != 0) {
        assert_eq!(given.get(&n.to_le_bytes()[..]), Some(&1), "{n}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_8_pages_are_bounded() {
    let now = Cell::new(0);
    let mut map = map(
        &now,
        Limits {
            max_value: 1 << 30,
            ..Limits::default()
        },
    );
    let page = |map: &mut Map<_>, cursor, limit| {
        let (mut count, mut bytes) = (0, 0);
        let next = map.scan(b"", cursor, limit, |scanned| {
            count += 1;
            bytes += scanned.key.len() + scanned.value.len();
        });
        (count, bytes, next)
    };
    fill(&mut map, 5000, Ttl::Never);
    assert_eq!(page(&mut map, 0, 0).0, 1);
    assert_eq!(page(&mut map, 0, 100).0, 100);
    assert_eq!(page(&mut map, 0, u32::MAX).0, 4096);
    // A cursor that no page returned does no harm.
    let mut random = fastrand::Rng::with_seed(1);
    let odd = [1, u64::from(u32::MAX), 1 << 32, u64::MAX - 1, u64::MAX];
    for cursor in odd.into_iter().chain((0..1000).map(|_| random.u64(..))) {
        let (count, _, next) = page(&mut map, cursor, u32::MAX);
        assert!(count <= 4096 && next.is_none_or(|next| next > cursor));
    }

    map.clear();
    // Exactly as much as a page holds, then one byte more.
    map.set(b"a", &vec![0; MAX_PAGE_BYTES - 3], Ttl::Never)
        .unwrap();
    map.set(b"b", b"v", Ttl::Never).unwrap();
    assert_eq!(page(&mut map, 0, 10), (2, MAX_PAGE_BYTES, None));
    map.set(b"b", b"vv", Ttl::Never).unwrap();
    // One of them on each page, in either order.
    let (count, first, next) = page(&mut map, 0, 10);
    let (last_count, last, end) = page(&mut map, next.unwrap(), 10);
    assert_eq!((count, last_count, end), (1, 1, None));
    assert_eq!(first + last, MAX_PAGE_BYTES + 1);
    // An entry larger than a page is visited alone.
    map.set(b"a", &vec![0; 2 * MAX_PAGE_BYTES], Ttl::Never)
        .unwrap();
    let (count, _, next) = page(&mut map, 0, 10);
    assert_eq!((count, next.is_some()), (1, true));

    // An empty page does not end the scan: neither with a prefix that few keys have, nor with due
    // entries.
    map.clear();
    fill(&mut map, 5000, Ttl::Never);
    map.set(b"prefix", b"v", Ttl::Never).unwrap();
    let (mut given, mut pages, mut next) = (0, 0, Some(0));
    while let Some(cursor) = next {
        next = map.scan(b"pre", cursor, 10, |_| given += 1);
        pages += 1;
    }
    assert_eq!(given, 1);
    assert!(pages >= 500, "a page of 10 came by {}", 5001 / pages);
}

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_8_what_is_due_is_not_given() {
    let now = Cell::new(0);
    let mut map = map(&now, Limits::default());
    for n in 0..3000u32 {
        let ttl = Ttl::After(u64::from(1 + n % 7));
        map.set(&n.to_le_bytes(), b"v", ttl).unwrap();
    }
    for at in 0..8 {
        now.set(at);
        let given = scan(&mut map, b"", 100);
        let living = |n: &u32| u64::from(1 + n % 7) > at;
        assert_eq!(given.len(), (0..3000).filter(living).count());
        assert_eq!(map.glance().expired, 0, "a scan takes nothing back");
    }
}

/// Entries that move (to make room), tables that split and shrink, evictions: the remaining
/// entries are visited once.
#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_8_whatever_happens_meanwhile() {
    for policy in POLICIES {
        for seed in 0..6 {
            let now = Cell::new(0);
            let limits = Limits {
                max_entries: 6000,
                max_bytes: 2 << 20,
                policy,
                ..Limits::default()
            };
            let mut map = Map::new(|| now.get(), seed, limits);
            // The remaining entries are pinned, so that they are not evicted.
            let mut pins = Vec::new();
            for n in 0..1000u32 {
                map.set(&n.to_le_bytes(), &[1; 100], Ttl::Never).unwrap();
                pins.extend(map.pin(&n.to_le_bytes()).unwrap());
            }
            let mut random = fastrand::Rng::with_seed(seed);
            for limit in [1, 7, 300] {
                let (mut given, mut next) = (BTreeMap::new(), Some(0));
                while let Some(cursor) = next {
                    next = map.scan(b"", cursor, limit, |scanned| {
                        *given.entry(scanned.key.to_vec()).or_insert(0u32) += 1;
                    });
                    for _ in 0..limit.min(30) {
                        let key = random.u32(1000..20_000).to_le_bytes();
                        match random.u8(..8) {
                            0..3 => _ = map.delete(&key),
                            _ => {
                                let value = vec![2; random.usize(..2000)];
                                let _ = map.set(&key, &value, Ttl::Never);
                            }
                        }
                    }
                }
                for n in 0..1000u32 {
                    assert_eq!(given.get(&n.to_le_bytes()[..]), Some(&1), "{n}");
                }
                assert!(given.values().all(|&times| times == 1));
            }
            map.validate();
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many operations for Miri")]
fn rule_8_the_same_bound_holds_for_get_many() {
    let now = Cell::new(0);
    let mut map = map(
        &now,
        Limits {
            max_value: 1 << 30,
            ..Limits::default()
        },
    );
    map.set(b"a", &vec![0; MAX_PAGE_BYTES - 1], Ttl::Never)
        .unwrap();
    map.set(b"b", b"1", Ttl::Never).unwrap();
    map.set(b"huge", &vec![0; 2 * MAX_PAGE_BYTES], Ttl::Never)
        .unwrap();
    let answers = |map: &mut Map<_>, keys: &[&[u8]]| {
        let mut answers = 0;
        map.get_many(keys.iter().copied(), |_| answers += 1);
        answers
    };
    assert_eq!(answers(&mut map, &[b"a", b"b", b"x", b"b", b"a"]), 3);
    assert_eq!(answers(&mut map, &[b"huge", b"b"]), 1);
    assert_eq!(answers(&mut map, &[b"x", b"huge"]), 1);
    assert_eq!(answers(&mut map, &[]), 0);
    // A value that was not visited is not counted.
    let stats = map.stats();
    assert_eq!((stats.hits, stats.misses), (3, 2));
}
