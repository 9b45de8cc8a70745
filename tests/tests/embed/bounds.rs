//! The limits of a map's memory, stack and handles, and what happens when it exceeds them.

mod pool;

use localmap::wasmtime::Trap;
use localmap::{
    Allocation, CreateError, Host, HostOptions, Limits, LocalMap, MapOptions, TerminationCause, Ttl,
};
use localmap_tests::provider;

/// Creates a map of a component in which the functions with these names have these bodies.
fn map_of(bodies: &[(&str, &str)], options: &MapOptions) -> LocalMap {
    let component = wat::parse_str(provider(bodies, "", 1)).expect("valid text");
    let host = Host::with_component(&component, &HostOptions::new()).expect("it fits");
    host.map(options).expect("a map")
}

fn killed_by_get(mut map: LocalMap) -> TerminationCause {
    let terminated = map.get(b"k").expect_err("it goes too far");
    terminated.cause().clone()
}

#[test]
fn memory_is_bounded() {
    // Grow by 16 pages at a time until that fails, and then trap or continue.
    let grow = "(loop $more
        (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))";
    let options = MapOptions::new().max_memory(8 << 20);
    let cause = killed_by_get(map_of(&[("get", &format!("{grow} unreachable"))], &options));
    assert!(
        matches!(cause, TerminationCause::OutOfMemory { max, .. } if max == 8 << 20),
        "{cause}"
    );
    assert_eq!(cause.trap(), Some(Trap::UnreachableCodeReached));

    let mut map = map_of(&[("get", &format!("{grow} i32.const 0"))], &options);
    assert_eq!(map.get(b"k").expect("alive"), None);
    assert!((7 << 20..=8 << 20).contains(&map.memory()));
    // A later trap is reported as a trap.
    let trap = format!(
        "(if (i32.gt_u (memory.size) (i32.const 100)) (then unreachable)) {grow} i32.const 0"
    );
    let mut map = map_of(&[("get", &trap)], &options);
    assert_eq!(map.get(b"k").expect("alive"), None);
    let cause = killed_by_get(map);
    assert!(matches!(cause, TerminationCause::Trap { .. }), "{cause}");
}

#[test]
fn no_map_has_more_memory_than_its_host_gives() {
    let options = HostOptions::new().max_memory(4 << 20);
    for allocation in [
        Allocation::Pooling,
        Allocation::OnDemand,
        Allocation::Compact,
    ] {
        let host = Host::with_options(&options.clone().allocation(allocation)).expect("a host");
        assert_eq!(host.allocation(), allocation);
        let refused = host.map(&MapOptions::new().max_memory((4 << 20) + 1));
        let Err(CreateError::TooMuchMemory { asked, max, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!((asked, max), ((4 << 20) + 1, 4 << 20));
        let mut map = host.map(&MapOptions::new()).expect("a map");
        let full = (0..100u8).any(|key| map.set(&[key], &[7; 100_000], Ttl::Never).is_err());
        assert!(full);
        assert!(map.memory() <= 4 << 20);
    }
}

#[test]
fn the_stack_is_bounded() {
    let deep = "(call $get (local.get 0) (local.get 1)) drop
        (call $get (local.get 0) (local.get 1))";
    let cause = killed_by_get(map_of(&[("get", deep)], &MapOptions::new()));
    assert_eq!(cause.trap(), Some(Trap::StackOverflow), "{cause}");
}

/// A result of a gigabyte that consists of a thousand references to the same megabyte.
#[test]
fn what_goes_to_the_host_is_bounded() {
    let many = "(local $at i32)
        (i32.store (i32.const 0) (i32.const 16))
        (i32.store (i32.const 4) (i32.const 5000))
        (local.set $at (i32.const 16))
        (loop $next
            (i32.store8 (local.get $at) (i32.const 1))
            (i32.store offset=4 (local.get $at) (i32.const 0))
            (i32.store offset=8 (local.get $at) (i32.const 65000))
            (local.set $at (i32.add (local.get $at) (i32.const 12)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 60016))))
        i32.const 0";
    let mut map = map_of(&[("get-many", many)], &MapOptions::new());
    let keys = vec![&b"k"[..]; 256];
    let terminated = map.get_many(&keys).expect_err("too much");
    assert!(
        matches!(terminated.cause(), TerminationCause::Fault { .. }),
        "{terminated}"
    );
    assert!(terminated.to_string().contains("fuel"), "{terminated}");

    let host = Host::new().expect("a host");
    let mut map = host
        .map(&MapOptions::new().hostcall_fuel(1000))
        .expect("a map");
    map.set(b"k", &[7; 2000], Ttl::Never).expect("room");
    assert!(map.contains(b"k").expect("alive"));
    assert!(map.get(b"k").is_err());
}

#[test]
fn handles_are_bounded() {
    let limits = Limits::default().max_pins(100);
    let options = MapOptions::new().limits(limits).max_handles(10);
    let mut map = Host::new().expect("a host").map(&options).expect("a map");
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let mut pins = Vec::new();
    let error = loop {
        match map.pin(b"k") {
            Ok(pin) => pins.push(pin),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, localmap::PinError::Terminated { .. }),
        "{error}"
    );
    assert!((5..=10).contains(&pins.len()), "{}", pins.len());
}
