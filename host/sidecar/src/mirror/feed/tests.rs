//! The life of a journal.

use super::*;
use localmap::{Host, ManualClock, MapOptions, Ttl};
use std::sync::LazyLock;

const JOURNAL: usize = 4 << 20;

const SECOND: Duration = Duration::from_secs(1);

type Map = Arc<Mutex<LocalMap>>;

fn map() -> (Map, ManualClock) {
    static HOST: LazyLock<Host> = LazyLock::new(|| Host::new().expect("a host"));
    let clock = ManualClock::new();
    let map = HOST.map(&MapOptions::new().clock(clock.clone()));
    (Arc::new(Mutex::new(map.expect("a map"))), clock)
}

fn open(feed: &Arc<Feed>, map: &Map) -> (Mirroring, bool) {
    let opened = Feed::open(feed, map, 2, JOURNAL);
    opened.expect("a mirror")
}

fn set(map: &Map, key: &str, ttl: Ttl) {
    let set = lock(map).set(key.as_bytes(), b"", ttl);
    set.expect("room");
}

/// Returns the keys that have changed after a revision; `None` if the journal does not cover it.
fn after(mirroring: &Mirroring, revision: u64) -> Option<Vec<String>> {
    let changes = mirroring.read(|source| {
        assert_eq!(source.drain().ok(), Some(true));
        let journal = source.journal();
        let text =
            |noted: super::super::journal::Noted| String::from_utf8_lossy(&noted.key).into_owned();
        let covers = journal.covers(revision);
        covers.then(|| journal.after(revision).map(text).collect())
    });
    changes.expect("a journal")
}

fn revision(feed: &Feed, map: &Map) -> u64 {
    feed.stats(map).position.expect("a journal").1
}

#[test]
fn a_map_without_mirrors_has_no_journal() {
    let (feed, (map, _)) = (Arc::new(Feed::default()), map());
    set(&map, "before", Ttl::Never);
    feed.changed(&map, 1);
    assert_eq!(feed.stats(&map).position, None);
    let (mirroring, begins) = open(&feed, &map);
    assert!(begins);
    // Not even an empty copy is one of the map.
    assert_eq!(after(&mirroring, 0), None);
    let revision = revision(&feed, &map);
    set(&map, "after", Ttl::Never);
    assert_eq!(after(&mirroring, revision), Some(vec!["after".to_owned()]));
}

#[test]
fn a_journal_outlives_its_last_mirror_for_a_while() {
    let (feed, (map, _)) = (Arc::new(Feed::default()), map());
    let (mirroring, _) = open(&feed, &map);
    let before = revision(&feed, &map);
    let (other, begins) = open(&feed, &map);
    assert!(!begins);
    drop(other);
    let later = || Instant::now() + LINGER;
    assert!(!feed.end_if_idle(&map, later()));
    drop(mirroring);
    set(&map, "k", Ttl::Never);
    assert!(feed.look(&map));
    let (mirroring, begins) = open(&feed, &map);
    assert!(!begins);
    assert_eq!(after(&mirroring, before), Some(vec!["k".to_owned()]));
    drop(mirroring);
    let now = revision(&feed, &map);
    assert!(feed.end_if_idle(&map, later()));
    assert_eq!(feed.stats(&map).position, None);
    // It is the same map, but nobody knows what has changed.
    let (mirroring, begins) = open(&feed, &map);
    assert!(begins);
    assert_eq!(after(&mirroring, now), None);
    assert!(revision(&feed, &map) > now);
}

#[test]
fn a_map_has_a_limited_number_of_mirrors() {
    let (feed, (map, _)) = (Arc::new(Feed::default()), map());
    let (one, other) = (open(&feed, &map), open(&feed, &map));
    let third = Feed::open(&feed, &map, 2, JOURNAL);
    assert!(matches!(third, Err(OpenError::TooMany { max: 2 })));
    assert_eq!(feed.stats(&map).mirrors, 2);
    drop((one, other));
    assert_eq!(feed.stats(&map).mirrors, 0);
    open(&feed, &map);
}

#[test]
fn mirrors_are_woken_by_writes_and_expiries() {
    let (feed, (map, clock)) = (Arc::new(Feed::default()), map());
    let (mirroring, _) = open(&feed, &map);
    let mut bell = mirroring.bell();
    let mut rang = || {
        let rang = bell.has_changed().expect("a bell");
        bell.mark_unchanged();
        rang
    };
    assert!(!rang());
    set(&map, "k", Ttl::After(SECOND));
    feed.changed(&map, 1);
    assert!(rang());
    // What is told first is told once.
    assert!(feed.look(&map) && rang());
    assert!(feed.look(&map) && !rang());
    clock.advance(SECOND);
    assert!(feed.look(&map) && rang());
}

/// A mirror that does not wait for changes does not let the map's list overflow.
#[test]
fn the_journal_takes_changes_after_some_writes() {
    let (feed, (map, _)) = (Arc::new(Feed::default()), map());
    let (mirroring, _) = open(&feed, &map);
    let before = revision(&feed, &map);
    for key in 0..10_000 {
        set(&map, &format!("{key:0100}"), Ttl::Never);
        feed.changed(&map, 1);
    }
    assert_eq!(
        after(&mirroring, before).map(|keys| keys.len()),
        Some(10_000)
    );
}

#[test]
fn the_map_is_asked_when_an_entry_expires() {
    let (feed, (map, _)) = (Arc::new(Feed::default()), map());
    let (mirroring, _) = open(&feed, &map);
    set(&map, "k", Ttl::After(20 * SOONEST));
    let asked = Instant::now();
    assert_eq!(after(&mirroring, u64::MAX), None);
    assert!(feed.due() <= asked + 21 * SOONEST + POLL / 10);
    set(&map, "k", Ttl::Never);
    assert_eq!(after(&mirroring, u64::MAX), None);
    assert!(feed.due() >= asked + POLL);
}

#[test]
fn the_end_of_a_map_ends_its_feed() {
    let (feed, (map, _)) = (Arc::new(Feed::default()), map());
    let (mirroring, _) = open(&feed, &map);
    let mut bell = mirroring.bell();
    let handle = lock(&map).cancel_handle();
    handle.cancel();
    assert!(!feed.look(&map));
    assert!(bell.has_changed().expect("a bell"));
    bell.mark_unchanged();
    let drained = mirroring.read(|source| source.drain().is_err());
    assert_eq!(drained, Some(true));
}
