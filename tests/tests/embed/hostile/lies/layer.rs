//! Wasmtime's component layer has the same opinion of a lie: what it rejects terminates a map, and
//! what it accepts has the same meaning. Batches are not compared, because the layer allocates their
//! parts in another order.

use super::super::make::{Lies, lying_map};
use super::script::{Answer, Script};
use super::{Run, options};
use contract::exports::localmap::core::local_map as wit;
use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{self, Engine, Result, Store};
use localmap::{Clock, Condition, Control, Error, Host, HostOptions, Limits, LocalMap, MapOptions};
use localmap::{MemoryLimiter, Ttl, WatchError};
use std::fmt::Debug;
use std::time::Duration;

mod contract {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    use localmap::wasmtime;

    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package localmap:tests;
            world instance {
                export localmap:core/local-map@0.1.0;
            }
        ",
        world: "localmap:tests/instance",
        wasmtime_crate: localmap::wasmtime,
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The number of maps, unless there is more time.
const MAPS: u64 = 1500;

/// The outcome of an operation.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// A result, as text.
    Value(String),
    /// An error of the contract.
    Refused,
    /// The end of the map.
    Ended,
}

fn of_map<R: Debug, E: Into<Error>>(result: std::result::Result<R, E>) -> Verdict {
    match result.map_err(Into::into) {
        Ok(value) => Verdict::Value(format!("{value:?}")),
        Err(Error::Terminated { .. }) => Verdict::Ended,
        Err(_) => Verdict::Refused,
    }
}

fn of_layer<R: Debug>(result: Result<R>) -> Verdict {
    result.map_or(Verdict::Ended, |value| Verdict::Value(format!("{value:?}")))
}

fn of_control<R: Debug>(result: Result<std::result::Result<R, WatchError>>) -> Verdict {
    match result {
        Ok(Ok(value)) => of_layer(Ok(value)),
        Ok(Err(_)) => Verdict::Refused,
        Err(_) => Verdict::Ended,
    }
}

fn of_write<R: Debug>(result: Result<std::result::Result<R, wit::Error>>) -> Verdict {
    match result {
        Ok(Ok(value)) => of_layer(Ok(value)),
        Ok(Err(_)) => Verdict::Refused,
        Err(_) => Verdict::Ended,
    }
}

/// An entry in the form that both ways are converted to.
type Found = (Vec<u8>, u64, Option<Duration>);

fn entry_of_map(entry: localmap::Entry) -> Found {
    (entry.value, entry.version, entry.expires_in)
}

fn entry_of_layer(value: Vec<u8>, version: u64, expires_in: Option<u64>) -> Found {
    (value, version, expires_in.map(Duration::from_nanos))
}

struct State {
    script: Script,
    memory: MemoryLimiter,
}

/// An instance of the component.
struct Layer {
    store: Store<State>,
    exports: contract::Instance,
    control: Control,
}

impl Layer {
    fn new(component: &Component, linker: &Linker<State>, script: &Script) -> Result<Self> {
        let state = State {
            script: script.clone(),
            memory: MemoryLimiter::new(super::MEMORY),
        };
        let mut store = Store::new(linker.engine(), state);
        store.limiter(|state| &mut state.memory);
        let instance = linker.instantiate(&mut store, component)?;
        let exports = contract::Instance::new(&mut store, &instance)?;
        let control = Control::find(&mut store, component, &instance)?.expect("it has one");
        Ok(Self {
            store,
            exports,
            control,
        })
    }
}

fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::<State>::new(engine);
    linker
        .instance("wasi:clocks/monotonic-clock@0.2.0")?
        .func_wrap("now", |store, (): ()| {
            let now = store.data().script.now();
            Ok((u64::try_from(now.as_nanos())?,))
        })?;
    linker
        .instance("wasi:random/insecure-seed@0.2.0")?
        .func_wrap("insecure-seed", |_, (): ()| Ok(((1u64, 2u64),)))?;
    Ok(linker)
}

const KEY: &[u8] = b"k";
const VALUE: &[u8] = &[7; 2000];

