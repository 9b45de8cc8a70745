//! The loops of the benchmarks that cross a component boundary, and of those that
//! need not.

#![cfg(target_arch = "wasm32")]

mod bindings;
mod ways;

use bindings::exports::localmap::bench_boundary::loops::{self, Way as Name, Work};
use localmap_client::{LocalMap, in_process};
use std::cell::OnceCell;
use std::hint::black_box;
use ways::{Keyvalue, Plain, Way};

/// How many keys there are: few, so that it is the way that is measured.
const KEYS: usize = 64;
/// A TTL that does not end while we measure, in seconds.
const TTL: u64 = 3600;

struct Loops;

/// All ways, and the keys.
struct Ways {
    client: LocalMap,
    in_process: in_process::LocalMap,
    keyvalue: Keyvalue,
    /// Of 16 bytes.
    keys: Vec<String>,
    absent: Vec<String>,
}

thread_local! {
    static WAYS: OnceCell<Ways> = const { OnceCell::new() };
}

fn with<R>(call: impl FnOnce(&Ways) -> R) -> R {
    WAYS.with(|ways| {
        call(ways.get_or_init(|| Ways {
            client: LocalMap::new(),
            in_process: in_process::LocalMap::new(),
            keyvalue: Keyvalue::new(),
            keys: (0..KEYS).map(|n| format!("key-{n:012}")).collect(),
            absent: (0..KEYS).map(|n| format!("abs-{n:012}")).collect(),
        }))
    })
}

impl loops::Guest for Loops {
    fn prepare(way: Name, size: u32, ttl: bool) {
        with(|ways| {
            let times = u32::try_from(KEYS).expect("few");
            dispatch(ways, way, Work::Set, size, ttl, times);
        });
    }

    fn run(way: Name, work: Work, size: u32, ttl: bool, times: u32) -> u64 {
        with(|ways| dispatch(ways, way, work, size, ttl, times))
    }
}

fn dispatch(ways: &Ways, way: Name, work: Work, size: u32, ttl: bool, times: u32) -> u64 {
    match way {
        Name::Client => repeat(&ways.client, ways, work, size, ttl, times),
        Name::Plain => repeat(&Plain, ways, work, size, ttl, times),
        Name::InProcess => repeat(&ways.in_process, ways, work, size, ttl, times),
        Name::Keyvalue => repeat(&ways.keyvalue, ways, work, size, ttl, times),
    }
}

fn repeat(way: &impl Way, ways: &Ways, work: Work, size: u32, ttl: bool, times: u32) -> u64 {
    let ttl = ttl.then_some(TTL);
    let keys = if matches!(work, Work::GetAbsent) {
        &ways.absent
    } else {
        &ways.keys
    };
    let keys = keys.iter().cycle().take(times as usize);
    if matches!(work, Work::Set) {
        let value = vec![7; size as usize];
        for key in keys {
            way.set(black_box(key), black_box(&value), ttl);
        }
        return 0;
    }
    let mut sum = 0;
    for key in keys {
        let value = way.get(black_box(key));
        let value = black_box(value.as_deref());
        sum += value.map_or(0, |value| value.len() as u64);
    }
    sum
}
