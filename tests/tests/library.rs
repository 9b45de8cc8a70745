//! The host library: what it adds to the operations, which the vectors test.

use localmap::{
    ApplyError, Cause, Change, ChangeError, Condition, ConfigureError, Control, CreateError, Error,
    Host, HostOptions, KeyFault, Limits, LocalMap, ManualClock, MapOptions, MemoryLimiter, Outcome,
    PinError, Pinned, PinnedError, PlugError, Policy, Preload, PreloadError, SetError, Setting,
    Ttl, plug, wasmtime,
};
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

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
        Err(SetError::InvalidKey { fault: KeyFault::TooLong { len }, .. }) if len == 64 << 20
    ));
    let refused = map.set(b"k", &huge, Ttl::Never);
    assert!(
        matches!(refused, Err(SetError::ValueTooLarge { len, max, .. }) if (len, max) == (64 << 20, 1 << 20))
    );
    let change = |value| Change::Set {
        key: b"k",
        value,
        ttl: Ttl::Never,
    };
    // A batch is looked at as a whole first.
    for (batch, at) in [
        (vec![change(&huge)], 0),
        (vec![change(&[0; 600_000]); 3], 1),
        (vec![change(&[]); 1025], 1024),
        (vec![Change::Delete { key: &huge }], 0),
    ] {
        let refused = map.apply(&batch).expect_err("too large");
        let ApplyError::Refused { index, source, .. } = refused else {
            panic!("{refused}");
        };
        assert_eq!(index, at);
        assert!(matches!(source, ChangeError::Full), "{source}");
    }
    assert!(map.pin(&huge).expect("alive").is_none());
    assert_eq!(map.len().expect("alive"), 0);
}

