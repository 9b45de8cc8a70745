//! What a guest is told: entries, revisions, ages, and errors.

use super::relay::{Guest, guest_in_async, linker, wit, wit_async};
use super::{Driven, MS};
use crate::link::apps::block_on;
use localmap::wasmtime::{Config, Engine, Store};
use localmap::{Host, Limits};
use localmap_mirror::{Event, MirrorState, Mirrors, Unfit};
use std::time::Duration;

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("a short one")
}

/// Returns the value and the revision of an entry.
fn value(found: &wit::Found) -> Option<(&[u8], u64)> {
    let entry = found.entry.as_ref()?;
    Some((&entry.value, entry.mod_revision))
}

#[test]
fn an_entry_has_its_revision_and_the_copy_its_age() {
    let mirror = Driven::new();
    let mut guest = Guest::new(mirror.alone());
    mirror.list(7, &[(b"color", b"blue", 5), (b"empty", b"", 6)]);
    mirror.clock.advance(3 * MS);
    let found = guest.get(b"color").expect("young enough");
    assert_eq!(value(&found), Some((&b"blue"[..], 5)));
    assert_eq!(found.as_of, 7);
    let age = nanos(3 * MS);
    assert!(matches!(found.freshness, wit::Freshness::Fresh(found) if found == age));
    let found = guest.get(b"empty").expect("young enough");
    assert_eq!(value(&found), Some((&b""[..], 6)));
    for absent in [&b"colour"[..], b"", b"\xff\0", &[7; 512], &[7; 513]] {
        assert_eq!(value(&guest.get(absent).expect("young enough")), None);
    }
}

#[test]
fn a_copy_is_fresh_then_stale_and_then_not_read_until_its_age_is_proved_again() {
    let mirror = Driven::new();
    let mut guest = Guest::new(mirror.alone());
    mirror.list(7, &[(b"k", b"v", 5)]);
    mirror.clock.advance(2_000 * MS);
    let found = guest.get(b"k").expect("young enough");
    let age = nanos(2_000 * MS);
    assert!(matches!(found.freshness, wit::Freshness::Stale(found) if found == age));
    mirror.clock.advance(3_000 * MS);
    assert!(guest.get(b"k").is_ok(), "5 s are not more than 5 s");
    mirror.clock.advance(Duration::from_nanos(1));
    let age = nanos(5_000 * MS) + 1;
    let is_stale = |error| matches!(error, wit::Error::TooStale(found) if found == age);
    assert!(guest.get(b"k").is_err_and(is_stale));
    assert!(guest.get_many(&[b"k"]).is_err_and(is_stale));
    let status = guest.status();
    assert_eq!((status.revision, status.age), (Some(7), Some(age)));

    mirror.feed.answered(mirror.feed.now(), 7);
    let found = guest.get(b"k").expect("proved");
    assert!(matches!(found.freshness, wit::Freshness::Fresh(0)));
    // A mirror that has lost its source is never fresh.
    mirror
        .feed
        .enter(MirrorState::Reconnecting, Some("it is gone"));
    let found = guest.get(b"k").expect("young enough");
    assert!(matches!(found.freshness, wit::Freshness::Stale(0)));
}

#[test]
fn keys_that_are_read_together_are_of_one_revision() {
    let mirror = Driven::new();
    let mut guest = Guest::new(mirror.alone());
    mirror.list(1, &[(b"a", b"1", 1), (b"b", b"1", 1)]);
    for revision in 2..20u64 {
        let value = revision.to_string();
        mirror.apply(
            revision,
            &[(b"a", value.as_bytes()), (b"b", value.as_bytes())],
        );
        let found = guest
            .get_many(&[b"a", b"absent", b"b", b"a"])
            .expect("young enough");
        assert_eq!(found.as_of, revision);
        let values = found.entries.iter().map(|entry| {
            let entry = entry.as_ref()?;
            Some((entry.value.as_slice(), entry.mod_revision))
        });
        let both = Some((value.as_bytes(), revision));
        assert_eq!(values.collect::<Vec<_>>(), [both, None, both, both]);
    }
    // A list that replaces the copy is read from the next call on, and has no key of the old one.
    mirror.list(30, &[(b"b", b"30", 30)]);
    let found = guest.get_many(&[b"a", b"b"]).expect("young enough");
    assert!(found.entries[0].is_none() && found.entries[1].is_some());
    assert_eq!(found.as_of, 30);
}

