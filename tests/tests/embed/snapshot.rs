//! Snapshots: what their readers see, at which time, and what remains after the end of a map.
//! `contract::vectors` compares each read of the vectors with one of a snapshot.

mod allocations;

use localmap::{
    Clock, Host, Limits, LocalMap, ManualClock, MapOptions, Snapshot, TerminationCause, Ttl,
};
use localmap_tests::provider;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new().expect("a host"))
}

fn map(options: &MapOptions) -> LocalMap {
    host().map(options).expect("a map")
}

fn key(number: u32) -> [u8; 16] {
    let mut key = *b"key-............";
    key[4..8].copy_from_slice(&number.to_le_bytes());
    key
}

/// Asserts that the map and its snapshot return the same for each of these keys, and that the
/// snapshot has no other entries. Returns the number of keys that are present.
fn same(map: &mut LocalMap, snapshot: &Snapshot, keys: u32) -> usize {
    let mut present = 0;
    for number in 0..keys {
        let key = key(number);
        let entry = map.get_entry(&key).expect("live");
        assert_eq!(snapshot.get_entry(&key).expect("live"), entry, "{number}");
        assert_eq!(snapshot.contains(&key).expect("live"), entry.is_some());
        present += usize::from(entry.is_some());
    }
    let all = snapshot.read(|view| view.iter().count()).expect("live");
    assert_eq!(all, present);
    present
}

#[test]
fn readers_go_to_other_threads() {
    fn reader<T: Send + Sync + Clone + 'static>() {}
    reader::<Snapshot>();
}

/// Pages end by the number of their entries, and by their bytes.
#[test]
fn a_snapshot_has_the_entries_of_all_pages_and_their_deadlines() {
    for (entries, len) in [(0u32, 0), (1, 0), (20_000, 8), (300, 20_000), (3, 2 << 20)] {
        let clock = ManualClock::new();
        let limits = Limits::default().max_value(4 << 20);
        let mut map = map(&MapOptions::new().clock(clock.clone()).limits(limits));
        for number in 0..entries {
            let ttl = match number % 3 {
                0 => Ttl::Never,
                _ => Ttl::After(Duration::from_nanos(1 + u64::from(number))),
            };
            let value = vec![number.to_le_bytes()[0]; len];
            map.set(&key(number), &value, ttl).expect("room");
        }
        clock.advance(Duration::from_nanos(2));
        let snapshot = map.snapshot().expect("live");
        for time in [2, 3, 100, u64::from(entries), u64::from(entries) + 1] {
            clock.set(Duration::from_nanos(time));
            same(&mut map, &snapshot, entries);
        }
    }
}

/// Time goes on while the map is copied, by a second with each look at the clock.
struct Moving {
    nanos: AtomicU64,
    moves: AtomicBool,
}

impl Clock for &Moving {
    fn now(&self) -> Duration {
        let step = u64::from(self.moves.load(Ordering::SeqCst)) * 1_000_000_000;
        Duration::from_nanos(self.nanos.fetch_add(step, Ordering::SeqCst))
    }
}

#[test]
fn a_snapshot_is_of_one_instant_even_if_time_goes_on_between_its_pages() {
    static CLOCK: Moving = Moving {
        nanos: AtomicU64::new(0),
        moves: AtomicBool::new(false),
    };
    let mut map = map(&MapOptions::new().clock(&CLOCK));
    let keys = 10_000;
    for number in 0..keys {
        // Some of them expire while the map is copied.
        let ttl = Duration::from_millis(1 + u64::from(number));
        map.set(&key(number), b"value", Ttl::After(ttl))
            .expect("room");
    }
    CLOCK.moves.store(true, Ordering::SeqCst);
    let snapshot = map.snapshot().expect("live");
    CLOCK.moves.store(false, Ordering::SeqCst);
    for (seconds, present) in [(2, 8_000), (3, 7_000), (5, 5_000), (7, 3_000), (9, 1_000)] {
        CLOCK.nanos.store(seconds * 1_000_000_000, Ordering::SeqCst);
        assert_eq!(same(&mut map, &snapshot, keys), present);
    }
}

