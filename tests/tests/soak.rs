//! Two threads that create, use, cancel, trap and drop maps at random, for as long as
//! `LOCALMAP_SOAK_SECONDS` says, or a minute. At the end there is nothing left of them: no
//! live map, and no more memory than after the first part of it.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

use localmap::{
    CancelHandle, Error, Host, HostOptions, Limits, LocalMap, MapOptions, MapTerminated, Pinned,
    Policy, Profile, TerminationCause, Ttl,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The maps that one thread has at a time, at most.
const MAPS: usize = 24;

/// What the memory of the process may differ by, in bytes: the allocator keeps some.
const LEVEL: u64 = 32 << 20;

#[derive(Default)]
struct Counts {
    created: u64,
    refused: u64,
    operations: u64,
    cancelled: u64,
    trapped: u64,
    dropped: u64,
}

/// A map, what is in it, and how it may end.
struct Owned {
    map: LocalMap,
    known: BTreeMap<u8, Vec<u8>>,
    pins: Vec<(Pinned, Vec<u8>)>,
    /// Whether its memory is too small for its largest value.
    little: bool,
}

impl Owned {
    /// One operation; whether the map is alive after it.
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

    /// Gives it a value that does not fit.
    fn trap(&mut self) {
        let trapped = self.map.set(b"large", &[7; 1 << 20], Ttl::Never);
        let error = Error::from(trapped.expect_err("it has no room for it"));
        assert!(died(&error), "{error}");
    }
}

/// Whether that is how a map ends here: any other end is a defect.
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

/// What one thread does until then.
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
                // From another thread, all of them, whatever they are doing.
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

/// Resident memory of the process, in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4096
}

/// Both threads; then there is no map.
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
    // Fewer places than maps are wanted: some are refused.
    let places = u32::try_from(2 * MAPS - 4).expect("few");
    let options = HostOptions::new().profile(Profile::Churn).max_maps(places);
    let host = Host::with_options(&options).expect("a host");
    // What is once only, such as the first stacks and arenas, is had after a fifth.
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
        late <= early + LEVEL,
        "{early} bytes resident after a fifth, {late} at the end"
    );
}
