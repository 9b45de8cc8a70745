//! Memory that a store refuses, and statistics about memory.

use super::{host, map};
use localmap::{
    ApplyError, Change, ChangeError, CreateError, Limits, MapOptions, PinError, Policy, SetError,
    Ttl,
};

/// After a refused `memory.grow`, the current footprint is the limit, for values of every size,
/// even when there is no room left for the parameters of the call.
#[test]
fn memory_that_the_store_refuses_is_full_and_the_map_goes_on() {
    for size in [1, 100, 10_000, 300_000] {
        let mut map = map(&MapOptions::new().max_memory(4 << 20));
        let value = vec![7; size];
        let mut stored = 0u32;
        let error = loop {
            match map.set(&stored.to_be_bytes(), &value, Ttl::Never) {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SetError::Full), "{size}: {error}");
        assert!(stored as usize * (size + 100) > 1 << 20, "{size}: {stored}");
        assert!(map.memory() <= 4 << 20);

        // Small values use the remaining room.
        let mut more = 0u32;
        let error = loop {
            match map.set(format!("small {more}").as_bytes(), b"", Ttl::Never) {
                Ok(_) => more += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SetError::Full), "{size}: {error}");

        for len in [1, 200, 20_000, 400_000, 1 << 20] {
            let refused = map.set(b"new", &vec![8; len], Ttl::Never);
            // A small value may still fit where larger ones did not.
            if refused.is_ok() && len <= 200 {
                assert!(map.delete(b"new").expect("alive"));
                continue;
            }
            assert!(
                matches!(refused, Err(SetError::Full)),
                "{size} {len}: {refused:?}"
            );
        }
        for key in 0..stored {
            let found = map.get(&key.to_be_bytes()).expect("alive");
            assert!(found.as_ref() == Some(&value), "{size}");
        }
        assert_eq!(
            map.len().expect("alive"),
            u64::from(stored) + u64::from(more)
        );
        // There is room for results too.
        let first = 0u32.to_be_bytes();
        let keys: Vec<[u8; 4]> = (0..stored).map(u32::to_be_bytes).collect();
        let keys: Vec<&[u8]> = keys.iter().map(<[u8; 4]>::as_slice).collect();
        let many = map.get_many(&keys).expect("alive");
        assert!(
            many.iter().all(|found| found.as_ref() == Some(&value)),
            "{size}"
        );
        let entry = map.get_entry(&first).expect("alive").expect("there");
        assert!(entry.value == value, "{size}");
        let (mut scanned, mut cursor) = (0, Some(0));
        while let Some(at) = cursor {
            let page = map.scan(b"", at, u32::MAX).expect("alive");
            scanned += page.entries.len() as u64;
            cursor = page.next;
        }
        assert_eq!(scanned, u64::from(stored) + u64::from(more));
        assert!(
            map.take(&3u32.to_be_bytes()).expect("alive") == Some(value.clone()),
            "{size}"
        );

        // Removing a tenth of the entries leaves room, including for the parameters of a call.
        // If tables cannot grow, a sixteenth must be removed.
        for key in (0..stored / 10 + 4).filter(|key| *key != 3) {
            assert!(map.delete(&key.to_be_bytes()).expect("alive"));
        }
        let stored_again = map.set(b"more", &value, Ttl::Never);
        assert!(stored_again.is_ok(), "{size}: {stored_again:?}");
    }
}

/// The same holds for batches, which have many parameters, and for pins, which keep memory.
#[test]
fn batches_and_pins_without_memory_are_full_and_the_map_goes_on() {
    for policy in [Policy::Refuse, Policy::Lru, Policy::S3Fifo] {
        let limits = Limits::default().policy(policy).max_pins(4096);
        let mut map = map(&MapOptions::new().max_memory(6 << 20).limits(limits));
        let value = vec![7; 1000];
        let keys: Vec<[u8; 4]> = (0..1024u32).map(u32::to_be_bytes).collect();
        let batch: Vec<Change<'_>> = keys
            .iter()
            .map(|key| Change::Set {
                key,
                value: &value,
                ttl: Ttl::Never,
            })
            .collect();
        map.apply(&batch).expect("room");
        let mut more = 0u64;
        while more < 10_000 {
            match map.set(&more.to_be_bytes(), &value, Ttl::Never) {
                Ok(_) => more += 1,
                Err(SetError::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(more < 10_000, policy == Policy::Refuse);
        // Repeat with longer values, which need more room.
        let longer = vec![8; 1024];
        let others: Vec<[u8; 5]> = (0..1024u64)
            .map(|key| [key.to_be_bytes()[6], key.to_be_bytes()[7], 1, 2, 3])
            .collect();
        let batch: Vec<Change<'_>> = others
            .iter()
            .map(|key| Change::Set {
                key,
                value: &longer,
                ttl: Ttl::Never,
            })
            .collect();
        let before = map.len().expect("alive");
        match map.apply(&batch) {
            Ok(outcomes) => assert_eq!(outcomes.len(), 1024),
            Err(ApplyError::Refused { source, .. }) => {
                assert!(matches!(source, ChangeError::Full), "{source}");
                assert_eq!(map.len().expect("alive"), before);
            }
            Err(terminated) => panic!("{terminated}"),
        }
        // Each pin keeps its memory until it is dropped.
        map.set(b"pinned", b"v", Ttl::Never).ok();
        let page = map.scan(b"", 0, 1).expect("alive");
        let key = &page.entries.first().expect("one").key;
        let mut pins = Vec::new();
        while pins.len() < 4096 {
            match map.pin(key) {
                Ok(pin) => pins.push(pin.expect("there")),
                Err(PinError::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
        // Calls have room as before.
        let many = map.get_many(&keys.iter().map(<[u8; 4]>::as_slice).collect::<Vec<_>>());
        assert_eq!(many.expect("alive").len(), 1024);
        for key in &keys {
            map.delete(key).expect("alive");
        }
        for pin in &pins {
            map.pinned(pin).expect("alive");
        }
        drop(pins);
        assert_eq!(map.stats().expect("alive").pinned, 0);
        map.set(b"k", &value, Ttl::Never).expect("room again");
        match map.pin(b"k") {
            Ok(pin) => assert_eq!(map.pinned(&pin.expect("there")).expect("alive"), value),
            Err(error) => assert!(matches!(error, PinError::Full), "{error}"),
        }
        assert!(map.memory() <= 6 << 20);
    }
}

#[test]
fn statistics_describe_the_use_of_memory() {
    let mut map = map(&MapOptions::new().limits(Limits::default().max_entries(2)));
    map.set(b"a", &[7; 100_000], Ttl::Never).expect("room");
    map.set(b"b", b"v", Ttl::Never).expect("room");
    map.set(b"c", b"v", Ttl::Never).expect_err("full");
    let stats = map.stats().expect("alive");
    assert_eq!((stats.entries, stats.payload), (2, 100_003));
    assert_eq!(stats.bytes, stats.payload + stats.overhead + stats.free);
    assert!(stats.overhead > 0);
    assert_eq!((stats.refused, stats.evicted, stats.pinned), (1, 0, 0));
    map.delete(b"a").expect("alive");
    let after = map.stats().expect("alive");
    assert_eq!(after.payload, 2);
    assert!(after.high_water >= stats.bytes);
}

#[test]
fn a_map_needs_the_memory_that_it_starts_with() {
    let refused = host().map(&MapOptions::new().max_memory(1));
    assert!(matches!(refused, Err(CreateError::Instantiate { .. })));
}
