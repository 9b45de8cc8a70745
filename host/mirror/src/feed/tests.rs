//! What readers get while a source feeds a mirror, at what age, and when they get nothing.

use super::*;
use crate::error::ReadError;
use crate::read::Freshness;
use localmap::{Limits, ManualClock};
use std::sync::LazyLock;
use std::thread;

static HOST: LazyLock<Host> = LazyLock::new(|| Host::new().expect("a host"));

const STALE: Duration = Duration::from_secs(5);
const NANO: Duration = Duration::from_nanos(1);

/// A feed, and its clock.
fn feed() -> (Feed, ManualClock) {
    let clock = ManualClock::new();
    clock.set(Duration::from_secs(1_000));
    let options = MirrorOptions::new()
        .clock(clock.clone())
        .max_stale(STALE)
        .limits(Limits::default().max_entries(100));
    (Feed::new(&HOST, options).expect("a feed"), clock)
}

fn put<'a>(key: &'a str, value: &'a str, revision: u64) -> Event<'a> {
    Event {
        key: key.as_bytes(),
        value: Some(value.as_bytes()),
        revision,
    }
}

/// Lists a revision with one entry.
fn install(feed: &Feed, value: &str, revision: u64) {
    let sent = feed.now();
    let mut list = feed.list(revision).expect("a list");
    list.load(&[put("key", value, revision)]).expect("room");
    feed.install(list, sent);
    feed.enter(MirrorState::Live, None);
}

/// Returns the value of the key, and the freshness.
fn value(reader: &MirrorReader) -> Result<(String, Freshness), ReadError> {
    let read = reader.get("key")?;
    let value = read.found.map(|entry| entry.value).unwrap_or_default();
    Ok((String::from_utf8_lossy(&value).into_owned(), read.freshness))
}

fn fresh(value: &str, age: Duration) -> (String, Freshness) {
    (value.to_owned(), Freshness::Fresh { age })
}

fn stale(value: &str, age: Duration) -> (String, Freshness) {
    (value.to_owned(), Freshness::Stale { age })
}

#[test]
fn a_read_fails_exactly_when_the_copy_is_too_old() {
    let (feed, clock) = feed();
    let reader = feed.reader();
    assert!(matches!(value(&reader), Err(ReadError::NotReady { .. })));
    install(&feed, "a", 7);
    assert_eq!(value(&reader).expect("fresh"), fresh("a", Duration::ZERO));
    // Fresh for less than two probes.
    clock.advance(Duration::from_secs(2) - NANO);
    assert_eq!(
        value(&reader).expect("fresh"),
        fresh("a", Duration::from_secs(2) - NANO)
    );
    clock.advance(NANO);
    assert_eq!(
        value(&reader).expect("stale"),
        stale("a", Duration::from_secs(2))
    );
    clock.advance(STALE - Duration::from_secs(2));
    assert_eq!(value(&reader).expect("stale"), stale("a", STALE));
    clock.advance(NANO);
    match value(&reader) {
        Err(ReadError::TooStale { age, why }) => {
            assert_eq!(age, STALE + NANO);
            assert!(why.contains("has not confirmed"), "{why}");
        }
        read => panic!("{read:?}"),
    }
    assert_eq!(reader.status().age, Some(STALE + NANO));
    // An answer makes it readable again, as old as its question.
    let sent = feed.now();
    clock.advance(Duration::from_millis(3));
    feed.answered(sent, 7);
    assert_eq!(
        value(&reader).expect("fresh"),
        fresh("a", Duration::from_millis(3))
    );
}

#[test]
fn a_clock_that_jumps_makes_the_first_read_an_error() {
    let (feed, clock) = feed();
    let reader = feed.reader();
    install(&feed, "a", 7);
    let snapshot = reader.snapshot().expect("a snapshot");
    snapshot.get("key").expect("fresh");
    // The machine was asleep.
    clock.advance(Duration::from_secs(3_600));
    assert!(matches!(value(&reader), Err(ReadError::TooStale { .. })));
    assert!(matches!(
        snapshot.get("key"),
        Err(ReadError::TooStale { .. })
    ));
    assert!(reader.get_many(&["key"]).is_err());
    assert!(reader.omitted().is_err());
    // What was asked before the sleep proves nothing about the time after it.
    feed.answered(Duration::from_secs(1_000), 7);
    assert!(value(&reader).is_err());
}

