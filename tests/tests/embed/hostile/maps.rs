//! Map components that lie, trap, loop and take what they can get.

use super::honest::with_honest_maps;
use super::make::map;
use localmap::wasmtime::Trap;
use localmap::{
    Change, CreateError, Error, Host, HostOptions, LocalMap, MapOptions, MapTerminated,
    TerminationCause, Ttl,
};
use std::time::Duration;

/// What a call may take that has no end.
const LIMIT: Duration = Duration::from_millis(200);

/// What one may take that ends otherwise, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(10);

fn options(limit: Duration) -> MapOptions {
    MapOptions::new().call_timeout(limit)
}

/// A host of one map at a time, so that one that has died must have given back its place.
fn host(component: &[u8]) -> Host {
    let options = HostOptions::new().max_maps(1);
    Host::with_component(component, &options).expect("it fits the contract")
}

/// What a map has died of.
enum Of {
    Trap(Trap),
    /// The words of an error of Wasmtime's, or of ours, that is no trap.
    Fault(&'static str),
    Time,
    Memory,
}

impl Of {
    fn is(&self, cause: &TerminationCause) -> bool {
        match (self, cause) {
            (Self::Trap(expected), TerminationCause::Trap { trap, .. }) => trap == expected,
            (Self::Fault(words), TerminationCause::Fault { source, .. }) => {
                format!("{source:#}").contains(words)
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
const LEN: Call = |map| Ok(map.len().map(drop)?);
const GET_MANY: Call = |map| Ok(map.get_many(&[&b"k"[..]; 256]).map(drop)?);
const SCAN: Call = |map| Ok(map.scan(b"", 0, 10).map(drop)?);
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

/// The call ends the map, which tells what it died of from then on, and has given back its
/// memory and its place.
fn dies(name: &str, call: Call, of: &Of) {
    let host = host(&map(name));
    let limit = match of {
        Of::Time => LIMIT,
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
            of.is(terminated.cause()),
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
    for call in [GET, SET, LEN, GET_MANY, SCAN, PIN, APPLY, LIMITS] {
        let Err(Error::Terminated { source: still, .. }) = call(map) else {
            panic!("it lives again");
        };
        assert_eq!(still.at(), terminated.at());
        assert_eq!(still.to_string(), terminated.to_string());
    }
}

/// The map lives on, whatever it says.
fn lives<R>(name: &str, call: impl FnOnce(&mut LocalMap) -> R) -> R {
    let host = host(&map(name));
    with_honest_maps(|| {
        let mut map = host.map(&options(PATIENCE)).expect("it starts well");
        let answer = call(&mut map);
        map.len().expect("alive");
        answer
    })
}

/// There is no map, since the guest does not come to be one.
fn never_is(name: &str, why: fn(&CreateError) -> bool) {
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
fn lengths_and_places_that_are_wrong() {
    dies("value_past_the_end", GET, &Of::Fault("out of bounds"));
    dies("value_that_wraps", GET, &Of::Fault("out of bounds"));
    dies("answer_past_the_end", GET, &Of::Fault("out of bounds"));
    dies("answer_not_aligned", GET, &Of::Fault("not aligned"));
    dies(
        "arguments_past_the_end",
        GET,
        &Of::Fault("beyond end of memory"),
    );
    dies("arguments_not_aligned", GET_MANY, &Of::Fault("not aligned"));
    dies(
        "writes_past_its_end",
        SET,
        &Of::Trap(Trap::MemoryOutOfBounds),
    );
}

#[test]
fn cases_that_the_contract_has_not() {
    dies("option_of_a_third_kind", GET, &Of::Fault("discriminant"));
    dies("result_of_a_third_kind", SET, &Of::Fault("discriminant"));
    dies("error_of_no_kind", SET, &Of::Fault("discriminant"));
    dies("policy_of_no_kind", LIMITS, &Of::Fault("discriminant"));
    dies("outcome_of_no_kind", APPLY, &Of::Fault("discriminant"));
}

#[test]
fn too_many_answers_or_too_few() {
    dies("too_few_values", GET_MANY, &Of::Fault("get-many"));
    dies("too_many_values", GET_MANY, &Of::Fault("get-many"));
    dies("too_few_outcomes", APPLY, &Of::Fault("apply"));
    dies("outcomes_of_others", APPLY, &Of::Fault("apply"));
    let name = "batch_refused_beyond_its_end";
    dies(name, APPLY, &Of::Fault("apply"));
}

/// A few bytes in the guest that stand for a terabyte in the host.
#[test]
fn answers_that_are_larger_than_the_guest() {
    let too_much = Of::Fault("hostcalls has been exhausted");
    dies("one_value_many_times", GET_MANY, &too_much);
    dies("page_without_measure", SCAN, &too_much);
}

#[test]
fn pins_that_are_none() {
    dies("pin_that_is_not_there", PIN, &Of::Fault("unknown handle"));
    dies("pin_given_twice", PIN_TWICE, &Of::Fault("unknown handle"));
    let trap = Of::Trap(Trap::UnreachableCodeReached);
    dies("pin_that_traps", PIN_AND_DROP, &trap);
    dies("pin_without_end", PIN_AND_DROP, &Of::Time);
    dies(
        "pin_past_the_end",
        PIN_AND_READ,
        &Of::Fault("out of bounds"),
    );
    dies("a_million_handles", LEN, &Of::Fault("handle"));
}

#[test]
fn traps() {
    let unreachable = Of::Trap(Trap::UnreachableCodeReached);
    dies("trap_in_the_middle_of_a_write", SET, &unreachable);
    dies("trap_after_the_answer", GET, &unreachable);
    let cannot = Of::Trap(Trap::CannotLeaveComponent);
    dies("arguments_that_call_out", GET, &cannot);
    dies("stack_overflow", LEN, &Of::Trap(Trap::StackOverflow));
    never_is("trap_at_the_start", |error| {
        matches!(
            error,
            CreateError::Instantiate { .. } | CreateError::Trapped { .. }
        )
    });
}

#[test]
fn loops() {
    dies("loop_in_a_call", GET, &Of::Time);
    dies("loop_after_the_answer", GET, &Of::Time);
    dies("arguments_without_end", GET, &Of::Time);
    dies("fills_forever", GET, &Of::Time);
    let time = |error: &CreateError| matches!(error, CreateError::TimedOut { limit, .. } if *limit == LIMIT);
    never_is("loop_at_the_start", time);
    never_is("loop_while_it_is_set_up", time);
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
    dies("memory_that_must_be", LEN, &Of::Memory);
    let too_large = |error: &CreateError| {
        matches!(
            error,
            CreateError::Component { .. } | CreateError::Instantiate { .. }
        )
    };
    never_is("memory_to_begin_with", too_large);
    never_is("table_to_begin_with", too_large);
}

/// What only the embedder of that very map believes harms nobody: it is passed on as it
/// is, in types that can hold it.
#[test]
fn lies_that_are_no_faults() {
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
    lives("key_that_is_no_key", |map| {
        let page = map.scan(b"", 0, 10).expect("a page");
        let [scanned] = page.entries.as_slice() else {
            panic!("{page:?}");
        };
        assert_eq!(scanned.key, b"");
        assert_eq!(scanned.entry.value, b"\xff\xfe\xc0");
        assert_eq!(scanned.entry.version, u64::MAX);
        assert_eq!(scanned.entry.expires_in, Some(Duration::ZERO));
    });
    lives("statistics_of_nothing", |map| {
        let stats = map.stats().expect("figures");
        assert_eq!((stats.entries, stats.refused), (u64::MAX, u64::MAX));
    });
    lives("limits_of_nothing", |map| {
        let limits = map.limits().expect("figures");
        assert_eq!(limits.max_value, u64::MAX);
        assert!(limits.utf8_keys);
        assert!(limits.check().is_err());
    });
    never_is("refuses_all_limits", |error| {
        matches!(error, CreateError::Limits { .. })
    });
}

/// What a component cannot import it cannot do.
#[test]
fn imports_that_were_not_given() {
    for import in [
        r#"(import "wasi:cli/environment@0.2.0" (instance
            (export "get-environment" (func (result (list (tuple string string)))))))"#,
        r#"(import "wasi:filesystem/types@0.2.0" (instance $types
            (export "descriptor" (type (sub resource)))))
           (alias export $types "descriptor" (type $file))
           (import "wasi:filesystem/preopens@0.2.0" (instance
            (export "descriptor" (type $file' (eq $file)))
            (export "get-directories" (func (result (list (tuple (own $file') string)))))))"#,
        r#"(import "wasi:sockets/network@0.2.0" (instance $network
            (export "network" (type (sub resource)))))
           (alias export $network "network" (type $net))
           (import "wasi:sockets/instance-network@0.2.0" (instance
            (export "network" (type $net' (eq $net)))
            (export "instance-network" (func (result (own $net'))))))"#,
        r#"(import "wasi:clocks/monotonic-clock@0.2.0" (instance
            (export "set" (func (param "to" u64)))))"#,
        r#"(import "localmap:core/control@0.1.0" (instance (export "clear" (func))))"#,
    ] {
        let text = format!("(component {import})");
        let component = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        with_honest_maps(|| {
            let made = Host::with_component(&component, &HostOptions::new());
            let Err(CreateError::Component { source, .. }) = made else {
                panic!("{text}: {made:?}");
            };
            let said = format!("{source:#}");
            assert!(
                said.contains("matching implementation was not found"),
                "{text}: {said}"
            );
        });
    }
}