/// Random writes, publications and steps of the clock, forwards and backwards.
#[test]
fn what_was_published_expires_as_it_does_in_the_map() {
    let mut random = fastrand::Rng::with_seed(0x5eed);
    let clock = ManualClock::new();
    let mut map = map(&MapOptions::new().clock(clock.clone()));
    let snapshot = map.snapshot().expect("live");
    for _ in 0..200 {
        for _ in 0..random.u32(0..20) {
            let key = key(random.u32(0..50));
            match random.u32(0..4) {
                0 => drop(map.delete(&key).expect("live")),
                1 => drop(map.set(&key, b"stays", Ttl::Never).expect("room")),
                _ => {
                    let ttl = Ttl::After(Duration::from_nanos(random.u64(1..30)));
                    map.set(&key, &[random.u8(..)], ttl).expect("room");
                }
            }
        }
        map.publish().expect("live");
        for _ in 0..3 {
            let now = clock.now() + Duration::from_nanos(random.u64(0..10));
            clock.set(now.saturating_sub(Duration::from_nanos(random.u64(0..4))));
            // A reader may be the first to see that an entry has expired.
            let first = key(random.u32(0..50));
            let found = snapshot.get_entry(&first).expect("live");
            assert_eq!(map.get_entry(&first).expect("live"), found);
            same(&mut map, &snapshot, 50);
        }
    }
}

#[test]
fn what_is_written_at_the_end_of_the_clock_lives_in_the_snapshot_too() {
    let clock = ManualClock::new();
    let mut map = map(&MapOptions::new().clock(clock.clone()));
    let mut old = None;
    for end in [u64::MAX - 1, u64::MAX] {
        clock.set(Duration::from_nanos(end));
        map.set(b"k", b"v", Ttl::After(Duration::from_secs(30)))
            .expect("room");
        let snapshot = map.snapshot().expect("alive");
        let entry = map.get_entry(b"k").expect("alive").expect("it lives");
        let read = snapshot.get_entry(b"k").expect("alive");
        assert_eq!(read.expect("it lives").expires_in, entry.expires_in);
        assert_eq!(entry.expires_in, Some(Duration::from_nanos(1)));
        let old = old.get_or_insert(snapshot);
        assert!(old.get_entry(b"k").expect("alive").is_some());
    }
}

#[test]
fn writes_are_seen_when_they_are_published_by_all_readers() {
    let mut map = map(&MapOptions::new());
    let first = map.snapshot().expect("live");
    map.set(b"k", b"one", Ttl::Never).expect("room");
    assert_eq!(first.get(b"k").expect("live"), None);
    let second = map.snapshot().expect("live");
    for reader in [&first, &second, &first.clone()] {
        assert_eq!(
            reader.get(b"k").expect("live").as_deref(),
            Some(&b"one"[..])
        );
    }
    map.clear().expect("live");
    assert!(second.contains(b"k").expect("live"));
    map.publish().expect("live");
    assert!(!first.contains(b"k").expect("live"));
}