#[test]
fn each_failure_of_a_mirror_is_an_error_of_its_own_without_a_text_of_the_host() {
    let mirror = Driven::new();
    let mut guest = Guest::new(mirror.alone());
    assert!(matches!(guest.get(b"k"), Err(wit::Error::NotReady)));
    let status = guest.status();
    assert!(matches!(status.state, wit::State::Starting));
    assert_eq!(
        (status.revision, status.age, status.entries),
        (None, None, 0)
    );

    mirror.list(7, &[(b"k", b"v", 5)]);
    mirror
        .feed
        .enter(MirrorState::OtherCluster, Some("another"));
    assert!(
        guest.get(b"k").is_ok(),
        "the copy of the right one is young enough"
    );
    mirror.clock.advance(6_000 * MS);
    assert!(matches!(guest.get(b"k"), Err(wit::Error::OtherCluster)));
    assert!(matches!(guest.status().state, wit::State::OtherCluster));

    drop(mirror);
    assert!(matches!(guest.get(b"k"), Err(wit::Error::Ended)));
    assert!(matches!(guest.get_many(&[b"k"]), Err(wit::Error::Ended)));
    assert!(matches!(guest.status().state, wit::State::Ended));
}

#[test]
fn a_prefix_that_does_not_fit_has_no_entries() {
    let mirror = Driven::limited(Limits::default().max_entries(2));
    let mut guest = Guest::new(mirror.alone());
    mirror.list(7, &[(b"a", b"1", 1), (b"b", b"1", 1)]);
    let third = Event {
        key: b"c",
        value: Some(b"1"),
        revision: 8,
    };
    let unfit = mirror.feed.apply(&[third], 8).expect_err("there are two");
    assert!(matches!(unfit, Unfit::Full { .. }));
    for key in [b"a", b"b", b"c"] {
        assert!(matches!(guest.get(key), Err(wit::Error::DoesNotFit)));
    }
    assert!(matches!(guest.status().state, wit::State::DoesNotFit));
}

#[test]
fn keys_that_the_map_cannot_hold_are_told_apart_from_absent_ones() {
    let limits = Limits::default().max_key(4).max_value(10).utf8_keys(true);
    let mirror = Driven::limited(limits);
    let mut guest = Guest::new(mirror.alone());
    let omitted: [(&[u8], &[u8], wit::OmittedReason); 4] = [
        (b"", b"v", wit::OmittedReason::EmptyKey),
        (b"12345", b"v", wit::OmittedReason::KeyTooLong),
        (b"\xff", b"v", wit::OmittedReason::NotUtf8),
        (b"big", &[7; 11], wit::OmittedReason::ValueTooLarge),
    ];
    let entries = omitted.map(|(key, value, _)| (key, value, 5));
    mirror.list(7, &[&entries[..], &[(b"1234", &[7; 10], 5)]].concat());
    for (key, _, expected) in omitted {
        let Err(wit::Error::Omitted(wit::Omitted { index, reason })) = guest.get(key) else {
            panic!("{key:?} is in the mirror");
        };
        assert!(index == 0 && reason == expected, "{key:?}: {reason:?}");
        let found = guest.get_many(&[b"1234", b"no", key, b"12345"]);
        let Err(wit::Error::Omitted(wit::Omitted { index, reason })) = found else {
            panic!("{key:?} is in the mirror");
        };
        assert!(index == 2 && reason == expected, "{key:?}: {reason:?}");
    }
    assert!(
        guest
            .get(b"123456")
            .is_ok_and(|found| found.entry.is_none())
    );
    let status = guest.status();
    assert_eq!((status.entries, status.omitted), (1, 4));
}

