//! The two ways into the map: the host library calls its core module, and Wasmtime's component API
//! calls the component around it. The bytes are the same, and so must be each answer.

mod arguments;

use super::blocks::raw::{Compiled, Map, Way};
use super::vectors::component::Component;
use arguments::Arguments;
use localmap::wasmtime::component::ResourceAny;
use localmap::{Host, Pinned};
use localmap_engine::{Limits, MAX_CHANGES, Stats};
use localmap_tests::vectors::{self, Entry, Subject};
use std::fmt::Debug;

/// The memory of a map, which the host library gives to a map by default.
const MEMORY: usize = 64 << 20;

/// The number of calls of each map.
const CALLS: usize = 400;

/// The same map in both ways.
struct Both {
    core: Component,
    layer: Map,
    pins: Vec<(Pinned, ResourceAny)>,
    now: u64,
    arguments: Arguments,
    /// The number of batches that the host library rejected without a call, because they have too
    /// many changes.
    rejected: u64,
    /// Describes the current call.
    call: String,
}

/// Makes a call in both ways, and compares the answers.
macro_rules! both {
    ($both:ident, $name:literal $arguments:expr, |$map:ident| $call:expr) => {{
        $both.call = format!("{} {:?}", $name, $arguments);
        let core = {
            let $map = &mut $both.core;
            $call
        };
        let layer = {
            let $map = &mut $both.layer;
            $call
        };
        $both.compare(&core, &layer);
        core
    }};
}

impl Both {
    fn new(host: &Host, compiled: &Compiled, seed: u64) -> Self {
        let mut both = Self {
            core: Component::new(host),
            layer: Map::new(compiled, MEMORY).expect("a map"),
            pins: Vec::new(),
            now: 0,
            arguments: Arguments::new(seed),
            rejected: 0,
            call: String::new(),
        };
        both.configure();
        both
    }

    fn compare<R: PartialEq + Debug>(&self, core: &R, layer: &R) {
        assert!(
            core == layer,
            "seed {}: {}\ncore module: {core:?}\ncomponent:   {layer:?}",
            self.arguments.seed,
            self.call
        );
    }

    /// Makes a random call.
    fn step(&mut self) {
        self.arguments.next_call();
        match self.arguments.below(26) {
            0..4 => self.set(),
            4 | 5 => self.set_if(),
            6 | 7 => self.increment(),
            8 => self.touch(),
            9 => {
                let key = self.arguments.key();
                both!(self, "take" key, |map| map.take(&key));
            }
            10 => {
                let key = self.arguments.key();
                both!(self, "delete" key, |map| map.delete(&key));
            }
            11 => self.delete_if(),
            12 | 13 => self.apply(),
            14 => self.get_many(),
            15 | 16 => self.read(),
            17 => self.pin(),
            18 => self.pinned(),
            19 => self.scan(),
            20 => self.clock(),
            21 => {
                both!(self, "len"(), |map| map.len());
                self.stats();
            }
            22 => {
                let max = self.arguments.below(9);
                both!(self, "sweep" max, |map| map.sweep(max));
            }
            23 => self.changes(),
            24 => {
                let keys = self.arguments.keys();
                let keys = &keys[..keys.len().min(256)];
                both!(self, "peek" keys, |map| map.peek(keys));
            }
            _ => match self.arguments.below(8) {
                0 => both!(self, "clear"(), |map| map.clear()),
                _ => self.configure(),
            },
        }
    }

    fn stats(&mut self) {
        self.call = "stats".into();
        let (core, layer) = (self.core.stats(), self.layer.stats());
        // The size of the tables depends on the seed.
        let comparable = |stats: Stats, rejected| Stats {
            overhead: 0,
            bytes: stats.bytes - stats.overhead,
            high_water: 0,
            refused: stats.refused + rejected,
            ..stats
        };
        self.compare(&comparable(core, self.rejected), &comparable(layer, 0));
    }

    fn set(&mut self) {
        let (key, ttl) = (self.arguments.key(), self.arguments.ttl());
        let value = self.arguments.value();
        both!(self, "set"(&key, value.len(), ttl), |map| map
            .set(&key, &value, ttl))
        .ok();
    }

    fn set_if(&mut self) {
        let (key, ttl) = (self.arguments.key(), self.arguments.ttl());
        let (value, condition) = (self.arguments.value(), self.arguments.condition());
        let answer = both!(self, "set-if"(&key, value.len(), ttl, condition), |map| {
            map.set_if(&key, &value, ttl, condition)
        });
        answer.ok();
    }

    fn increment(&mut self) {
        let (key, ttl, delta) = (
            self.arguments.key(),
            self.arguments.ttl(),
            self.arguments.delta(),
        );
        both!(self, "increment"(&key, delta, ttl), |map| map
            .increment(&key, delta, ttl))
        .ok();
    }

    fn touch(&mut self) {
        let (key, ttl) = (self.arguments.key(), self.arguments.ttl());
        both!(self, "touch"(&key, ttl), |map| map.touch(&key, ttl)).ok();
    }

