//! Tenants with several maps, which behave as one except for batches.

use super::{LEAST, check_out, class, class_of_bytes, is_full, is_terminated, tenants_of};
use localmap::{Change, Condition, Limits, MapOptions, Preload, ScanCursor, TenantError, Ttl};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

const SHARDS: u16 = 8;

fn key(number: u32) -> Vec<u8> {
    let parity = ["even", "odd"][number as usize % 2];
    format!("{parity}:{number}").into_bytes()
}

#[test]
fn operations_find_the_shard_of_their_key() {
    let (tenants, _) = tenants_of(class().shards_per_tenant(SHARDS));
    let guard = check_out(&tenants, "a");
    for number in 0..200 {
        let key = key(number);
        let version = guard.set(&key, b"v", Ttl::Never).expect("room");
        assert!(guard.contains(&key).expect("live"));
        let entry = guard.get_entry(&key).expect("live").expect("present");
        assert_eq!(entry.version, version);
        let absent = guard.set_if(&key, b"w", Ttl::Never, Condition::Absent);
        assert!(absent.is_err());
        assert!(guard.touch(&key, Ttl::Never).expect("live"));
        let mut buffer = Vec::new();
        assert_eq!(guard.get_into(&key, &mut buffer).expect("live"), Some(1));
        guard.delete_if(&key, version).expect("its version");
        assert!(!guard.delete(&key).expect("live"));
        assert_eq!(guard.increment(&key, 2, Ttl::Never).expect("room"), 2);
        assert!(guard.take(&key).expect("live").is_some());
    }
    assert!(guard.is_empty().expect("live"));
}

