//! A fuzzer of lying maps: core modules whose answers are almost right. Each operation must return a
//! value or an error of the contract, or terminate the map, in bounded time and memory. It must never
//! panic, and other maps of the same host stay as they are.

mod layer;
mod operations;
mod script;

use super::honest::with_honest_maps;
use super::make::{Lies, lying_map};
use localmap::{
    CreateError, Host, HostOptions, LocalMap, MapOptions, MapTerminated, TerminationCause,
};
use operations::{Operations, Reply};
use script::Script;
use std::time::{Duration, Instant};

/// The number of operations of a map that does not terminate before.
const OPERATIONS: u32 = 60;

/// The memory of a map.
const MEMORY: usize = 4 << 20;

/// The number of bytes that a call may pass to the host.
const FUEL: usize = 1 << 20;

/// The number of maps between checks of honest ones, unless the time is up.
const MAPS: u64 = 500;

/// What the operations returned.
#[derive(Debug, Default)]
struct Tally {
    maps: u64,
    not_created: u64,
    operations: u64,
    values: u64,
    contract_errors: u64,
    faults: u64,
    traps: u64,
    out_of_memory: u64,
    timed_out: u64,
    /// The longest operation.
    longest: Duration,
}

impl Tally {
    fn terminated(&mut self, terminated: &MapTerminated) {
        match terminated.cause() {
            TerminationCause::Fault { .. } => self.faults += 1,
            TerminationCause::Trap { .. } => self.traps += 1,
            TerminationCause::OutOfMemory { .. } => self.out_of_memory += 1,
            TerminationCause::TimedOut { .. } => self.timed_out += 1,
            other => panic!("a map cannot do this: {other:?}"),
        }
    }

    /// Asserts that the lies reach everything that they should.
    fn check(&self) {
        let reached = [
            self.not_created,
            self.values,
            self.contract_errors,
            self.faults,
            self.traps,
        ];
        assert!(reached.iter().all(|count| *count > 20), "{self:?}");
        assert!(
            self.values > self.faults,
            "most answers are right: {self:?}"
        );
    }
}

fn options(script: &Script) -> MapOptions {
    MapOptions::new()
        .clock(script.clone())
        .call_timeout(Duration::from_millis(30))
        .max_memory(MEMORY)
        .hostcall_fuel(FUEL)
        .max_handles(32)
}

/// A host of lying maps, and one of them that answers the same at all times.
struct Liars {
    host: Host,
    witness: LocalMap,
}

impl Liars {
    fn new(lies: Lies) -> Self {
        let host = Host::with_component(&lying_map(lies), &HostOptions::new().max_maps(2));
        let host = host.expect("it fits the contract");
        let patient = options(&Script::honest()).call_timeout(Duration::from_secs(10));
        let witness = host.map(&patient).expect("it starts");
        Self { host, witness }
    }

    /// Creates a map and calls it until it terminates.
    fn lie(&mut self, seed: u64, tally: &mut Tally) {
        tally.maps += 1;
        let script = Script::new(seed);
        match self.host.map(&options(&script)) {
            Ok(map) => {
                let mut operations = Operations::new(map, &script, seed);
                for _ in 0..OPERATIONS {
                    let start = Instant::now();
                    let reply = operations.next();
                    let took = start.elapsed();
                    assert!(took < Duration::from_secs(10), "seed {seed}: {took:?}");
                    tally.longest = tally.longest.max(took);
                    tally.operations += 1;
                    match reply {
                        Reply::Bytes(bytes) => {
                            tally.values += 1;
                            assert!(bytes <= 4 * FUEL, "seed {seed}: {bytes} bytes");
                        }
                        Reply::ContractError => tally.contract_errors += 1,
                        Reply::Terminated(terminated) => {
                            tally.terminated(&terminated);
                            assert!(operations.is_terminated(), "seed {seed}");
                            break;
                        }
                    }
                }
            }
            Err(
                CreateError::Limits { .. }
                | CreateError::Trapped { .. }
                | CreateError::TimedOut { .. },
            ) => tally.not_created += 1,
            Err(other) => panic!("seed {seed}: {other}"),
        }
        assert_eq!(self.host.live_maps(), 1, "seed {seed}: only the witness");
        self.witness();
    }

    /// Asserts that the other map is as it was, with the key of its last call in its memory.
    fn witness(&mut self) {
        assert_eq!(self.witness.len().expect("alive"), 1024 << 32 | 1024);
        assert!(self.witness.contains(b"k").expect("alive"));
        let stats = self.witness.stats().expect("alive");
        assert_eq!((stats.entries, stats.bytes), (u64::from(b'k'), 0));
    }
}

/// The length of a run. `LOCALMAP_LIES_SECONDS` sets its duration, and `LOCALMAP_LIES_SEED` the seed
/// of its first map.
struct Run {
    first: u64,
    end: Option<Instant>,
}

impl Run {
    fn new() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let seconds = number("LOCALMAP_LIES_SECONDS");
        Self {
            first: number("LOCALMAP_LIES_SEED").unwrap_or(0),
            end: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        }
    }

    /// Returns `true` if the time is up, or was not set.
    fn is_over(&self) -> bool {
        self.end.is_none_or(|end| Instant::now() >= end)
    }
}

#[test]
fn lies() {
    let run = Run::new();
    let mut seed = run.first;
    let mut tally = Tally::default();
    let mut liars = [Liars::new(Lies::All), Liars::new(Lies::Contract)];
    loop {
        with_honest_maps(|| {
            let start = Instant::now();
            for _ in 0..MAPS {
                for liars in &mut liars {
                    liars.lie(seed, &mut tally);
                }
                seed += 1;
                if run.end.is_some() && start.elapsed() > Duration::from_secs(5) {
                    break;
                }
            }
        });
        if run.is_over() {
            break;
        }
    }
    println!("up to seed {seed}: {tally:?}");
    tally.check();
}
