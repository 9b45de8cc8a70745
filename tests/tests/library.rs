//! The host library: what it adds to the operations, which the vectors test.

use localmap::{
    Condition, ConfigureError, Control, CreateError, Error, Host, KeyFault, Limits, LocalMap,
    ManualClock, MapOptions, MemoryLimiter, PlugError, Preload, Setting, Ttl, plug, wasmtime,
};
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
fn the_default_clock_goes_on_by_itself() {
    let mut map = map(&MapOptions::new());
    map.set(b"k", b"v", Duration::from_nanos(1).into())
        .expect("room");
    // At least the time that the calls take passes in between.
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
fn a_duration_over_64_bits_of_nanoseconds_stands_at_their_end() {
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

#[test]
fn get_many_asks_until_it_has_everything() {
    let mut map = map(&MapOptions::new());
    let value = vec![7; 700_000];
    for key in [b"a", b"b", b"c"] {
        map.set(key, &value, Ttl::Never).expect("room");
    }
    let long = [0; 500];
    let mut keys = vec![&b"a"[..], b"b", b"", &long, b"c", b"x"];
    keys.extend(std::iter::repeat_n(&b"y"[..], 1000));
    let values = map.get_many(&keys).expect("alive");
    assert_eq!(values.len(), keys.len());
    let there: Vec<bool> = values.iter().take(6).map(Option::is_some).collect();
    assert_eq!(there, [true, true, false, false, true, false]);
    assert_eq!(
        map.get_many(&[]).expect("alive"),
        Vec::<Option<Vec<u8>>>::new()
    );
}

/// Arguments over their limits would take up the memory of the map before it could
/// refuse them: they are refused in front of it.
#[test]
fn arguments_of_any_size_do_no_harm() {
    let mut map = map(&MapOptions::new().max_memory(4 << 20));
    let huge = vec![b'x'; 64 << 20];
    assert_eq!(map.get(&huge).expect("alive"), None);
    assert!(!map.delete(&huge).expect("alive"));
    assert_eq!(map.scan(&huge, 0, 10).expect("alive").next, None);
    let refused = map.set(&huge, b"", Ttl::Never);
    assert!(matches!(
        refused,
        Err(Error::InvalidKey { fault: KeyFault::TooLong { len }, .. }) if len == 64 << 20
    ));
    let refused = map.set(b"k", &huge, Ttl::Never);
    assert!(matches!(refused, Err(Error::ValueTooLarge { max, .. }) if max == 1 << 20));
    assert_eq!(map.len().expect("alive"), 0);
}

/// A refused `memory.grow` makes the present footprint the limit, for values of every
/// size: also when there is no room left for the parameters of the call.
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
        assert!(matches!(error, Error::Full), "{size}: {error}");
        assert!(stored as usize * (size + 100) > 1 << 20, "{size}: {stored}");
        assert!(map.memory() <= 4 << 20);

        // Small ones take what is left.
        let mut more = 0u32;
        let error = loop {
            match map.set(format!("small {more}").as_bytes(), b"", Ttl::Never) {
                Ok(_) => more += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Full), "{size}: {error}");

        for len in [1, 200, 20_000, 400_000, 1 << 20] {
            let refused = map.set(b"new", &vec![8; len], Ttl::Never);
            assert!(
                matches!(refused, Err(Error::Full)),
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
        // Answers find room too.
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

        // A tenth of them, and the parameter that an entry comes from, leave room: for
        // tables that cannot grow a sixteenth has to go.
        for key in (0..stored / 10 + 4).filter(|key| *key != 3) {
            assert!(map.delete(&key.to_be_bytes()).expect("alive"));
        }
        let stored_again = map.set(b"more", &value, Ttl::Never);
        assert!(stored_again.is_ok(), "{size}: {stored_again:?}");
    }
}

#[test]
fn a_map_needs_the_memory_that_it_starts_with() {
    let refused = host().map(&MapOptions::new().max_memory(1));
    assert!(matches!(refused, Err(CreateError::Instantiate { .. })));
}

#[test]
fn limits_out_of_range_make_no_map() {
    for (limits, expected) in [
        (Limits::default().max_entries(0), Setting::MaxEntries),
        (Limits::default().max_entries(1 << 32), Setting::MaxEntries),
        (
            Limits::default().max_value((1 << 30) + 1),
            Setting::MaxValue,
        ),
        (
            Limits::default().default_ttl(Some(Duration::ZERO)),
            Setting::DefaultTtl,
        ),
    ] {
        let refused = host().map(&MapOptions::new().limits(limits.clone()));
        let Err(CreateError::Limits {
            source: ConfigureError::OutOfRange { setting, .. },
            ..
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!(setting, expected);
        assert!(limits.check().is_err());
        assert!(matches!(plug(b"", &limits), Err(PlugError::Limits { .. })));
    }
}

#[test]
fn rule_11_in_preloading_names_the_entry_that_was_refused() {
    let mut map = map(&MapOptions::new().limits(Limits::default().max_entries(1)));
    let entry = |key: &[u8]| Preload {
        key: key.to_vec(),
        value: b"v".to_vec(),
        ttl: Ttl::Never,
    };
    let refused = map
        .preload(&[entry(b"a"), entry(b"b")])
        .expect_err("no room");
    assert_eq!(refused.index, 1);
    assert!(matches!(refused.source, Error::Full));
    assert!(map.contains(b"a").expect("alive"));
}

#[test]
fn errors_say_what_happened() {
    let mut map = map(&MapOptions::new());
    map.set(b"k", b"v", Ttl::Never).expect("room");
    for (error, words) in [
        (
            map.set(b"", b"", Ttl::Never).expect_err("empty"),
            "1 to 128 bytes",
        ),
        (
            map.set(b"k", b"", Ttl::After(Duration::ZERO))
                .expect_err("zero"),
            "TTL of zero",
        ),
        (
            map.increment(b"k", 1, Ttl::Never).expect_err("no counter"),
            "8 bytes",
        ),
        (
            map.set_if(b"k", b"", Ttl::Never, Condition::Absent)
                .expect_err("it is there"),
            "there with version 1",
        ),
        (map.delete_if(b"x", 1).expect_err("absent"), "not there"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// The memory of this store has no room for the largest value, so that its parameters
/// cannot even be handed over: a trap, which ends the map and nothing else.
#[test]
fn a_map_that_trapped_is_dead_and_says_so() {
    let host = host();
    let mut beside = host.map(&MapOptions::new()).expect("a map");
    beside.set(b"k", b"v", Ttl::Never).expect("room");
    let mut map = host
        .map(&MapOptions::new().max_memory(256 << 10))
        .expect("a map");
    map.set(b"k", b"v", Ttl::Never).expect("room");

    let killed = map
        .set(b"k", &vec![7; 1 << 20], Ttl::Never)
        .expect_err("no room");
    let Error::Dead { cause, .. } = &killed else {
        panic!("{killed}");
    };
    assert_eq!(cause.trap(), Some(wasmtime::Trap::UnreachableCodeReached));
    assert_eq!(map.memory(), 0);
    for answer in [
        map.get(b"k").err(),
        map.set(b"k", b"v", Ttl::Never).err(),
        map.len().err(),
        map.stats().err(),
        map.clear().err(),
    ] {
        let error = answer.expect("it is dead");
        assert!(matches!(error, Error::Dead { .. }), "{error}");
        assert_eq!(error.to_string(), "the map is dead: make another one");
    }
    assert_eq!(beside.get(b"k").expect("alive").as_deref(), Some(&b"v"[..]));
}

#[test]
fn what_is_no_map_component_makes_no_host() {
    for bytes in [&b""[..], b"(component", b"\0asm\x0d\0\x01\0"] {
        assert!(matches!(
            Host::with_component(bytes),
            Err(CreateError::Component { .. })
        ));
    }
}

/// An embedder's own store: the limits are those that were baked in, and `control` is
/// at hand beside what the app exports.
#[test]
fn a_plugged_app_in_a_store_of_ones_own() {
    let app = wat::parse_str(
        r#"(component
            (import "localmap:core/local-map@0.1.0" (instance $map
                (export "len" (func (result u64)))))
            (export "count" (func $map "len")))"#,
    )
    .expect("valid text");
    let plugged = plug(&app, &Limits::default().max_entries(2)).expect("it fits");

    let mut config = wasmtime::Config::new();
    config.concurrency_support(false);
    let engine = wasmtime::Engine::new(&config).expect("an engine");
    let component = wasmtime::component::Component::new(&engine, &plugged).expect("valid");
    let mut linker = wasmtime::component::Linker::<MemoryLimiter>::new(&engine);
    linker
        .instance("wasi:clocks/monotonic-clock@0.2.0")
        .expect("a name")
        .func_wrap("now", |_, (): ()| Ok((0u64,)))
        .expect("a function");
    linker
        .instance("wasi:random/insecure-seed@0.2.0")
        .expect("a name")
        .func_wrap("insecure-seed", |_, (): ()| Ok(((1u64, 2u64),)))
        .expect("a function");
    let mut store = wasmtime::Store::new(&engine, MemoryLimiter::new(16 << 20));
    store.limiter(|limiter| limiter);
    let instance = linker.instantiate(&mut store, &component).expect("it fits");
    let control = Control::find(&mut store, &component, &instance)
        .expect("the contract's")
        .expect("it is there");

    assert_eq!(control.limits(&mut store).expect("alive").max_entries, 2);
    let entries: Vec<Preload> = (0..3u8)
        .map(|key| Preload {
            key: vec![key],
            value: Vec::new(),
            ttl: Ttl::Default,
        })
        .collect();
    let refused = control.preload(&mut store, &entries).expect("alive");
    assert_eq!(refused.expect_err("no room").index, 2);
    let count = instance
        .get_typed_func::<(), (u64,)>(&mut store, "count")
        .expect("it is exported");
    assert_eq!(count.call(&mut store, ()).expect("alive"), (2,));
    assert_eq!(control.stats(&mut store).expect("alive").writes, 2);
    control.clear(&mut store).expect("alive");
    assert_eq!(count.call(&mut store, ()).expect("alive"), (0,));
    assert_eq!(control.sweep(&mut store, 10).expect("alive"), 0);
}