#[test]
fn readers_see_one_publication_at_a_time() {
    let mut map = map(&MapOptions::new());
    let mut set = |number: u64| {
        for key in [b"a", b"b"] {
            let value = number.to_le_bytes();
            map.set(key, &value, Ttl::Never).expect("room");
        }
        map.snapshot().expect("live")
    };
    let snapshot = set(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::SeqCst) {
                    let read = snapshot.read(|view| {
                        ["a", "b"].map(|key| {
                            let found = view.get(key.as_bytes()).expect("a key");
                            u64::from_le_bytes(found.value.try_into().expect("a number"))
                        })
                    });
                    let [a, b] = read.expect("live");
                    assert_eq!(a, b);
                    assert!(a >= last);
                    last = a;
                }
            });
        }
        for number in 1..500 {
            set(number);
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_snapshot_ends_with_its_map_and_says_why() {
    let ended = |snapshot: &Snapshot| {
        assert_eq!(snapshot.memory(), 0);
        let mut buffer = vec![1];
        assert!(snapshot.get_into(b"k", &mut buffer).is_err());
        assert_eq!(buffer, [1]);
        snapshot.get(b"k").expect_err("it has ended")
    };
    let make = || {
        let mut map = map(&MapOptions::new());
        map.set(b"k", b"v", Ttl::Never).expect("room");
        let snapshot = map.snapshot().expect("live");
        assert!(snapshot.contains(b"k").expect("live"));
        (map, snapshot)
    };

    let (map, snapshot) = make();
    drop(map);
    let terminated = ended(&snapshot);
    assert!(matches!(terminated.cause(), TerminationCause::Dropped));
    assert!(terminated.to_string().contains("its owner dropped it"));

    let (mut map, snapshot) = make();
    map.cancel_handle().cancel();
    let terminated = ended(&snapshot);
    assert!(matches!(terminated.cause(), TerminationCause::Cancelled));
    assert_eq!(map.get(b"k").expect_err("cancelled").at(), terminated.at());
    assert!(map.snapshot().is_err() && map.publish().is_err());
    drop(map);
    assert_eq!(ended(&snapshot).at(), terminated.at());
}

#[test]
fn a_trap_ends_the_snapshot() {
    let component = wat::parse_str(provider(&[("len", "unreachable")], "", 1)).expect("valid");
    let host = Host::with_component(&component, &localmap::HostOptions::new()).expect("it fits");
    let mut map = host.map(&MapOptions::new()).expect("a map");
    let snapshot = map.snapshot().expect("live");
    assert_eq!(snapshot.get(b"k").expect("live"), None);
    let terminated = map.len().expect_err("it traps");
    let ended = snapshot.get(b"k").expect_err("it has ended");
    assert_eq!(ended.cause().trap(), terminated.cause().trap());
    assert!(ended.cause().trap().is_some());
}

#[test]
fn a_snapshot_takes_no_more_memory_than_its_map() {
    for (entries, len) in [
        (1, 0),
        (10, 0),
        (460, 0),
        (10_000, 0),
        (2_000, 100),
        (20, 9_999),
    ] {
        let mut map = map(&MapOptions::new());
        let snapshot = map.snapshot().expect("live");
        for number in 0..entries {
            map.set(&number.to_string().into_bytes(), &vec![7; len], Ttl::Never)
                .expect("room");
        }
        map.publish().expect("live");
        let bytes = map.stats().expect("live").bytes;
        assert!(snapshot.memory() as u64 <= bytes, "{entries}, {len}");
    }
}

/// A clock that counts how often it is read.
struct Counted(AtomicU64);

impl Clock for &Counted {
    fn now(&self) -> Duration {
        self.0.fetch_add(1, Ordering::SeqCst);
        Duration::ZERO
    }
}

#[test]
fn the_clock_is_read_only_for_entries_with_a_deadline_and_once_for_each_view() {
    static CLOCK: Counted = Counted(AtomicU64::new(0));
    let reads = || CLOCK.0.load(Ordering::SeqCst);
    let mut map = map(&MapOptions::new().clock(&CLOCK));
    let ttl = Ttl::After(Duration::from_secs(1));
    for key in [b"a", b"b"] {
        map.set(key, b"", ttl).expect("room");
    }
    map.set(b"never", b"", Ttl::Never).expect("room");
    let snapshot = map.snapshot().expect("live");
    let before = reads();
    assert!(snapshot.contains(b"never").expect("live"));
    assert!(!snapshot.contains(b"absent").expect("live"));
    assert_eq!(reads(), before);
    let all = snapshot.read(|view| view.get(b"a").is_some() && view.iter().count() == 3);
    assert!(all.expect("live"));
    assert_eq!(reads(), before + 1);

    // Without a reader, nothing is copied.
    drop(snapshot);
    map.publish().expect("live");
    assert_eq!(reads(), before + 1);
}

#[test]
fn reads_of_a_snapshot_are_not_counted() {
    let mut map = map(&MapOptions::new());
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let before = map.stats().expect("live");
    let snapshot = map.snapshot().expect("live");
    snapshot.get(b"k").expect("live");
    snapshot.get(b"absent").expect("live");
    assert_eq!(map.stats().expect("live"), before);
}