#[test]
fn an_answer_of_a_later_revision_waits_for_the_changes() {
    let (feed, clock) = feed();
    let reader = feed.reader();
    install(&feed, "a", 7);
    clock.advance(Duration::from_secs(3));
    let sent = feed.now();
    feed.answered(sent, 9);
    assert_eq!(
        value(&reader).expect("stale"),
        stale("a", Duration::from_secs(3))
    );
    feed.apply(&[put("key", "b", 8)], 8).expect("room");
    assert_eq!(
        value(&reader).expect("stale"),
        stale("b", Duration::from_secs(3))
    );
    feed.apply(&[put("key", "c", 9)], 9).expect("room");
    assert_eq!(value(&reader).expect("fresh"), fresh("c", Duration::ZERO));
    // So does one after which nothing has changed.
    clock.advance(Duration::from_secs(3));
    feed.answered(feed.now(), 12);
    assert!(!value(&reader).expect("stale").1.is_fresh());
    feed.complete_to(12);
    assert_eq!(value(&reader).expect("fresh"), fresh("c", Duration::ZERO));
    let read = reader.get("key").expect("fresh");
    assert_eq!(read.as_of, 12);
    assert_eq!(read.found.map(|entry| entry.mod_revision), Some(9));
}

#[test]
fn a_copy_that_reconnects_or_lists_is_stale() {
    let (feed, _) = feed();
    let reader = feed.reader();
    install(&feed, "a", 7);
    for state in [
        MirrorState::Reconnecting,
        MirrorState::Listing,
        MirrorState::OtherCluster,
    ] {
        feed.enter(state, Some("a reason"));
        assert_eq!(value(&reader).expect("stale"), stale("a", Duration::ZERO));
        assert_eq!(reader.status().why.as_deref(), Some("a reason"));
    }
    assert_eq!(reader.status().counts.disconnects, 1);
    // The old copy is read until the new one is complete.
    let mut list = feed.list(9).expect("a list");
    list.load(&[put("other", "b", 8)]).expect("room");
    assert_eq!(value(&reader).expect("stale").0, "a");
    feed.install(list, feed.now());
    assert_eq!(value(&reader).expect("stale").0, "");
    assert_eq!(reader.status().revision, Some(9));
}

#[test]
fn errors_say_what_the_mirror_does() {
    let (feed, clock) = feed();
    let reader = feed.reader();
    install(&feed, "a", 7);
    clock.advance(STALE * 2);
    feed.enter(MirrorState::OtherCluster, Some("cluster 1"));
    let error = value(&reader).expect_err("old");
    assert!(matches!(&error, ReadError::OtherCluster { .. }), "{error}");
    assert!(error.to_string().contains("cluster 1"), "{error}");
    feed.unfit(&Unfit::TooManyOmitted { max: 3 });
    let error = value(&reader).expect_err("no copy");
    assert!(matches!(&error, ReadError::DoesNotFit { .. }), "{error}");
    assert_eq!(reader.status().state, MirrorState::DoesNotFit);
    assert_eq!(reader.status().revision, None);
    install(&feed, "b", 9);
    assert_eq!(value(&reader).expect("fresh").0, "b");
    drop(feed);
    assert!(matches!(value(&reader), Err(ReadError::Ended)));
    assert!(matches!(
        reader.snapshot().and_then(|snapshot| snapshot.get("key")),
        Err(ReadError::Ended)
    ));
}

#[test]
fn half_a_revision_is_never_read() {
    let (feed, _) = feed();
    let reader = feed.reader();
    install(&feed, "a", 7);
    let keys: Vec<String> = (0..200).map(|number| format!("key-{number}")).collect();
    let events: Vec<_> = keys.iter().map(|key| put(key, "b", 8)).collect();
    feed.apply(&events, 8).expect_err("full");
    assert!(matches!(value(&reader), Err(ReadError::DoesNotFit { .. })));
    // Without a copy there is nothing to change.
    feed.apply(&[put("key", "c", 9)], 9).expect("ignored");
    feed.complete_to(9);
    feed.answered(feed.now(), 9);
    assert!(matches!(value(&reader), Err(ReadError::DoesNotFit { .. })));
    assert_eq!(feed.complete(), 0);
}