#[test]
fn mirrors_are_told_apart_by_their_names() {
    let (one, other) = (Driven::new(), Driven::new());
    one.list(1, &[(b"k", b"one", 1)]);
    other.list(2, &[(b"k", b"other", 2)]);
    let names = ["", "one", "ünï", "a longer name, with spaces"];
    let mirrors = names.iter().fold(Mirrors::new(), |mirrors, name| {
        let of = if *name == "one" { &one } else { &other };
        mirrors.mirror(*name, of.feed.reader())
    });
    let mut guest = Guest::new(mirrors);
    for name in names {
        let found = guest.call(|guest, store| guest.call_get(store, name, b"k"));
        let expected = if name == "one" { 1 } else { 2 };
        assert_eq!(found.expect("it is there").as_of, expected, "{name}");
    }
    for name in ["One", "one\0", "flags", &"x".repeat(100_000)] {
        let found = guest.call(|guest, store| guest.call_get(store, name, b"k"));
        assert!(matches!(found, Err(wit::Error::UnknownMirror)));
        let found = guest.call(|guest, store| guest.call_get_many(store, name, &[]));
        assert!(matches!(found, Err(wit::Error::UnknownMirror)));
        let status = guest.call(|guest, store| guest.call_status(store, name));
        assert!(matches!(status, Err(wit::Error::UnknownMirror)));
    }
}

#[test]
fn each_store_reads_its_own_mirrors_and_several_may_read_the_same() {
    let (one, other) = (Driven::new(), Driven::new());
    one.list(1, &[]);
    other.list(2, &[]);
    let mut guests = [&one, &one, &other].map(|mirror| Guest::new(mirror.alone()));
    let revisions = guests
        .each_mut()
        .map(|guest| guest.get(b"k").expect("young enough").as_of);
    assert_eq!(revisions, [1, 1, 2]);
    let mut without = Guest::new(Mirrors::new());
    assert!(matches!(without.get(b"k"), Err(wit::Error::UnknownMirror)));
}

#[test]
fn any_engine_and_stores_with_async_calls_are_served() {
    let mirror = Driven::new();
    mirror.list(7, &[(b"k", b"v", 5)]);
    let mut configs = [Config::new(), Config::new(), Config::new()];
    configs[0].concurrency_support(false);
    configs[1].consume_fuel(true);
    configs[2].epoch_interruption(true);
    for config in &configs {
        let engine = Engine::new(config).expect("an engine");
        let mut guest = Guest::in_engine(&engine, mirror.alone());
        assert_eq!(
            value(&guest.get(b"k").expect("young enough")),
            Some((&b"v"[..], 5))
        );
    }
    let host = Host::new().expect("a host");
    let mut guest = Guest::in_engine(host.as_ref(), mirror.alone());
    assert!(guest.get(b"k").is_ok());

    let engine = Engine::new(&configs[2]).expect("an engine");
    block_on(async {
        let mut store = Store::new(&engine, mirror.alone());
        // It yields whenever the epoch has advanced, before it ends.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let guest = guest_in_async(&mut store).await;
        for _ in 0..10 {
            engine.increment_epoch();
            let found = guest
                .call_get(&mut store, "flags", b"k")
                .await
                .expect("alive");
            assert_eq!(found.expect("young enough").as_of, 7);
            let found = guest
                .call_get_many(&mut store, "flags", &[b"k", b"l"])
                .await;
            assert_eq!(
                found.expect("alive").expect("young enough").entries.len(),
                2
            );
            let status = guest.call_status(&mut store, "flags").await.expect("alive");
            assert!(status.is_ok_and(|status| status.state == wit_async::State::Live));
        }
    });
}

#[test]
fn a_linker_accepts_mirrors_once_and_beside_a_map() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    assert!(localmap_mirror::add_to_linker(&mut linker, |mirrors: &Mirrors| mirrors).is_err());
    linker.allow_shadowing(true);
    localmap_mirror::add_to_linker(&mut linker, |mirrors| mirrors).expect("now it may");
}
