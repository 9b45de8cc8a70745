//! Tests of the features that only the map inside the guest has. The vectors test its operations.

use std::{cell::Cell, thread, time::Duration};

use super::*;

fn own(limits: Limits) -> LocalMap {
    LocalMap::with_limits(limits).unwrap()
}

#[test]
fn all_that_new_makes_are_the_one_map_of_the_instance() {
    LocalMap::new().set("k", "v", Ttl::Never).unwrap();
    assert_eq!(LocalMap::default().get("k").as_deref(), Some(&b"v"[..]));
    // Natively, another thread plays the part of another instance.
    let elsewhere = thread::spawn(|| LocalMap::new().len()).join().unwrap();
    assert_eq!(elsewhere, 0);
}

#[test]
fn a_map_of_its_own_is_no_other() {
    let (one, two) = (own(Limits::default()), own(Limits::default()));
    one.set("own", "v", Ttl::Never).unwrap();
    assert!(one.contains("own") && !two.contains("own") && !LocalMap::new().contains("own"));
}

#[test]
fn limits_out_of_range_are_refused_and_those_in_force_stay() {
    let none = Limits {
        max_entries: 0,
        ..Limits::default()
    };
    let refused = ConfigureError::OutOfRange(Setting::MaxEntries);
    assert_eq!(LocalMap::with_limits(none.clone()).err(), Some(refused));
    assert_eq!(
        LocalMap::with_clock(none.clone(), &ManualClock::new()).err(),
        Some(refused)
    );
    let map = own(Limits::default());
    assert_eq!(map.configure(none), Err(refused));
    assert_eq!(map.limits(), Limits::default());
}

#[test]
fn the_owner_sets_limits_and_looks_at_the_map() {
    let clock = ManualClock::new();
    let map = LocalMap::with_clock(Limits::default(), &clock).unwrap();
    let limits = Limits {
        max_entries: 2,
        ..Limits::default()
    };
    map.configure(limits.clone()).unwrap();
    assert_eq!(map.limits(), limits);
    map.set("a", "1", Duration::from_secs(1)).unwrap();
    map.set("b", "2", Ttl::Never).unwrap();
    assert_eq!(map.set("c", "3", Ttl::Never), Err(Error::Full));
    clock.advance(Duration::from_secs(1));
    assert_eq!((map.sweep(9), map.sweep(9)), (1, 0));
    let stats = map.stats();
    assert_eq!((stats.entries, stats.expired, stats.writes), (1, 1, 2));
    map.clear();
    assert!(map.is_empty());
    assert_eq!(map.set("c", "3", Ttl::Never), Ok(3));
}

#[test]
fn a_manual_clock_stands_at_its_end_and_maps_do_not_follow_it_back() {
    let clock = ManualClock::new();
    let map = LocalMap::with_clock(Limits::default(), &clock).unwrap();
    map.set("k", "v", Duration::from_secs(2)).unwrap();
    clock.set(Duration::from_secs(1));
    assert_eq!(clock.now(), Duration::from_secs(1));
    let left = |map: &LocalMap| map.get_entry("k").unwrap().expires_in.unwrap();
    assert_eq!(left(&map), Duration::from_secs(1));
    clock.set(Duration::ZERO);
    assert_eq!(left(&map), Duration::from_secs(1));
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), Duration::from_nanos(u64::MAX));
    assert!(!map.contains("k"));
}

#[test]
fn the_system_clock_leaves_what_has_an_hour_to_live() {
    let map = LocalMap::new();
    let hour = Duration::from_secs(3600);
    map.set("k", "v", hour).unwrap();
    let left = map.get_entry("k").unwrap().expires_in.unwrap();
    assert!(left <= hour && left > hour / 2);
}

#[test]
fn get_into_replaces_what_was_there() {
    let map = LocalMap::new();
    map.set("k", "value", Ttl::Never).unwrap();
    map.set("empty", "", Ttl::Never).unwrap();
    let mut value = b"a longer one from before".to_vec();
    let room = value.as_ptr();
    assert!(map.get_into("k", &mut value));
    assert_eq!(value, b"value");
    assert_eq!(value.as_ptr(), room, "no other memory was needed");
    assert!(map.get_into("empty", &mut value));
    assert_eq!(value, b"");
    assert!(map.get_into("k", &mut value));
    assert!(!map.get_into("absent", &mut value));
    assert_eq!(value, b"");
}

#[test]
fn large_values_come_whole() {
    let map = own(Limits {
        max_value: 4 << 20,
        ..Limits::default()
    });
    let large: Vec<u8> = (0..3 << 20).map(|n: u32| n.to_le_bytes()[1] ^ 7).collect();
    map.set("k", &large, Ttl::Never).unwrap();
    let pinned = map.pin("k").unwrap().unwrap();
    let mut into = Vec::new();
    assert!(map.get_into("k", &mut into));
    assert!(into == large && map.get("k").as_deref() == Some(&large));
    assert!(
        map.get_many(&["k", "k"])
            .iter()
            .all(|value| value.as_ref() == Some(&large))
    );
    assert!(map.scan("").all(|entry| entry.value == large));
    assert!(map.take("k").as_deref() == Some(&large));
    assert!(pinned.value() == large);
}

