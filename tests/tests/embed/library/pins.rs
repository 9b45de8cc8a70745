//! Pinned values, which stay readable whatever happens to their keys.

use super::{host, map};
use localmap::{Limits, MapOptions, PinError, Pinned, PinnedError, Ttl};

/// A dropped pin is released in the store of the map, which `drop` cannot access, so the next
/// operation releases it.
#[test]
fn rule_9_pins_a_pin_that_is_dropped_gives_its_value_back() {
    let mut map = map(&MapOptions::new().limits(Limits::default().max_pins(2)));
    map.set(b"k", b"one", Ttl::Never).expect("room");
    let one = map.pin(b"k").expect("room").expect("there");
    map.set(b"k", b"two", Ttl::Never).expect("room");
    let two = map.pin(b"k").expect("room").expect("there");
    assert_eq!((one.version(), two.version()), (1, 2));
    map.clear().expect("alive");
    assert_eq!(map.pinned(&one).expect("alive"), b"one");
    assert_eq!(map.pinned(&two).expect("alive"), b"two");
    map.set(b"k", b"three", Ttl::Never).expect("room");
    assert!(matches!(map.pin(b"k"), Err(PinError::Full)));

    drop(one);
    let three = map.pin(b"k").expect("room").expect("there");
    assert_eq!(map.pinned(&two).expect("alive"), b"two");
    map.unpin(two).expect("ours");
    std::thread::spawn(move || drop(three))
        .join()
        .expect("it ends");
    assert_eq!(map.stats().expect("alive").pinned, 0);
    // A forgotten pin is held as long as the map lives.
    std::mem::forget(map.pin(b"k").expect("room"));
    assert!(map.stats().expect("alive").pinned > 0);
}

#[test]
fn rule_9_pins_a_pin_is_of_one_map_and_ends_with_it() {
    let host = host();
    let mut one = host.map(&MapOptions::new()).expect("a map");
    let mut two = host.map(&MapOptions::new()).expect("a map");
    one.set(b"k", b"one", Ttl::Never).expect("room");
    two.set(b"k", b"two", Ttl::Never).expect("room");
    let pin = one.pin(b"k").expect("room").expect("there");
    let _beside = two.pin(b"k").expect("room").expect("there");
    assert!(matches!(two.pinned(&pin), Err(PinnedError::ForeignPin)));
    assert_eq!(one.pinned(&pin).expect("alive"), b"one");
    assert!(matches!(two.unpin(pin), Err(PinnedError::ForeignPin)));
    assert_eq!(one.stats().expect("alive").pinned, 0);
    assert!(two.stats().expect("alive").pinned > 0);
    let pin = one.pin(b"k").expect("room").expect("there");
    drop(one);
    assert!(matches!(two.pinned(&pin), Err(PinnedError::ForeignPin)));
    drop(pin);
}

/// Only the map itself decides about its limit, so a host can release all pins.
#[test]
fn rule_9_pins_are_1024_unless_the_host_says_otherwise() {
    let mut map = map(&MapOptions::new());
    map.set(b"k", b"v", Ttl::Never).expect("room");
    for _ in 0..3 {
        let mut pins = Vec::new();
        let error = loop {
            match map.pin(b"k") {
                Ok(pin) => pins.push(pin.expect("there")),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, PinError::Full), "{error}");
        assert_eq!(pins.len(), 1024);
    }
    let limits = Limits::default().max_pins(4096);
    map.configure(&limits).expect("more");
    let pins: Vec<Pinned> = (0..4096)
        .map(|_| map.pin(b"k").expect("room").expect("there"))
        .collect();
    assert!(matches!(map.pin(b"k"), Err(PinError::Full)));
    assert_eq!(map.pinned(&pins[4095]).expect("alive"), b"v");
}