#[test]
fn apply_tells_which_change_was_refused_and_why() {
    let mut map = map(&MapOptions::new());
    let set = |key, condition| Change::SetIf {
        key,
        value: b"v",
        ttl: Ttl::Never,
        condition,
    };
    let outcomes = map
        .apply(&[
            set(b"a", Condition::Absent),
            set(b"a", Condition::Version(1)),
            Change::Touch {
                key: b"b",
                ttl: Ttl::Never,
            },
            Change::DeleteIf {
                key: b"a",
                version: 2,
            },
        ])
        .expect("it holds");
    assert_eq!(
        outcomes,
        [
            Outcome::Stored(1),
            Outcome::Stored(2),
            Outcome::Touched(false),
            Outcome::Deleted(true),
        ]
    );
    let refused = map
        .apply(&[
            set(b"a", Condition::Absent),
            set(b"a", Condition::Absent),
            set(b"", Condition::Absent),
        ])
        .expect_err("it is there");
    let ApplyError::Refused { index, source, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(index, 1);
    assert!(matches!(
        source,
        ChangeError::Conflict {
            current: Some(3),
            ..
        }
    ));
    assert!(map.is_empty().expect("alive"));
    assert_eq!(map.apply(&[]).expect("nothing to refuse"), []);
}

/// The value is given back in the store of the map, which dropping cannot reach: the
/// next operation sees to it.
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
    // One that is forgotten is held as long as the map.
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

/// Nobody but the map itself can exceed its limit, so that a host can let go of all pins.
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
        assert!(matches!(error, SetError::Full), "{size}: {error}");
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
        assert!(matches!(error, SetError::Full), "{size}: {error}");

        for len in [1, 200, 20_000, 400_000, 1 << 20] {
            let refused = map.set(b"new", &vec![8; len], Ttl::Never);
            // What is small may still find a place that the others did not fit into.
            if refused.is_ok() && len <= 200 {
                assert!(map.delete(b"new").expect("alive"));
                continue;
            }
            assert!(
                matches!(refused, Err(SetError::Full)),
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

/// The same for batches, whose parameters are many, and for pins, which stay.
#[test]
fn batches_and_pins_without_memory_are_full_and_the_map_goes_on() {
    for policy in [Policy::Refuse, Policy::Lru, Policy::S3Fifo] {
        let limits = Limits::default().policy(policy).max_pins(4096);
        let mut map = map(&MapOptions::new().max_memory(6 << 20).limits(limits));
        let value = vec![7; 1000];
        let keys: Vec<[u8; 4]> = (0..1024u32).map(u32::to_be_bytes).collect();
        let batch: Vec<Change<'_>> = keys
            .iter()
            .map(|key| Change::Set {
                key,
                value: &value,
                ttl: Ttl::Never,
            })
            .collect();
        map.apply(&batch).expect("room");
        let mut more = 0u64;
        while more < 10_000 {
            match map.set(&more.to_be_bytes(), &value, Ttl::Never) {
                Ok(_) => more += 1,
                Err(SetError::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(more < 10_000, policy == Policy::Refuse);
        // Again, with values that are longer, so that they need room.
        let longer = vec![8; 1024];
        let others: Vec<[u8; 5]> = (0..1024u64)
            .map(|key| [key.to_be_bytes()[6], key.to_be_bytes()[7], 1, 2, 3])
            .collect();
        let batch: Vec<Change<'_>> = others
            .iter()
            .map(|key| Change::Set {
                key,
                value: &longer,
                ttl: Ttl::Never,
            })
            .collect();
        let before = map.len().expect("alive");
        match map.apply(&batch) {
            Ok(outcomes) => assert_eq!(outcomes.len(), 1024),
            Err(ApplyError::Refused { source, .. }) => {
                assert!(matches!(source, ChangeError::Full), "{source}");
                assert_eq!(map.len().expect("alive"), before);
            }
            Err(dead) => panic!("{dead}"),
        }
        // Each pin takes memory that stays until it is given back.
        map.set(b"pinned", b"v", Ttl::Never).ok();
        let page = map.scan(b"", 0, 1).expect("alive");
        let key = &page.entries.first().expect("one").key;
        let mut pins = Vec::new();
        while pins.len() < 4096 {
            match map.pin(key) {
                Ok(pin) => pins.push(pin.expect("there")),
                Err(PinError::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
        // Calls find room as before.
        let many = map.get_many(&keys.iter().map(<[u8; 4]>::as_slice).collect::<Vec<_>>());
        assert_eq!(many.expect("alive").len(), 1024);
        for key in &keys {
            map.delete(key).expect("alive");
        }
        for pin in &pins {
            map.pinned(pin).expect("alive");
        }
        drop(pins);
        assert_eq!(map.stats().expect("alive").pinned, 0);
        map.set(b"k", &value, Ttl::Never).expect("room again");
        match map.pin(b"k") {
            Ok(pin) => assert_eq!(map.pinned(&pin.expect("there")).expect("alive"), value),
            Err(error) => assert!(matches!(error, PinError::Full), "{error}"),
        }
        assert!(map.memory() <= 6 << 20);
    }
}

#[test]
fn statistics_tell_what_the_memory_is_made_of() {
    let mut map = map(&MapOptions::new().limits(Limits::default().max_entries(2)));
    map.set(b"a", &[7; 100_000], Ttl::Never).expect("room");
    map.set(b"b", b"v", Ttl::Never).expect("room");
    map.set(b"c", b"v", Ttl::Never).expect_err("full");
    let stats = map.stats().expect("alive");
    assert_eq!((stats.entries, stats.payload), (2, 100_003));
    assert_eq!(stats.bytes, stats.payload + stats.overhead + stats.free);
    assert!(stats.overhead > 0);
    assert_eq!((stats.refused, stats.evicted, stats.pinned), (1, 0, 0));
    map.delete(b"a").expect("alive");
    let after = map.stats().expect("alive");
    assert_eq!(after.payload, 2);
    assert!(after.high_water >= stats.bytes);
}

#[test]
fn a_map_needs_the_memory_that_it_starts_with() {
    let refused = host().map(&MapOptions::new().max_memory(1));
    assert!(matches!(refused, Err(CreateError::Instantiate { .. })));
}

#[test]
fn limits_out_of_range_make_no_map() {
    let host = host();
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
        (Limits::default().max_bytes(131_071), Setting::MaxBytes),
        (Limits::default().max_pins(65_537), Setting::MaxPins),
    ] {
        let refused = host.map(&MapOptions::new().limits(limits.clone()));
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
fn what_may_not_change_any_more_is_told() {
    let mut map = map(&MapOptions::new());
    map.set(b"k", b"v", Ttl::Never).expect("room");
    for (limits, words) in [
        (
            Limits::default().policy(Policy::Lru),
            "policy cannot be changed",
        ),
        (Limits::default().max_pins(1), "max-pins cannot be lowered"),
    ] {
        let refused = map.configure(&limits).expect_err(words);
        assert!(matches!(refused, ConfigureError::Lowered { .. }));
        assert!(refused.to_string().contains(words), "{refused}");
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
    let PreloadError::Refused { index, source, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(index, 1);
    assert!(matches!(source, SetError::Full));
    assert!(map.contains(b"a").expect("alive"));
}

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
            "TTL of zero",
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
            "there with version 1",
        ),
        (
            map.delete_if(b"x", 1).expect_err("absent").into(),
            "not there",
        ),
    ];
    for (error, words) in errors {
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
    let SetError::Dead { source: dead, .. } = &killed else {
        panic!("{killed}");
    };
    assert!(matches!(dead.cause(), Cause::OutOfMemory { max, .. } if *max == 2 << 20));
    let trap = wasmtime::Trap::UnreachableCodeReached;
    assert_eq!(dead.cause().trap(), Some(trap));
    assert!((before..=SystemTime::now()).contains(&dead.at()));
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
        let error = answer.expect("it is dead");
        assert!(matches!(error, Error::Dead { .. }), "{error}");
        let words = error.to_string();
        assert_eq!(words, killed.to_string());
        assert!(words.starts_with("the map is dead since 2"), "{words}");
        let cause = "Z: it ran out of its memory of 2097152 bytes: make another one";
        assert!(words.ends_with(cause), "{words}");
    }
    assert_eq!(beside.get(b"k").expect("alive").as_deref(), Some(&b"v"[..]));
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

/// A plugged app in a store of one's own.
fn instantiate(
    plugged: &[u8],
) -> (
    wasmtime::Store<MemoryLimiter>,
    wasmtime::component::Instance,
    Control,
) {
    let mut config = wasmtime::Config::new();
    config.concurrency_support(false);
    let engine = wasmtime::Engine::new(&config).expect("an engine");
    let component = wasmtime::component::Component::new(&engine, plugged).expect("valid");
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
    (store, instance, control)
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

    let (mut store, instance, control) = instantiate(&plugged);
    assert_eq!(control.limits(&mut store).expect("alive").max_entries, 2);
    let entries: Vec<Preload> = (0..3u8)
        .map(|key| Preload {
            key: vec![key],
            value: Vec::new(),
            ttl: Ttl::Default,
        })
        .collect();
    let refused = control.preload(&mut store, &entries).expect("alive");
    let refused = refused.expect_err("no room");
    assert!(matches!(refused, PreloadError::Refused { index: 2, .. }));
    let count = instance
        .get_typed_func::<(), (u64,)>(&mut store, "count")
        .expect("it is exported");
    assert_eq!(count.call(&mut store, ()).expect("alive"), (2,));
    assert_eq!(control.stats(&mut store).expect("alive").writes, 2);
    control.clear(&mut store).expect("alive");
    assert_eq!(count.call(&mut store, ()).expect("alive"), (0,));
    assert_eq!(control.sweep(&mut store, 10).expect("alive"), 0);
}

/// A handle of the map in the hands of an app: `hold` pins the key `k` and `length` tells
/// how long its value is, whatever has become of the key, until `release`.
#[test]
fn rule_9_pins_of_a_plugged_app_are_its_own() {
    let app = wat::parse_str(
        r#"(component
            (import "localmap:core/local-map@0.1.0" (instance $map
                (type $kf (variant (case "empty") (case "too-long" u64) (case "not-utf8")))
                (export "key-fault" (type $key-fault (eq $kf)))
                (type $e (variant (case "invalid-key" $key-fault) (case "value-too-large" u64)
                    (case "invalid-ttl") (case "full") (case "conflict" (option u64))
                    (case "not-a-counter") (case "overflow")))
                (export "error" (type $error (eq $e)))
                (export "pinned" (type $pinned (sub resource)))
                (export "[method]pinned.value"
                    (func (param "self" (borrow $pinned)) (result (list u8))))
                (export "pin" (func (param "key" (list u8))
                    (result (result (option (own $pinned)) (error $error)))))))
            (alias export $map "pinned" (type $pinned))
            (core module $libc
                (memory (export "memory") 1)
                (global $end (mut i32) (i32.const 1024))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and
                        (i32.add (global.get $end) (i32.const 7)) (i32.const -8)))
                    (global.set $end (i32.add (local.get $at) (local.get 3)))
                    (local.get $at)))
            (core instance $libc (instantiate $libc))
            (alias core export $libc "memory" (core memory $memory))
            (alias core export $libc "realloc" (core func $realloc))
            (core func $pin (canon lower (func $map "pin")
                (memory $memory) (realloc $realloc)))
            (core func $value (canon lower (func $map "[method]pinned.value")
                (memory $memory) (realloc $realloc)))
            (core func $drop (canon resource.drop $pinned))
            (core module $app
                (import "libc" "memory" (memory 1))
                (import "map" "pin" (func $pin (param i32 i32 i32)))
                (import "map" "value" (func $value (param i32 i32)))
                (import "map" "drop" (func $drop (param i32)))
                (data (i32.const 0) "k")
                (global $held (mut i32) (i32.const 0))
                ;; 0: held, 1: not there, 2: refused
                (func (export "hold") (result i32)
                    (call $pin (i32.const 0) (i32.const 1) (i32.const 16))
                    (if (i32.load8_u (i32.const 16)) (then (return (i32.const 2))))
                    (if (i32.eqz (i32.load8_u (i32.const 24))) (then (return (i32.const 1))))
                    (global.set $held (i32.load (i32.const 28)))
                    (i32.const 0))
                (func (export "length") (result i32)
                    (call $value (global.get $held) (i32.const 64))
                    (i32.load (i32.const 68)))
                (func (export "release") (call $drop (global.get $held))))
            (core instance $app (instantiate $app
                (with "libc" (instance $libc))
                (with "map" (instance
                    (export "pin" (func $pin))
                    (export "value" (func $value))
                    (export "drop" (func $drop))))))
            (func (export "hold") (result u32) (canon lift (core func $app "hold")))
            (func (export "length") (result u32) (canon lift (core func $app "length")))
            (func (export "release") (canon lift (core func $app "release"))))"#,
    )
    .expect("valid text");
    let plugged = plug(&app, &Limits::default().max_pins(1)).expect("it fits");
    let (mut store, instance, control) = instantiate(&plugged);
    let call = |name: &str, store: &mut wasmtime::Store<MemoryLimiter>| -> u32 {
        let call = instance
            .get_typed_func::<(), (u32,)>(&mut *store, name)
            .expect("it is exported");
        call.call(store, ()).expect("alive").0
    };
    assert_eq!(call("hold", &mut store), 1);
    let entry = Preload {
        key: b"k".to_vec(),
        value: vec![7; 5000],
        ttl: Ttl::Never,
    };
    let stored = control.preload(&mut store, std::slice::from_ref(&entry));
    stored.expect("alive").expect("room");
    assert_eq!(call("hold", &mut store), 0);
    control.clear(&mut store).expect("alive");
    assert_eq!(call("length", &mut store), 5000);
    let stats = control.stats(&mut store).expect("alive");
    assert!(stats.pinned >= 5000);
    let stored = control.preload(&mut store, &[entry]);
    stored.expect("alive").expect("room");
    assert_eq!(call("hold", &mut store), 2);
    let release = instance
        .get_typed_func::<(), ()>(&mut store, "release")
        .expect("it is exported");
    release.call(&mut store, ()).expect("alive");
    assert_eq!(control.stats(&mut store).expect("alive").pinned, 0);
    assert_eq!(call("hold", &mut store), 0);
}

#[test]
fn a_visit_comes_by_each_entry_once_until_it_breaks() {
    let mut map = map(&MapOptions::new());
    for number in 0..1000u32 {
        let key = [b"a:", &number.to_be_bytes()[..]].concat();
        map.set(&key, &number.to_le_bytes(), Ttl::Never)
            .expect("room");
    }
    map.set(b"b", b"", Ttl::Never).expect("room");
    let mut found = Vec::new();
    let visited = map.visit(b"a:", |scanned| {
        assert!(scanned.key.starts_with(b"a:"));
        found.push(scanned.entry.value);
        ControlFlow::Continue(())
    });
    visited.expect("alive");
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 1000);
    let mut visits = 0;
    let visited = map.visit(b"", |_| {
        visits += 1;
        if visits == 300 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    visited.expect("alive");
    assert_eq!(visits, 300);
}