#[test]
fn a_pin_holds_the_value_until_it_is_dropped() {
    let map = own(Limits {
        max_pins: 2,
        ..Limits::default()
    });
    let version = map.set("k", "one", Ttl::Never).unwrap();
    let first = map.pin("k").unwrap().unwrap();
    map.set("k", "two", Ttl::Never).unwrap();
    let second = map.pin("k").unwrap().unwrap();
    map.delete("k");
    assert!(map.pin("k").unwrap_or(None).is_none());
    map.clear();
    map.set("k", "three", Ttl::Never).unwrap();
    assert_eq!((first.value(), first.version()), (b"one".to_vec(), version));
    assert_eq!(second.value(), b"two");

    assert_eq!(map.pin("k").err(), Some(Error::Full));
    drop(first);
    let third = map.pin("k").unwrap().unwrap();
    // The guest may drop its map before the pins.
    drop(map);
    assert_eq!(third.value(), b"three");
}

#[test]
fn a_batch_is_all_or_nothing() {
    let map = own(Limits::default());
    map.set("from", 5_i64.to_le_bytes(), Ttl::Never).unwrap();
    let version = map.set("lock", "", Ttl::Never).unwrap();
    let (key, long) = (String::from("to"), vec![0_u8; 1000]);
    let pay = [
        Change::increment("from", -5, Ttl::Never),
        Change::increment(&key, 5, Ttl::Never),
        Change::touch("absent", Duration::from_secs(1)),
        Change::set(b"note", &[1_u8, 2], Duration::from_secs(1)),
        Change::set_if("note", "paid", Ttl::Default, Condition::Present),
        Change::delete(&long),
        Change::delete_if("lock", version),
    ];
    let done = map.apply(&pay).unwrap();
    assert_eq!(
        done,
        [
            Outcome::Counter(0),
            Outcome::Counter(5),
            Outcome::Touched(false),
            Outcome::Stored(version + 3),
            Outcome::Stored(version + 4),
            Outcome::Deleted(false),
            Outcome::Deleted(true),
        ]
    );
    let refused = ApplyError {
        index: 6,
        error: Error::Conflict { current: None },
    };
    assert_eq!(map.apply(&pay), Err(refused));
    assert_eq!(map.get("to").as_deref(), Some(&5_i64.to_le_bytes()[..]));
    assert_eq!(map.apply(&[]), Ok(Vec::new()));
}

#[test]
fn a_batch_of_too_many_changes_is_full() {
    let map = own(Limits::default());
    let mut changes = vec![Change::set("k", "v", Ttl::Never); MAX_CHANGES];
    assert_eq!(map.apply(&changes).map(|done| done.len()), Ok(MAX_CHANGES));
    changes.push(Change::delete("k"));
    let refused = ApplyError {
        index: MAX_CHANGES,
        error: Error::Full,
    };
    assert_eq!(map.apply(&changes), Err(refused));
    assert!(map.contains("k"));
}

/// Code of the guest runs during a call, when its keys, values and TTLs are converted. It may
/// call the same map.
#[test]
fn the_map_can_be_called_by_what_is_given_to_it() {
    struct Calls<'a>(&'a LocalMap, Cell<u32>);
    impl Calls<'_> {
        fn call(&self) -> &[u8] {
            self.1.set(self.1.get() + 1);
            self.0.set("inner", "x", Ttl::Never).unwrap();
            assert_eq!(self.0.scan("").count() as u64, self.0.len());
            drop(self.0.pin("inner").unwrap());
            b"inner"
        }
    }
    impl AsRef<[u8]> for Calls<'_> {
        fn as_ref(&self) -> &[u8] {
            self.call()
        }
    }
    impl From<&Calls<'_>> for Ttl {
        fn from(calls: &Calls<'_>) -> Self {
            calls.call();
            Self::Never
        }
    }

    let map = own(Limits::default());
    let calls = Calls(&map, Cell::new(0));
    let mut value = Vec::new();
    assert!(map.get(&calls).is_some());
    assert!(map.get_into(&calls, &mut value));
    assert!(map.get_entry(&calls).is_some());
    assert!(map.get_many(&[&calls, &calls]).iter().all(Option::is_some));
    assert!(map.contains(&calls));
    let version = map.set(&calls, &calls, &calls).unwrap();
    map.set_if(&calls, &calls, &calls, Condition::Version(version + 3))
        .unwrap();
    assert_eq!(map.increment(&calls, 1, &calls), Err(Error::NotACounter));
    assert_eq!(map.touch(&calls, &calls), Ok(true));
    assert!(map.take(&calls).is_some());
    assert!(map.delete(&calls));
    assert!(map.delete_if(&calls, 0).is_err());
    let change = Change::set(&calls, &calls, &calls);
    assert_eq!(map.apply(&[change]).map(|done| done.len()), Ok(1));
    assert!(map.pin(&calls).unwrap().is_some());
    assert_eq!(map.scan(&calls).count(), 1);
    assert_eq!(map.scan_page(&calls, 0, 9).entries.len(), 1);
    assert_eq!(calls.1.get(), 25);
}

