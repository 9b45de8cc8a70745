//! The host library: what it adds to the operations, which the vectors test.

mod control;
mod errors;
mod limits;
mod memory;
mod operations;
mod pins;
mod plugged;

use localmap::{Host, LocalMap, ManualClock, MapOptions, Pinned, Ttl};
use std::time::Duration;

fn host() -> Host {
    Host::new().expect("a host")
}

fn map(options: &MapOptions) -> LocalMap {
    host().map(options).expect("a map")
}

#[test]
fn rule_10_end_maps_of_one_host_share_nothing() {
    let host = host();
    let mut one = host.map(&MapOptions::new()).expect("a map");
    let mut two = host.map(&MapOptions::new()).expect("a map");
    one.set(b"k", b"one", Ttl::Never).expect("room");
    assert_eq!(two.get(b"k").expect("alive"), None);
    drop(one);
    let mut three = host.map(&MapOptions::new()).expect("a map");
    assert_eq!(three.get(b"k").expect("alive"), None);
    assert!(three.is_empty().expect("alive"));
}

#[test]
fn a_host_and_its_maps_go_to_other_threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<LocalMap>();
    send::<Pinned>();
    sync::<Pinned>();
    send::<Host>();
    sync::<Host>();
    sync::<ManualClock>();

    let host = host();
    std::thread::scope(|scope| {
        for thread in 0..2u8 {
            let host = &host;
            scope.spawn(move || {
                let mut map = host.map(&MapOptions::new()).expect("a map");
                for count in 1..=1000 {
                    assert_eq!(map.increment(b"n", 1, Ttl::Never).expect("room"), count);
                }
                map.set(&[thread], b"", Ttl::Never).expect("room");
                assert_eq!(map.len().expect("alive"), 2);
            });
        }
    });
}

#[test]
fn the_default_clock_advances() {
    let mut map = map(&MapOptions::new());
    map.set(b"k", b"v", Duration::from_nanos(1).into())
        .expect("room");
    // At least the duration of the calls has passed in between.
    let gone = (0..1_000_000).any(|_| !map.contains(b"k").expect("alive"));
    assert!(gone);
    map.set(b"k", b"v", Duration::from_secs(3600).into())
        .expect("room");
    let left = map
        .get_entry(b"k")
        .expect("alive")
        .expect("there")
        .expires_in;
    assert!(left.is_some_and(|left| left <= Duration::from_secs(3600)));
}

#[test]
fn a_duration_beyond_64_bits_of_nanoseconds_is_capped() {
    let mut map = map(&MapOptions::new().clock(ManualClock::new()));
    map.set(b"k", b"v", Ttl::After(Duration::MAX))
        .expect("room");
    let left = map
        .get_entry(b"k")
        .expect("alive")
        .expect("there")
        .expires_in;
    assert_eq!(left, Some(Duration::from_nanos(u64::MAX)));
}
