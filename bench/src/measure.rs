//! How time is taken: on one core, in turns, medians of rounds.

use core_affinity::CoreId;
use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;

/// Nanoseconds since some instant.
#[cfg(feature = "guests")]
pub(crate) type Clock = fn() -> u64;

/// Keeps this thread on one core, where the system lets us: the last, or the one with
/// this number.
pub(crate) fn pin(core: Option<usize>) {
    let wanted = match core {
        None => cores().last(),
        Some(id) => cores().iter().find(|core| core.id == id),
    };
    if !wanted.is_some_and(|&core| core_affinity::set_for_current(core)) {
        eprintln!("this thread cannot be kept on one core: figures will vary more");
    }
}

/// The cores that there are for us: all that there were before [`pin`].
pub(crate) fn cores() -> &'static [CoreId] {
    static CORES: OnceLock<Vec<CoreId>> = OnceLock::new();
    CORES.get_or_init(|| core_affinity::get_core_ids().unwrap_or_default())
}

/// Nanoseconds that this thread has run. What others do meanwhile does not count, but
/// for what they leave in the caches.
pub(crate) fn nanos() -> u64 {
    read(ClockId::ThreadCPUTime)
}

/// Nanoseconds of the clock on the wall: for what waits for others.
#[cfg(feature = "guests")]
pub(crate) fn wall() -> u64 {
    read(ClockId::Monotonic)
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Neither is negative, and 2^64 nanoseconds are 584 years.
    #[expect(clippy::cast_sign_loss)]
    {
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
}

/// What systems took for the same work, in nanoseconds for each operation.
pub(crate) struct Times {
    /// For each system a time for each round, and those of the first in the same rounds.
    systems: Vec<(Vec<f64>, Vec<f64>)>,
}

/// The median of one system.
pub(crate) struct Median {
    pub(crate) nanos: f64,
    /// Half of the distance between the quartiles, in parts of the median.
    pub(crate) spread: f64,
    /// The median of the ratios of each round to the first system.
    pub(crate) ratio: f64,
}

impl Times {
    /// Lets `systems` take turns for so many rounds; `time(system)` gives the
    /// nanoseconds of one operation.
    pub(crate) fn take<E>(
        systems: usize,
        rounds: u32,
        mut time: impl FnMut(usize) -> Result<f64, E>,
    ) -> Result<Self, E> {
        let mut times = vec![Vec::new(); systems];
        for round in 0..rounds as usize {
            // Each goes first now and then: what ran before leaves its traces.
            for turn in 0..systems {
                let system = (turn + round) % systems;
                times[system].push(time(system)?);
            }
        }
        let first = times.first().cloned().unwrap_or_default();
        let beside = |times| (times, first.clone());
        Ok(Self {
            systems: times.into_iter().map(beside).collect(),
        })
    }

    /// Of pairs in which the first system took turns with one of the others at a time.
    #[cfg(feature = "guests")]
    pub(crate) fn of_pairs(pairs: Vec<Self>) -> Self {
        let firsts = pairs.iter().filter_map(|pair| pair.systems.first());
        let first: Vec<f64> = firsts.flat_map(|(times, _)| times).copied().collect();
        let others = pairs
            .into_iter()
            .flat_map(|pair| pair.systems.into_iter().skip(1));
        Self {
            systems: std::iter::once((first.clone(), first))
                .chain(others)
                .collect(),
        }
    }

    /// The medians, in the order of the systems.
    pub(crate) fn medians(&self) -> Vec<Median> {
        self.systems
            .iter()
            .map(|(times, first)| {
                let nanos = quantile(times, 0.5);
                let ratios: Vec<f64> = times
                    .iter()
                    .zip(first)
                    .map(|(theirs, first)| theirs / first)
                    .collect();
                Median {
                    nanos,
                    spread: (quantile(times, 0.75) - quantile(times, 0.25)) / 2.0 / nanos,
                    ratio: quantile(&ratios, 0.5),
                }
            })
            .collect()
    }
}

/// The value under which the part `at` of `values` lies.
pub(crate) fn quantile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // As exact as the number of rounds allows.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let index = ((sorted.len() - 1) as f64 * at).round() as usize;
    sorted[index]
}
