//! Two threads that create, use, cancel, trap and drop maps at random, for
//! `LOCALMAP_SOAK_SECONDS` seconds, or 60 by default. At the end there must be no live map, and
//! no more memory in use than after the first part.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

use localmap::{
    CancelHandle, Error, Host, HostOptions, Limits, LocalMap, MapOptions, MapTerminated, Pinned,
    Policy, Profile, TerminationCause, Ttl,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The maximum number of maps that one thread has at a time.
const MAPS: usize = 24;

/// The tolerance for the memory of the process, in bytes: the allocator keeps some.
const TOLERANCE: u64 = 32 << 20;

#[derive(Default)]
struct Counts {
    created: u64,
    refused: u64,
    operations: u64,
    cancelled: u64,
    trapped: u64,
    dropped: u64,
}

/// A map, and the entries and pins that it should have.
struct Owned {
    map: LocalMap,
    known: BTreeMap<u8, Vec<u8>>,
    pins: Vec<(Pinned, Vec<u8>)>,
    /// `true` if its memory is too small for the largest value.
    little: bool,
}

impl Owned {
    /// Performs a random operation. Returns an error if the map has been terminated.
    fn step(&mut self, random: &mut fastrand::Rng) -> Result<(), Error> {
        let key = [random.u8(..32)];
        match random.u8(..10) {
            0..=3 => {
                let value = vec![random.u8(..); random.usize(..2000)];
                self.map.set(&key, &value, Ttl::Never)?;
                self.known.insert(key[0], value);
            }
            4..=6 => assert_eq!(self.map.get(&key)?.as_ref(), self.known.get(&key[0])),
            7 => {
                let was = self.map.delete(&key)?;
                assert_eq!(was, self.known.remove(&key[0]).is_some());
            }
            8 => match (self.map.pin(&key)?, self.known.get(&key[0])) {
                (Some(pin), Some(value)) => self.pins.push((pin, value.clone())),
                (None, None) => {}
                other => panic!("{other:?}"),
            },
            _ => {
                for (pin, value) in self.pins.drain(..) {
                    assert_eq!(self.map.pinned(&pin)?, value);
                }
                assert_eq!(self.map.len()?, self.known.len() as u64);
            }
        }
        Ok(())
    }

    /// Sets a value that does not fit, which makes the map trap.
    fn trap(&mut self) {
        let trapped = self.map.set(b"large", &[7; 1 << 20], Ttl::Never);
        let error = Error::from(trapped.expect_err("it has no room for it"));
        assert!(died(&error), "{error}");
    }
}

/// Returns `true` for the terminations that this test causes. Any other one is a defect.
fn died(error: &Error) -> bool {
    let Error::Terminated { source, .. } = error else {
        return false;
    };
    matches!(
        MapTerminated::cause(source),
        TerminationCause::Cancelled
            | TerminationCause::OutOfMemory { .. }
            | TerminationCause::Trap { .. }
    )
}

/// Runs one thread until the given time.
fn soak(host: &Host, until: Instant, seed: u64) -> Counts {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut counts = Counts::default();
    let mut maps: Vec<Owned> = Vec::new();
    let mut parent = CancelHandle::new();
    while Instant::now() < until {
        match random.u8(..100) {
            0..=9 => {
                let little = random.u8(..4) == 0;
                let mut options = MapOptions::new()
                    .limits(Limits::default().policy(Policy::S3Fifo))
                    .cancel_with(&parent);
                if little {
                    options = options.max_memory(768 << 10);
                }
                match host.map(&options) {
                    Ok(map) => {
                        counts.created += 1;
                        maps.push(Owned {
                            map,
                            known: BTreeMap::new(),
                            pins: Vec::new(),
                            little,
                        });
                    }
                    Err(_) => counts.refused += 1,
                }
            }
            10..=12 => {
                if let Some(owned) = maps.iter().find(|_| random.u8(..8) == 0) {
                    counts.cancelled += 1;
                    owned.map.cancel_handle().cancel();
                }
            }
            13..=14 => {
                let little = maps.iter_mut().find(|owned| owned.little);
                if let Some(owned) = little
                    && owned.map.memory() > 0
                {
                    counts.trapped += 1;
                    owned.trap();
                }
            }
            15 if random.u8(..20) == 0 => {
                // Cancel all maps from another thread, during their operations.
                counts.cancelled += maps.len() as u64;
                let cancel = std::mem::take(&mut parent);
                let canceller = std::thread::spawn(move || cancel.cancel());
                for owned in &mut maps {
                    while owned.step(&mut random).is_ok() {
                        counts.operations += 1;
                    }
                }
                canceller.join().expect("it ends");
            }
            _ => {}
        }
        if maps.len() > MAPS || (!maps.is_empty() && random.u8(..12) == 0) {
            counts.dropped += 1;
            maps.swap_remove(random.usize(..maps.len()));
        }
        for owned in &mut maps {
            counts.operations += 1;
            if let Err(error) = owned.step(&mut random) {
                assert!(died(&error), "{error}");
            }
        }
    }
    counts
}

/// Returns the resident memory of the process in bytes, or 0 if the system does not report it.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4096
}

/// Runs both threads, and checks that no map is left.
fn both(host: &Host, time: Duration, seed: u64) -> (Counts, u64) {
    let until = Instant::now() + time;
    let counts = std::thread::scope(|scope| {
        let threads = [seed, seed + 1].map(|seed| scope.spawn(move || soak(host, until, seed)));
        let mut sum = Counts::default();
        for thread in threads {
            let counts = thread.join().expect("it ends well");
            sum.created += counts.created;
            sum.refused += counts.refused;
            sum.operations += counts.operations;
            sum.cancelled += counts.cancelled;
            sum.trapped += counts.trapped;
            sum.dropped += counts.dropped;
        }
        sum
    });
    assert_eq!(host.live_maps(), 0, "all of them have ended");
    (counts, resident())
}

#[test]
fn maps_come_and_go_and_nothing_is_left() {
    let seconds = std::env::var("LOCALMAP_SOAK_SECONDS");
    let seconds = seconds.map_or(60, |text| text.parse().expect("a number of seconds"));
    let time = Duration::from_secs(seconds);
    let seed = fastrand::u64(..u64::MAX / 2);
    // Allow fewer maps than the threads want, so that some are refused.
    let places = u32::try_from(2 * MAPS - 4).expect("few");
    let options = HostOptions::new().profile(Profile::Churn).max_maps(places);
    let host = Host::with_options(&options).expect("a host");
    // One-time allocations, such as the first stacks and arenas, are done after a fifth.
    let (_, early) = both(&host, time / 5, seed);
    let (counts, late) = both(&host, time - time / 5, seed + 2);
    println!(
        "soak: seed {seed}, {seconds} s: {} maps created, {} refused, {} cancelled, {} trapped, \
         {} dropped, {} operations; resident {} KiB after a fifth, {} KiB at the end",
        counts.created,
        counts.refused,
        counts.cancelled,
        counts.trapped,
        counts.dropped,
        counts.operations,
        early >> 10,
        late >> 10,
    );
    for (what, count) in [
        ("created", counts.created),
        ("cancelled", counts.cancelled),
        ("trapped", counts.trapped),
        ("dropped", counts.dropped),
    ] {
        assert!(count > seconds / 10, "{what}: {count}");
    }
    assert!(
        late <= early + TOLERANCE,
        "{early} bytes resident after a fifth, {late} at the end"
    );
}
