//! Map components that lie, trap, loop, or use all the resources they can get.

use super::honest::with_honest_maps;
use super::make::map;
use localmap::wasmtime::Trap;
use localmap::{
    Change, CreateError, Error, Host, HostOptions, Limits, LocalMap, MapOptions, MapTerminated,
    TerminationCause, Ttl,
};
use localmap_tests::provider;
use std::time::Duration;

/// The timeout of calls that never end.
const LIMIT: Duration = Duration::from_millis(200);

/// The timeout of all other calls, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn options(limit: Duration) -> MapOptions {
    MapOptions::new().call_timeout(limit)
}

/// Creates a host for one map at a time, so that a terminated map must release its place.
fn host(component: &[u8]) -> Host {
    let options = HostOptions::new().max_maps(1);
    Host::with_component(component, &options).expect("it fits the contract")
}

/// The expected cause of a termination.
enum Expected {
    Trap(Trap),
    /// A text in an error of Wasmtime or of the library that is not a trap.
    Fault(&'static str),
    Time,
    Memory,
}

impl Expected {
    fn is(&self, cause: &TerminationCause) -> bool {
        match (self, cause) {
            (Self::Trap(one), TerminationCause::Trap { trap, .. }) => trap == one,
            (Self::Fault(text), TerminationCause::Fault { source, .. }) => {
                format!("{source:#}").contains(text)
            }
            (Self::Time, TerminationCause::TimedOut { limit, .. }) => *limit == LIMIT,
            (Self::Memory, TerminationCause::OutOfMemory { max, .. }) => *max == 64 << 20,
            _ => false,
        }
    }
}

type Call = fn(&mut LocalMap) -> Result<(), Error>;

const GET: Call = |map| Ok(map.get(b"k").map(drop)?);
const SET: Call = |map| Ok(map.set(b"k", b"value", Ttl::Never).map(drop)?);
const GET_INTO: Call = |map| {
    let mut buffer = b"before".to_vec();
    let found = map.get_into(b"k", &mut buffer);
    assert_eq!(buffer, b"before");
    Ok(found.map(drop)?)
};
const LEN: Call = |map| Ok(map.len().map(drop)?);
const GET_MANY: Call = |map| Ok(map.get_many(&[&b"k"[..]; 256]).map(drop)?);
const SCAN: Call = |map| Ok(map.scan(b"", 0, 10).map(drop)?);
const SNAPSHOT: Call = |map| Ok(map.snapshot().map(drop)?);
const PIN: Call = |map| Ok(map.pin(b"k").map(drop)?);
const PIN_TWICE: Call = |map| {
    let one = map.pin(b"k")?;
    let two = map.pin(b"k")?;
    drop((one, two));
    Ok(())
};
const PIN_AND_READ: Call = |map| {
    let pin = map.pin(b"k")?.expect("there");
    map.pinned(&pin)?;
    Ok(())
};
const PIN_AND_DROP: Call = |map| {
    drop(map.pin(b"k")?);
    LEN(map)
};
const APPLY: Call = |map| {
    let change = Change::Set {
        key: b"k",
        value: b"value",
        ttl: Ttl::Never,
    };
    Ok(map.apply(&[change]).map(drop)?)
};
const LIMITS: Call = |map| Ok(map.limits().map(drop)?);

/// Asserts that the call terminates the map, that the map reports the cause from then on, and
/// that it has released its memory and its place.
fn dies(name: &str, call: Call, expected: &Expected) {
    let host = host(&map(name));
    let limit = match expected {
        Expected::Time => LIMIT,
        _ => PATIENCE,
    };
    with_honest_maps(|| {
        let mut map = host.map(&options(limit)).expect("it starts well");
        let Err(Error::Terminated {
            source: terminated, ..
        }) = call(&mut map)
        else {
            panic!("{name} is alive");
        };
        assert!(
            expected.is(terminated.cause()),
            "{name}: {:?}",
            terminated.cause()
        );
        stays_terminated(&mut map, &terminated);
        assert_eq!(host.live_maps(), 0, "{name}");
        host.map(&options(limit)).expect("there is a place");
    });
}

fn stays_terminated(map: &mut LocalMap, terminated: &MapTerminated) {
    assert_eq!(map.memory(), 0);
    for call in [GET, SET, LEN, GET_MANY, SCAN, SNAPSHOT, PIN, APPLY, LIMITS] {
        let Err(Error::Terminated { source: still, .. }) = call(map) else {
            panic!("it lives again");
        };
        assert_eq!(still.at(), terminated.at());
        assert_eq!(still.to_string(), terminated.to_string());
    }
}

/// Asserts that the map stays alive, whatever it answers. Returns the result of `call`.
fn lives<R>(name: &str, call: impl FnOnce(&mut LocalMap) -> R) -> R {
    let host = host(&map(name));
    with_honest_maps(|| {
        let mut map = host.map(&options(PATIENCE)).expect("it starts well");
        let answer = call(&mut map);
        map.len().expect("alive");
        answer
    })
}

/// Asserts that no map can be created, because of an error for which `why` returns `true`.
fn is_not_created(name: &str, why: fn(&CreateError) -> bool) {
    let component = map(name);
    with_honest_maps(|| {
        let options = HostOptions::new().max_maps(1);
        let made = Host::with_component(&component, &options);
        let error = made.and_then(|host| {
            let made = host.map(&self::options(LIMIT));
            assert_eq!(host.live_maps(), 0, "{name}");
            made
        });
        let error = error.expect_err(name);
        assert!(why(&error), "{name}: {error:?}");
    });
}

#[test]
fn wrong_lengths_and_addresses() {
    dies("value_past_the_end", GET, &Expected::Fault("out of bounds"));
    dies("value_that_wraps", GET, &Expected::Fault("out of bounds"));
    dies(
        "answer_past_the_end",
        GET,
        &Expected::Fault("out of bounds"),
    );
    dies("answer_not_aligned", GET, &Expected::Fault("not aligned"));
    dies(
        "arguments_past_the_end",
        GET,
        &Expected::Fault("beyond end of memory"),
    );
    dies(
        "arguments_not_aligned",
        GET_MANY,
        &Expected::Fault("not aligned"),
    );
    dies(
        "room_past_the_end",
        SET,
        &Expected::Fault("room is beyond end of memory"),
    );
    for name in ["seed_past_the_end", "pin_that_is_the_host"] {
        dies(name, LEN, &Expected::Fault(""));
    }
    is_not_created("seed_past_the_end_at_the_start", |error| {
        matches!(error, CreateError::Instantiate { .. })
    });
    dies(
        "writes_past_its_end",
        SET,
        &Expected::Trap(Trap::MemoryOutOfBounds),
    );
}

#[test]
fn cases_that_are_not_in_the_contract() {
    dies(
        "option_with_a_third_case",
        GET,
        &Expected::Fault("discriminant"),
    );
    dies(
        "result_with_a_third_case",
        SET,
        &Expected::Fault("discriminant"),
    );
    dies("unknown_error", SET, &Expected::Fault("discriminant"));
    dies("unknown_policy", LIMITS, &Expected::Fault("discriminant"));
    dies("unknown_outcome", APPLY, &Expected::Fault("discriminant"));
}

#[test]
fn too_many_or_too_few_results() {
    dies("too_few_values", GET_MANY, &Expected::Fault("get-many"));
    dies("too_many_values", GET_MANY, &Expected::Fault("get-many"));
    dies("too_few_outcomes", APPLY, &Expected::Fault("apply"));
    dies(
        "outcome_of_another_change",
        APPLY,
        &Expected::Fault("apply"),
    );
    let name = "error_of_a_change_beyond_the_batch";
    dies(name, APPLY, &Expected::Fault("apply"));
}

/// A few bytes in the guest would become a terabyte in the host.
#[test]
fn results_that_are_larger_than_the_guest() {
    let too_much = Expected::Fault("hostcalls has been exhausted");
    dies("one_value_many_times", GET_MANY, &too_much);
    dies("page_of_a_million_entries", SCAN, &too_much);
    // Each call returns one value, so that the fuel lasts for all of them.
    let too_long = Expected::Fault("a value that is too long");
    dies("values_that_are_too_long", GET_MANY, &too_long);
}

/// Publishing reads all pages, so its limits end what the pages do not end.
#[test]
fn snapshots_without_end() {
    dies("scan_without_end", SNAPSHOT, &Expected::Time);
    dies("entries_without_end", SNAPSHOT, &Expected::Fault("limits"));
}

/// An entry takes memory in a snapshot even if it is empty, so the limit on bytes bounds it too.
#[test]
fn snapshots_of_empty_entries_without_end() {
    let host = host(&map("empty_entries_without_end"));
    let limits = Limits::default().max_entries(u32::MAX.into());
    let mut map = host.map(&options(PATIENCE).limits(limits)).expect("a map");
    let terminated = map.snapshot().expect_err("it never ends");
    let expected = Expected::Fault("limits");
    assert!(expected.is(terminated.cause()), "{terminated}");
}

#[test]
fn invalid_pins() {
    dies(
        "pin_that_does_not_exist",
        PIN,
        &Expected::Fault("unknown handle"),
    );
    dies(
        "handle_returned_twice",
        PIN_TWICE,
        &Expected::Fault("unknown handle"),
    );
    let trap = Expected::Trap(Trap::UnreachableCodeReached);
    dies("pin_that_traps", PIN_AND_DROP, &trap);
    dies("pin_without_end", PIN_AND_DROP, &Expected::Time);
    dies(
        "pin_past_the_end",
        PIN_AND_READ,
        &Expected::Fault("out of bounds"),
    );
    dies("a_million_handles", LEN, &Expected::Fault("handle"));
    let overflow = Expected::Trap(Trap::StackOverflow);
    dies("pin_that_drops_pins", LEN, &overflow);
}

#[test]
fn traps() {
    let unreachable = Expected::Trap(Trap::UnreachableCodeReached);
    dies("trap_in_the_middle_of_a_write", SET, &unreachable);
    dies("trap_after_the_answer", GET, &unreachable);
    dies("trap_after_the_value", GET_INTO, &unreachable);
    dies("stack_overflow", LEN, &Expected::Trap(Trap::StackOverflow));
    is_not_created("trap_at_the_start", |error| {
        matches!(
            error,
            CreateError::Instantiate { .. } | CreateError::Trapped { .. }
        )
    });
}

#[test]
fn loops() {
    dies("loop_in_a_call", GET, &Expected::Time);
    dies("loop_after_the_answer", GET, &Expected::Time);
    dies("arguments_without_end", GET, &Expected::Time);
    dies("fills_forever", GET, &Expected::Time);
    let time = |error: &CreateError| matches!(error, CreateError::TimedOut { limit, .. } if *limit == LIMIT);
    is_not_created("loop_at_the_start", time);
    is_not_created("loop_in_configure", time);
}

#[test]
fn memory() {
    let pages = lives("memory_bomb", |map| {
        let pages = map.len().expect("alive");
        assert_eq!(map.memory() as u64, pages << 16);
        pages
    });
    assert_eq!(pages, (64 << 20) >> 16, "all that it may have, and no more");
    let elements = lives("table_bomb", |map| map.len().expect("alive"));
    assert!((1..=100_000).contains(&elements), "{elements}");
    dies("memory_or_trap", LEN, &Expected::Memory);
    let too_large = |error: &CreateError| {
        matches!(
            error,
            CreateError::Component { .. } | CreateError::Instantiate { .. }
        )
    };
    is_not_created("initial_memory_of_2_gigabytes", too_large);
    is_not_created("initial_table_of_ten_million", too_large);
}

/// A map may use its imports at any time: they affect nothing but itself.
#[test]
fn the_clock_is_harmless() {
    lives("arguments_that_call_out", |map| {
        assert_eq!(map.get(b"k").expect("alive"), None);
    });
}

/// A function that frees what its answer took is called after any answer, as the component layer does.
#[test]
fn every_answer_is_freed() {
    let freed = lives("counts_what_is_freed", |map| {
        assert!(!map.contains(b"k").expect("alive"));
        assert!(!map.delete(b"k").expect("alive"));
        assert_eq!(map.len().expect("alive"), 0);
        map.clear().expect("alive");
        map.sweep(0).expect("alive")
    });
    assert_eq!(freed, 4);
}

/// Where a map of somebody else wants its parameters could tell the next map what this one stores.
#[test]
fn an_instance_learns_nothing_of_another() {
    let host = host(&map("room_that_remembers"));
    with_honest_maps(|| {
        for knows in [true, false, true] {
            let mut map = host.map(&options(PATIENCE)).expect("it starts well");
            if knows {
                assert!(map.contains(b"k").expect("alive"));
            }
            assert_eq!(map.get(b"k").expect("alive"), None);
            assert_eq!(map.len().expect("alive"), u64::from(b'k'));
        }
    });
}

/// A map may accept limits that no map can have. The host computes with them.
#[test]
fn limits_that_are_too_large() {
    let host = host(&wat::parse_str(provider(&[], "", 1)).expect("valid text"));
    let limits = Limits::default().max_bytes(u64::MAX).max_value(u64::MAX);
    let mut map = host.map(&options(PATIENCE).limits(limits)).expect("a map");
    assert_eq!(map.apply(&[]).expect("alive"), []);
}

/// Lies that affect only the embedder of this map are passed on unchanged, in types that can
/// represent them.
#[test]
fn lies_that_are_passed_on() {
    lives("versions_backwards", |map| {
        let versions: Vec<u64> = (0..4)
            .map(|_| map.set(b"k", b"", Ttl::Never).expect("it says so"))
            .collect();
        assert_eq!(versions, [2, 1, 0, u64::MAX]);
    });
    lives("scan_without_end", |map| {
        for _ in 0..3 {
            let page = map.scan(b"", 7, 10).expect("a page");
            assert_eq!((page.entries.len(), page.next), (0, Some(7)));
        }
    });
    lives("scanned_key_that_is_invalid", |map| {
        let page = map.scan(b"", 0, 10).expect("a page");
        let [scanned] = page.entries.as_slice() else {
            panic!("{page:?}");
        };
        assert_eq!(scanned.key, b"");
        assert_eq!(scanned.entry.value, b"\xff\xfe\xc0");
        assert_eq!(scanned.entry.version, u64::MAX);
        assert_eq!(scanned.entry.expires_in, Some(Duration::ZERO));
    });
    lives("statistics_at_their_maximum", |map| {
        let stats = map.stats().expect("figures");
        assert_eq!((stats.entries, stats.refused), (u64::MAX, u64::MAX));
    });
    lives("limits_out_of_range", |map| {
        let limits = map.limits().expect("figures");
        assert_eq!(limits.max_value, u64::MAX);
        assert!(limits.utf8_keys);
        assert!(limits.check().is_err());
    });
    is_not_created("refuses_all_limits", |error| {
        matches!(error, CreateError::Limits { .. })
    });
}

/// A map can only do what it imports.
#[test]
fn imports_that_were_not_given() {
    for import in [
        r#""wasi:cli/environment@0.2.0" "get-environment" (func (param i32))"#,
        r#""wasi:filesystem/preopens@0.2.0" "get-directories" (func (param i32))"#,
        r#""wasi:sockets/instance-network@0.2.0" "instance-network" (func (result i32))"#,
        r#""wasi:clocks/monotonic-clock@0.2.0" "set" (func (param i64))"#,
        r#""localmap:core/control@0.1.0" "clear" (func)"#,
        r#""env" "memory" (memory 1)"#,
    ] {
        let text = provider(&[], "", 1);
        let text = text.replace("(core module", &format!("(core module (import {import})"));
        let component = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        with_honest_maps(|| {
            let made = Host::with_component(&component, &HostOptions::new());
            let Err(CreateError::Component { source, .. }) = made else {
                panic!("{text}: {made:?}");
            };
            let said = format!("{source:#}");
            assert!(said.contains("unknown import"), "{text}: {said}");
        });
    }
}

/// The core module that exports the contract is the map, wherever it is. Others are not run.
#[test]
fn one_of_several_core_modules() {
    let whole = provider(&[("len", "i64.const 7")], "", 1);
    let trap = "(core module (func $start unreachable) (start $start))";
    for text in [
        whole.replace("(component", &format!("(component {trap}")),
        whole.replace("(component", &format!("(component (component {trap}) ")),
        whole.replace("(component", "(component (component") + ")",
    ] {
        let component = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut map = host(&component).map(&options(PATIENCE)).expect("a map");
        assert_eq!(map.len().expect("alive"), 7);
    }
}

/// Toolchains of some languages initialize a module in a function of its own.
#[test]
fn a_module_is_initialized_before_it_is_called() {
    let initialize = r#"(core module
        (global $ready (mut i64) (i64.const 0))
        (func (export "_initialize") (global.set $ready (i64.const 7)))"#;
    let text = provider(&[("len", "global.get $ready")], "", 1);
    let text = text.replace("(core module", initialize);
    let component = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let made = Host::with_component(&component, &HostOptions::new()).expect("it fits");
    let mut map = made.map(&options(PATIENCE)).expect("it starts well");
    assert_eq!(map.len().expect("alive"), 7);
}

/// A function of another type, or none, is found before any map is created.
#[test]
fn exports_that_differ_from_the_contract() {
    let whole = provider(&[], "", 1);
    for (from, to, expected) in [
        (
            "#len\") (param ) (result i64) i64.const 0",
            "#len\") i32.const 0 drop",
            "#len",
        ),
        ("#get\") (param i32 i32)", "#get\") (param i32 i64)", "#get"),
        ("#set\")", "#sets\")", "#set"),
        ("\"cabi_realloc\"", "\"realloc\"", "cabi_realloc"),
        ("(export \"memory\")", "", "memory"),
        (
            "(export \"memory\") 1",
            "(export \"memory\") i64 1",
            "memory",
        ),
        (
            "(memory (export \"memory\") 1)",
            "(memory 1) (global (export \"memory\") i32 (i32.const 0))",
            "memory",
        ),
        (
            "(memory (export \"memory\") 1)",
            "(memory (export \"memory\") 1 1 shared)",
            "shared",
        ),
    ] {
        let text = whole.replace(from, to);
        assert_ne!(text, whole, "{from}");
        let component = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let made = Host::with_component(&component, &HostOptions::new());
        let Err(CreateError::Component { source, .. }) = made else {
            panic!("{to}: {made:?}");
        };
        let said = format!("{source:#}");
        assert!(said.contains(expected), "{to}: {said}");
    }
}