/// Performs an operation in both ways.
fn both(number: u32, map: &mut LocalMap, layer: &mut Layer) -> (Verdict, Verdict) {
    let Layer {
        store,
        exports,
        control,
    } = layer;
    let component = exports.localmap_core_local_map();
    match number {
        0 => (
            of_map(map.get(KEY)),
            of_layer(component.call_get(store, KEY)),
        ),
        1 => {
            let entry = component.call_get_entry(store, KEY);
            let entry = entry.map(|found| {
                found.map(|found| entry_of_layer(found.value, found.version, found.expires_in))
            });
            let found = map.get_entry(KEY).map(|found| found.map(entry_of_map));
            (of_map(found), of_layer(entry))
        }
        2 => (
            of_map(map.take(KEY)),
            of_layer(component.call_take(store, KEY)),
        ),
        3 => {
            let page = map.scan(KEY, 7, 10).map(|page| {
                let found = page.entries.into_iter();
                let found = found.map(|found| (found.key, entry_of_map(found.entry)));
                (found.collect::<Vec<_>>(), page.next)
            });
            let other = component.call_scan(store, KEY, 7, 10).map(|page| {
                let found = page.entries.into_iter().map(|found| {
                    let entry = entry_of_layer(found.value, found.version, found.expires_in);
                    (found.key, entry)
                });
                (found.collect::<Vec<_>>(), page.next)
            });
            (of_map(page), of_layer(other))
        }
        4 => (
            of_map(map.set(KEY, VALUE, Ttl::Never)),
            of_write(component.call_set(store, KEY, VALUE, wit::Ttl::Never)),
        ),
        5 => (
            of_map(map.set_if(KEY, VALUE, Ttl::Never, Condition::Absent)),
            of_write(component.call_set_if(
                store,
                KEY,
                VALUE,
                wit::Ttl::Never,
                wit::Condition::Absent,
            )),
        ),
        6 => (
            of_map(map.increment(KEY, 1, Ttl::Never)),
            of_write(component.call_increment(store, KEY, 1, wit::Ttl::Never)),
        ),
        7 => (
            of_map(map.touch(KEY, Ttl::Never)),
            of_write(component.call_touch(store, KEY, wit::Ttl::Never)),
        ),
        8 => (
            of_map(map.delete_if(KEY, 7)),
            of_write(component.call_delete_if(store, KEY, 7)),
        ),
        9 => (
            of_map(map.contains(KEY)),
            of_layer(component.call_contains(store, KEY)),
        ),
        10 => (of_map(map.len()), of_layer(component.call_len(store))),
        11 => (of_map(map.stats()), of_layer(control.stats(store))),
        12 => (of_map(map.limits()), of_layer(control.limits(store))),
        13 => (of_map(map.sweep(7)), of_layer(control.sweep(store, 7))),
        14 => (of_map(map.clear()), of_layer(control.clear(store))),
        16 => (of_map(map.changes()), of_control(control.changes(store))),
        17 => {
            let found = control.peek(store, &[KEY]);
            let too_long = |found: &Option<localmap::Entry>| {
                let found = found.as_ref();
                found.is_some_and(|found| found.value.len() > 1 << 20)
            };
            let other = match &found {
                // The library knows how long a value can be.
                Ok(Ok(found)) if found.iter().any(too_long) => Verdict::Ended,
                _ => of_control(found),
            };
            (of_map(map.peek(&[KEY])), other)
        }
        18 => (of_map(map.watch(99)), of_control(control.watch(store, 99))),
        _ => pin(map, component, store),
    }
}

/// Pins a value, reads it and drops the pin.
fn pin(map: &mut LocalMap, component: &wit::Guest, store: &mut Store<State>) -> (Verdict, Verdict) {
    let core = match map.pin(KEY) {
        Ok(None) => Verdict::Value("None".into()),
        Ok(Some(pin)) => {
            let read = map.pinned(&pin).map(|value| (pin.version(), value));
            of_map(read.and_then(|read| map.unpin(pin).map(|()| read)))
        }
        Err(error) => of_map::<(), _>(Err(error)),
    };
    let pinned = component.pinned();
    let layer = match component.call_pin(&mut *store, KEY) {
        Ok(Ok(None)) => Verdict::Value("None".into()),
        Ok(Ok(Some(pin))) => of_layer((|| {
            let version = pinned.call_version(&mut *store, pin)?;
            let value = pinned.call_value(&mut *store, pin)?;
            pin.resource_drop(store)?;
            Ok((version, value))
        })()),
        other => of_write(other.map(|answer| answer.map(drop))),
    };
    (core, layer)
}

fn answer(number: u32) -> Answer {
    match number {
        0 | 2 => Answer::Value,
        1 => Answer::Entry,
        3 => Answer::Page,
        4..=8 => Answer::Written,
        11 => Answer::Statistics,
        12 => Answer::Limits,
        15 => Answer::Pin,
        16 => Answer::Changes,
        17 => Answer::Peeked(1),
        _ => Answer::Number,
    }
}

#[test]
fn the_component_layer_agrees() {
    let bytes = lying_map(Lies::Functions);
    let host = Host::with_component(&bytes, &HostOptions::new().max_maps(1)).expect("it fits");
    let mut config = wasmtime::Config::new();
    config.concurrency_support(false);
    let engine = Engine::new(&config).expect("an engine");
    let component = Component::new(&engine, &bytes).expect("a component");
    let linker = linker(&engine).expect("it links");
    let mut agreed = [0; 3];
    let run = Run::new();
    for seed in run.first.. {
        if seed - run.first >= MAPS && run.is_over() {
            break;
        }
        let (one, other) = (Script::sober(seed), Script::sober(seed));
        let patient: MapOptions = options(&one).call_timeout(Duration::from_secs(10));
        let map = host.map(&patient.hostcall_fuel(usize::MAX));
        let mut layer = Layer::new(&component, &linker, &other).expect("it starts");
        let limits = Limits::default();
        let made = layer.control.configure(&mut layer.store, &limits);
        assert_eq!(map.is_ok(), matches!(made, Ok(Ok(()))), "seed {seed}");
        let Ok(mut map) = map else { continue };
        let mut random = fastrand::Rng::with_seed(!seed);
        for _ in 0..60 {
            let number = random.u32(..19);
            one.expect(answer(number));
            other.expect(answer(number));
            let (core, layer) = both(number, &mut map, &mut layer);
            // The library knows which errors an operation has; the layer does not.
            let knows_better = core == Verdict::Ended && layer == Verdict::Refused;
            assert!(
                core == layer || knows_better,
                "seed {seed}, operation {number}\ncore module: {core:?} {:?}\ncomponent:   {layer:?}",
                map.len()
            );
            agreed[match core {
                Verdict::Value(_) => 0,
                Verdict::Refused => 1,
                Verdict::Ended => 2,
            }] += 1;
            if core == Verdict::Ended {
                break;
            }
            assert_eq!(
                one.count(),
                other.count(),
                "seed {seed}, operation {number}"
            );
        }
    }
    assert!(agreed.iter().all(|count| *count > 100), "{agreed:?}");
}