    fn delete_if(&mut self) {
        let (key, version) = (self.arguments.key(), self.arguments.version());
        both!(self, "delete-if"(&key, version), |map| map
            .delete_if(&key, version))
        .ok();
    }

    fn apply(&mut self) {
        let batch = self.arguments.batch();
        let changes: Vec<_> = batch.iter().map(arguments::Change::view).collect();
        both!(self, "apply" batch, |map| map.apply(&changes)).ok();
        self.rejected += u64::from(batch.len() > MAX_CHANGES);
    }

    /// Reads all values, although a call of the component may return only the first of them.
    fn get_many(&mut self) {
        fn all(map: &mut impl Subject, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
            let mut values = Vec::new();
            while values.len() < keys.len() {
                let rest = &keys[values.len()..];
                let found = map.get_many(&rest[..rest.len().min(256)]);
                assert!(!found.is_empty(), "a call makes progress");
                values.extend(found);
            }
            values
        }
        let keys = self.arguments.keys();
        both!(self, "get-many" keys, |map| all(map, &keys));
    }

    fn read(&mut self) {
        let key = self.arguments.key();
        both!(self, "get" key, |map| map.get(&key));
        both!(self, "get-entry" key, |map| map.get_entry(&key));
        both!(self, "contains" key, |map| map.contains(&key));
    }

    /// Asks for the changes, or begins or ends the list of them.
    fn changes(&mut self) {
        if self.arguments.below(4) > 0 {
            both!(self, "changes"(), |map| map.changes());
            return;
        }
        let max = [0, 100, 5000, u32::MAX][self.arguments.below(4) as usize];
        both!(self, "watch" max, |map| map.watch(max));
    }

    fn pin(&mut self) {
        let key = self.arguments.key();
        self.call = format!("pin {key:?}");
        match (self.core.pin(&key), self.layer.pin(&key)) {
            (Ok(Some(core)), Ok(Some(layer))) => self.pins.push((core, layer)),
            (core, layer) => self.compare(
                &core.map(|pin| pin.is_some()),
                &layer.map(|pin| pin.is_some()),
            ),
        }
    }

    /// Reads a pin, and drops it or keeps it.
    fn pinned(&mut self) {
        let Some(pins) = u32::try_from(self.pins.len()).ok().filter(|len| *len > 0) else {
            return;
        };
        let pin = self.arguments.below(pins);
        let (core, layer) = self.pins.swap_remove(pin as usize);
        self.call = format!("pinned {pin}");
        let found = (self.core.pinned(&core), self.layer.pinned(&layer));
        self.compare(&found.0, &found.1);
        if self.arguments.below(2) == 0 {
            self.core.unpin(core);
            self.layer.unpin(layer);
        } else {
            self.pins.push((core, layer));
        }
    }

    /// Reads all pages. Their order depends on the seed of the map.
    fn scan(&mut self) {
        fn all(map: &mut impl Subject, prefix: &[u8], limit: u32) -> Vec<(Vec<u8>, Entry)> {
            let (mut found, mut cursor) = (Vec::new(), 0);
            loop {
                let page = map.scan(prefix, cursor, limit);
                found.extend(page.entries);
                match page.next {
                    Some(next) => cursor = next,
                    None => break,
                }
            }
            found.sort();
            found
        }
        let (prefix, limit) = (self.arguments.prefix(), self.arguments.below(40));
        both!(self, "scan"(&prefix, limit), |map| all(map, &prefix, limit));
    }

    fn clock(&mut self) {
        self.now = self.arguments.time_after(self.now);
        self.core.set_clock(self.now);
        self.layer.set_clock(self.now);
    }

    fn configure(&mut self) {
        let before = both!(self, "limits"(), |map| map.limits());
        let limits: Limits = self.arguments.limits(before);
        both!(self, "configure" limits, |map| map.configure(limits.clone())).ok();
        both!(self, "limits"(), |map| map.limits());
    }
}

#[test]
fn vectors() {
    let compiled = Compiled::new(Way::Plain).expect("it compiles");
    let mut faults = String::new();
    for (file, script) in vectors::host_files().expect("the folder of the vectors") {
        let new = || Map::new(&compiled, MEMORY).expect("a map");
        match vectors::run(&file, &script, new) {
            Ok(compared) => assert!(compared > 0, "{file} compares nothing"),
            Err(fault) => faults += &fault,
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

/// Makes the same random calls in both ways. `LOCALMAP_BOTH_WAYS_MAPS` sets the number of maps, and
/// `LOCALMAP_BOTH_WAYS_SEED` the seed of the first one.
#[test]
fn random_calls_have_the_same_answers() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let maps = number("LOCALMAP_BOTH_WAYS_MAPS").unwrap_or(40);
    let first = number("LOCALMAP_BOTH_WAYS_SEED").unwrap_or(0);
    let host = Host::new().expect("a host");
    let compiled = Compiled::new(Way::Plain).expect("it compiles");
    for seed in first..first + maps {
        let mut both = Both::new(&host, &compiled, seed);
        for _ in 0..CALLS {
            both.step();
        }
    }
}
