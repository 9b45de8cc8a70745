//! The texts of errors, and the errors of a terminated map.

use super::{host, map};
use localmap::{
    Condition, CreateError, Error, Host, HostOptions, Limits, MapOptions, SetError,
    TerminationCause, Ttl, wasmtime,
};
use std::time::{Duration, SystemTime};

#[test]
fn errors_say_what_happened() {
    let mut map = map(&MapOptions::new());
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let errors: [(Error, &str); 5] = [
        (
            map.set(b"", b"", Ttl::Never).expect_err("empty").into(),
            "1 to 128 bytes",
        ),
        (
            map.set(b"k", b"", Ttl::After(Duration::ZERO))
                .expect_err("zero")
                .into(),
            "TTL is zero",
        ),
        (
            map.increment(b"k", 1, Ttl::Never)
                .expect_err("no counter")
                .into(),
            "8 bytes",
        ),
        (
            map.set_if(b"k", b"", Ttl::Never, Condition::Absent)
                .expect_err("it is there")
                .into(),
            "present with version 1",
        ),
        (
            map.delete_if(b"x", 1).expect_err("absent").into(),
            "is absent",
        ),
    ];
    for (error, text) in errors {
        assert!(error.to_string().contains(text), "{error}");
    }
}

/// The memory has no room for the largest value, so its parameters cannot even be passed. This
/// is a trap, which terminates only this map.
#[test]
fn a_map_that_trapped_is_terminated_and_says_so() {
    let host = host();
    let mut other = host.map(&MapOptions::new()).expect("a map");
    other.set(b"k", b"v", Ttl::Never).expect("room");
    let limits = Limits::default().max_value(16 << 20);
    let mut map = host
        .map(&MapOptions::new().max_memory(2 << 20).limits(limits))
        .expect("a map");
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let pin = map.pin(b"k").expect("room").expect("there");

    let before = SystemTime::now();
    let killed = map
        .set(b"k", &vec![7; 16 << 20], Ttl::Never)
        .expect_err("no room");
    let SetError::Terminated {
        source: terminated, ..
    } = &killed
    else {
        panic!("{killed}");
    };
    assert!(
        matches!(terminated.cause(), TerminationCause::OutOfMemory { max, .. } if *max == 2 << 20)
    );
    let trap = wasmtime::Trap::UnreachableCodeReached;
    assert_eq!(terminated.cause().trap(), Some(trap));
    assert!((before..=SystemTime::now()).contains(&terminated.at()));
    assert_eq!(map.memory(), 0);
    assert_eq!(host.live_maps(), 1);
    let answers: [Option<Error>; 10] = [
        map.get(b"k").err().map(Into::into),
        map.set(b"k", b"v", Ttl::Never).err().map(Into::into),
        map.len().err().map(Into::into),
        map.stats().err().map(Into::into),
        map.clear().err().map(Into::into),
        map.pin(b"k").err().map(Into::into),
        map.pinned(&pin).err().map(Into::into),
        map.apply(&[]).err().map(Into::into),
        map.configure(&Limits::default()).err().map(Into::into),
        map.unpin(pin).err().map(Into::into),
    ];
    for answer in answers {
        let error = answer.expect("it is terminated");
        assert!(matches!(error, Error::Terminated { .. }), "{error}");
        let words = error.to_string();
        assert_eq!(words, killed.to_string());
        assert!(words.starts_with("the map died at 2"), "{words}");
        let cause = "Z: it exceeded its memory limit of 2097152 bytes; create a new one";
        assert!(words.ends_with(cause), "{words}");
    }
    assert_eq!(other.get(b"k").expect("alive").as_deref(), Some(&b"v"[..]));
}

#[test]
fn what_is_no_map_component_makes_no_host() {
    for bytes in [&b""[..], b"(component", b"\0asm\x0d\0\x01\0"] {
        assert!(matches!(
            Host::with_component(bytes, &HostOptions::new()),
            Err(CreateError::Component { .. })
        ));
    }
}