#[test]
fn a_snapshot_is_as_old_as_the_copy_that_was_published() {
    let (feed, clock) = feed();
    let reader = feed.reader();
    install(&feed, "a", 7);
    let snapshot = reader.snapshot().expect("a snapshot");
    let read = || snapshot.get("key").expect("readable");
    let value = || read().found.map(|entry| entry.value);
    clock.advance(Duration::from_secs(1));
    feed.answered(feed.now(), 7);
    assert_eq!(read().freshness.age(), Duration::ZERO);
    // A change that was not published: the age counts from the last proof before it.
    clock.advance(Duration::from_millis(10));
    feed.apply(&[put("key", "b", 8)], 8).expect("room");
    feed.answered(feed.now(), 8);
    assert_eq!(read().freshness.age(), Duration::from_millis(10));
    assert_eq!(value(), Some(b"a".to_vec()));
    clock.advance(Duration::from_millis(89));
    assert_eq!(feed.publish(), None);
    assert_eq!(value(), Some(b"b".to_vec()));
    assert_eq!(read().freshness.age(), Duration::from_millis(89));
    // The next one is not before the interval has passed.
    feed.apply(&[put("key", "c", 9)], 9).expect("room");
    assert_eq!(feed.publish(), Some(Duration::from_millis(100)));
    assert_eq!(value(), Some(b"b".to_vec()));
    clock.advance(Duration::from_millis(100));
    assert_eq!(feed.publish(), None);
    assert_eq!(value(), Some(b"c".to_vec()));
    // A list is published before the old map ends.
    install(&feed, "d", 20);
    assert_eq!(value(), Some(b"d".to_vec()));
    assert_eq!(read().as_of, 20);
}

#[test]
fn readiness_and_changes_are_waited_for() {
    let (feed, _) = feed();
    let reader = feed.reader();
    let error = reader
        .ready(Duration::from_millis(5))
        .expect_err("nothing yet");
    assert!(matches!(error, ReadError::NotReady { .. }), "{error}");
    thread::scope(|scope| {
        let ready = scope.spawn(|| reader.ready(Duration::MAX));
        let reader = &reader;
        let changed =
            scope.spawn(move || crate::block_on::block_on(reader.changed(8), Duration::MAX));
        install(&feed, "a", 7);
        ready.join().expect("no panic").expect("ready");
        feed.apply(&[put("key", "b", 9)], 9).expect("room");
        let changed = changed.join().expect("no panic").expect("in time");
        assert_eq!(changed.expect("alive"), 9);
    });
    feed.unfit(&Unfit::TooManyOmitted { max: 3 });
    let error = reader.ready(Duration::MAX).expect_err("no room");
    assert!(matches!(error, ReadError::DoesNotFit { .. }), "{error}");
    drop(feed);
    let error = reader.ready(Duration::MAX).expect_err("ended");
    assert!(matches!(error, ReadError::Ended), "{error}");
    let changed = crate::block_on::block_on(reader.changed(99), Duration::MAX);
    assert!(matches!(changed, Some(Err(ReadError::Ended))));
}

#[test]
fn options_out_of_their_ranges_are_refused() {
    let error = |options| {
        Feed::new(&HOST, options)
            .err()
            .map(|error| error.to_string())
    };
    let probe = |millis| MirrorOptions::new().probe(Duration::from_millis(millis));
    assert!(error(probe(9)).is_some_and(|error| error.contains("10 ms")));
    assert!(error(probe(10)).is_none());
    assert!(error(probe(6_000)).is_some_and(|error| error.contains("greatest age")));
    let audit = MirrorOptions::new().audit(Some(Duration::ZERO));
    assert!(error(audit).is_some_and(|error| error.contains("audits")));
    let value = MirrorOptions::new().limits(Limits::default().max_value(1 << 30));
    assert!(error(value).is_some_and(|error| error.contains("value")));
    let memory = MirrorOptions::new().limits(Limits::default().max_bytes(1 << 40));
    assert!(error(memory).is_some());
}