#[test]
fn len_stats_scan_sweep_and_clear_are_those_of_all_shards() {
    let (tenants, clock) = tenants_of(class().shards_per_tenant(SHARDS));
    let guard = check_out(&tenants, "a");
    for number in 0..200 {
        let ttl = match number {
            0..100 => Ttl::Never,
            _ => Ttl::After(super::SECOND),
        };
        guard.set(&key(number), b"v", ttl).expect("room");
    }
    assert_eq!(guard.len().expect("live"), 200);
    let stats = guard.stats().expect("live");
    assert_eq!((stats.entries, stats.writes), (200, 200));
    let (mut even, mut shards) = (BTreeSet::new(), BTreeSet::new());
    let mut next = Some(ScanCursor::default());
    while let Some(cursor) = next {
        let page = guard.scan(b"even:", cursor, 10).expect("live");
        for found in page.entries {
            shards.insert(cursor.shard);
            assert!(even.insert(found.key), "twice");
        }
        next = page.next;
    }
    assert_eq!(even.len(), 100);
    assert_eq!(shards.len(), usize::from(SHARDS), "keys are spread");
    let mut visited = 0;
    let visit = guard.visit(b"", |_| {
        visited += 1;
        match visited {
            50 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    assert!(visit.is_ok());
    assert_eq!(visited, 50);
    clock.advance(super::SECOND);
    assert_eq!(guard.sweep(1_000).expect("live"), 100);
    assert_eq!(guard.len().expect("live"), 100);
    guard.clear().expect("live");
    assert!(guard.is_empty().expect("live"));
}

#[test]
fn any_cursor_is_a_place_or_the_end() {
    let (tenants, _) = tenants_of(class().shards_per_tenant(2));
    let guard = check_out(&tenants, "a");
    for shard in [0, 1, 2, u16::MAX] {
        for cursor in [0, 1, u64::MAX] {
            let page = guard.scan(b"", ScanCursor { shard, cursor }, 10);
            assert!(page.expect("live").entries.is_empty());
        }
    }
}

#[test]
fn values_of_several_keys_are_returned_in_their_order() {
    let (tenants, _) = tenants_of(class().shards_per_tenant(SHARDS));
    let guard = check_out(&tenants, "a");
    let keys: Vec<Vec<u8>> = (0..100).map(key).collect();
    for key in keys.iter().step_by(2) {
        guard.set(key, key, Ttl::Never).expect("room");
    }
    let asked: Vec<&[u8]> = keys.iter().chain(&keys).map(Vec::as_slice).collect();
    let found = guard.get_many(&asked).expect("live");
    let expected = (0..200).map(|at| (at % 2 == 0).then(|| asked[at].to_vec()));
    assert!(found.into_iter().eq(expected));
    assert!(guard.get_many(&[]).expect("live").is_empty());
}

#[test]
fn a_batch_across_shards_is_refused_and_changes_nothing() {
    let (tenants, _) = tenants_of(class().shards_per_tenant(SHARDS));
    let guard = check_out(&tenants, "a");
    let keys: Vec<Vec<u8>> = (0..50).map(key).collect();
    let set = |key| Change::Set {
        key,
        value: b"v",
        ttl: Ttl::Never,
    };
    let all: Vec<_> = keys.iter().map(|key| set(key)).collect();
    let error = guard.apply(&all).expect_err("they are in several shards");
    assert!(matches!(error, TenantError::AcrossShards));
    assert!(error.to_string().contains("several shards"));
    assert!(guard.is_empty().expect("live"));
    // On one key, and on keys that happen to be in the same shard, it works.
    let twice = [
        set(&keys[0]),
        Change::Touch {
            key: &keys[0],
            ttl: Ttl::Never,
        },
    ];
    assert_eq!(guard.apply(&twice).expect("one shard").len(), 2);
    let together = all[1..]
        .iter()
        .filter(|other| guard.apply(&[all[0], **other]).is_ok());
    assert!((1..25).contains(&together.count()));
    assert!(guard.apply(&[]).expect("nothing to do").is_empty());
    // With one shard, all keys are together.
    let (tenants, _) = tenants_of(class());
    let guard = check_out(&tenants, "a");
    assert_eq!(guard.apply(&all).expect("one shard").len(), 50);
}

#[test]
fn the_shards_together_hold_no_more_than_the_quota() {
    let limits = Limits::default().max_entries(100);
    let class = class().map(MapOptions::new().limits(limits));
    let (tenants, _) = tenants_of(class.shards_per_tenant(SHARDS));
    let guard = check_out(&tenants, "a");
    for number in 0..1_000 {
        if let Err(error) = guard.set(&key(number), b"v", Ttl::Never) {
            assert!(is_full(&error));
        }
    }
    assert_eq!(guard.len().expect("live"), 12 * u64::from(SHARDS));
    let bytes = LEAST * u64::from(SHARDS);
    let (tenants, _) = tenants_of(class_of_bytes("all", bytes).shards_per_tenant(SHARDS));
    let guard = check_out(&tenants, "a");
    for number in 0..2_000 {
        if let Err(error) = guard.set(&key(number), &[0; 1000], Ttl::Never) {
            assert!(is_full(&error));
        }
    }
    let held = guard.stats().expect("live").bytes;
    assert!((bytes / 2..=bytes).contains(&held), "{held} of {bytes}");
}

#[test]
fn first_entries_are_found_in_the_shards_of_their_keys() {
    let entries = (0..50).map(|number| Preload {
        key: key(number),
        value: key(number),
        ttl: Ttl::Never,
    });
    let class = class().entries(entries.collect());
    let (tenants, _) = tenants_of(class.shards_per_tenant(SHARDS));
    let guard = check_out(&tenants, "a");
    for number in 0..50 {
        assert_eq!(guard.get(&key(number)).expect("live"), Some(key(number)));
    }
    assert_eq!(guard.len().expect("live"), 50);
}

#[test]
fn several_shards_are_no_map_to_share() {
    let (tenants, _) = tenants_of(class().shards_per_tenant(2));
    assert!(check_out(&tenants, "a").shared().is_none());
}

/// Its keys cannot be told from those that were never set, so none of them stays.
#[test]
fn a_tenant_of_which_one_shard_has_terminated_begins_again() {
    // A value of this size does not fit into the memory of a shard, which terminates it.
    let limits = Limits::default().max_value(64 << 20);
    let map = MapOptions::new().limits(limits).max_memory(2 << 20);
    let (tenants, _) = tenants_of(class().map(map).shards_per_tenant(4));
    let guard = check_out(&tenants, "a");
    for number in 0..20 {
        guard.set(&key(number), b"v", Ttl::Never).expect("room");
    }
    let value = vec![0; 32 << 20];
    let error = guard.set(b"k", &value, Ttl::Never).expect_err("too large");
    assert!(is_terminated(&error), "{error}");
    assert!(guard.len().is_err());
    let next = check_out(&tenants, "a");
    assert!(next.is_empty().expect("live"));
    next.set(b"k", b"v", Ttl::Never).expect("room");
}