#[test]
fn the_map_is_changed_while_it_is_scanned() {
    let map = own(Limits::default());
    for n in 0..1000_u32 {
        map.set(n.to_string(), "v", Ttl::Never).unwrap();
    }
    let mut given = 0;
    for entry in map.scan("") {
        given += u32::from(map.delete(&entry.key));
        map.set("new", "v", Ttl::Never).unwrap();
    }
    assert!((1000..=1001).contains(&given));
}

/// A destructor of another thread-local value may run after the map's.
#[test]
fn the_end_of_a_thread_is_no_panic() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            let map = LocalMap::new();
            assert_eq!(map.set("k", "v", Ttl::Never), Ok(1));
            assert!(map.contains("k"));
        }
    }
    thread_local! {
        static LATE: Late = const { Late };
    }
    let ended = thread::spawn(|| {
        LATE.with(|_| ());
        drop(LocalMap::new());
    });
    assert!(ended.join().is_ok());
}

/// Naming a method of these traits is a compile error for types that are `Send` or `Sync`.
trait AmbiguousIfSend<A> {
    fn not_send() {}
}
impl<T> AmbiguousIfSend<()> for T {}
impl<T: Send> AmbiguousIfSend<u8> for T {}
trait AmbiguousIfSync<A> {
    fn not_sync() {}
}
impl<T> AmbiguousIfSync<()> for T {}
impl<T: Sync> AmbiguousIfSync<u8> for T {}

/// Both types have the same operations, with the same arguments and results. The test passes
/// if it compiles.
macro_rules! has_all_operations {
    ($name:ident, $client:path) => {
        fn $name() {
            use $client as client;
            let _ = <client::LocalMap as AmbiguousIfSend<_>>::not_send;
            let _ = <client::LocalMap as AmbiguousIfSync<_>>::not_sync;
            let _ = <client::Pinned as AmbiguousIfSend<_>>::not_send;
            let _ = <client::Pinned as AmbiguousIfSync<_>>::not_sync;
            let _ = |map: &client::LocalMap, key: &str, value: &mut Vec<u8>| -> Result<(), Error> {
                let ttl = Duration::from_secs(1);
                let _: Option<Vec<u8>> = map.get(key);
                let _: bool = map.get_into(key, value);
                let _: Option<client::Entry> = map.get_entry(key);
                let _: Vec<Option<Vec<u8>>> = map.get_many(&[key]);
                let _: bool = map.contains(key);
                let _: client::Version = map.set(key, &value, client::Ttl::Never)?;
                let _: client::Version = map.set_if(key, &value, ttl, client::Condition::Absent)?;
                let _: i64 = map.increment(key, 1, ttl)?;
                let _: bool = map.touch(key, ttl)?;
                let _: Option<Vec<u8>> = map.take(key);
                let _: bool = map.delete(key);
                let () = map.delete_if(key, 1)?;
                let _: Vec<client::Outcome> = map.apply(&[client::Change::delete(key)])?;
                let pinned: Option<client::Pinned> = map.pin(key)?;
                let _: Option<Vec<u8>> = pinned.as_ref().map(client::Pinned::value);
                let _: Option<client::Version> = pinned.as_ref().map(client::Pinned::version);
                let scan: client::Scan<'_> = map.scan(key);
                let _: Vec<client::Scanned> = scan.fuse().collect();
                let _: client::Page = map.scan_page(key, 0, 1);
                let _: u64 = map.len();
                let _: bool = map.is_empty();
                Ok(())
            };
            let _: fn() -> client::LocalMap = client::LocalMap::new;
            let _: fn() -> client::LocalMap = client::LocalMap::default;
            let _: [usize; 3] = [
                client::DEFAULT_MAX_KEY_LEN,
                client::MAX_KEY_LEN,
                client::MAX_CHANGES,
            ];
            let _: fn(&client::ApplyError) -> &client::Error = |refused| &refused.error;
            let _: fn(client::KeyFault) -> client::Error = client::Error::InvalidKey;
        }
    };
}

has_all_operations!(of_the_host, crate);
has_all_operations!(of_the_guest, crate::in_process);

#[test]
fn both_types_have_all_operations() {
    of_the_host();
    of_the_guest();
}
