//! Measures time: on one core, alternating between the systems, as medians of rounds.

use core_affinity::CoreId;
use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;

/// Returns nanoseconds since some instant.
#[cfg(feature = "guests")]
pub(crate) type Clock = fn() -> u64;

/// Pins this thread to one core, if the system allows it: to the one with this number, or to
/// the last.
pub(crate) fn pin(core: Option<usize>) {
    let wanted = match core {
        None => cores().last(),
        Some(id) => cores().iter().find(|core| core.id == id),
    };
    if !wanted.is_some_and(|&core| core_affinity::set_for_current(core)) {
        eprintln!("cannot pin this thread to one core: figures will vary more");
    }
}

/// Returns the cores available to this process, as they were before [`pin`].
pub(crate) fn cores() -> &'static [CoreId] {
    static CORES: OnceLock<Vec<CoreId>> = OnceLock::new();
    CORES.get_or_init(|| core_affinity::get_core_ids().unwrap_or_default())
}

/// Lets this thread, and the threads and programs that it starts in `work`, run on all cores.
#[cfg(feature = "guests")]
pub(crate) fn on_all_cores<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let before = sched_getaffinity(None);
        let mut all = CpuSet::new();
        cores().iter().for_each(|core| all.set(core.id));
        if sched_setaffinity(None, &all).is_err() {
            eprintln!("cannot use all cores: servers will be slower");
        }
        let result = work();
        if let Ok(before) = before {
            // It was set before.
            let _ = sched_setaffinity(None, &before);
        }
        result
    }
    // Elsewhere, programs do not inherit the core of a thread.
    #[cfg(not(target_os = "linux"))]
    work()
}

/// Returns the CPU time of this thread in nanoseconds. It excludes other threads, except for
/// what they do to the CPU caches.
pub(crate) fn nanos() -> u64 {
    read(ClockId::ThreadCPUTime)
}

/// Returns wall-clock nanoseconds, for work that waits for other threads.
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

/// The times of several systems for the same work, in nanoseconds per operation.
pub(crate) struct Times {
    /// For each system, its time in each round, and the time of the first system in that round.
    systems: Vec<(Vec<f64>, Vec<f64>)>,
}

/// The median of one system.
pub(crate) struct Median {
    pub(crate) nanos: f64,
    /// Half the interquartile range, as a fraction of the median.
    pub(crate) spread: f64,
    /// The median over the rounds of the ratio to the first system.
    pub(crate) ratio: f64,
}

impl Times {
    /// Lets `systems` take turns for `rounds` rounds; `time(system)` returns the nanoseconds of
    /// one operation.
    pub(crate) fn take<E>(
        systems: usize,
        rounds: u32,
        mut time: impl FnMut(usize) -> Result<f64, E>,
    ) -> Result<Self, E> {
        let mut times = vec![Vec::new(); systems];
        for round in 0..rounds as usize {
            // Rotate the order, because a system influences the one after it.
            for turn in 0..systems {
                let system = (turn + round) % systems;
                times[system].push(time(system)?);
            }
        }
        Ok(Self::of(times))
    }

    /// Combines the figures of systems that took turns, those of each in the order of the rounds.
    pub(crate) fn of(systems: Vec<Vec<f64>>) -> Self {
        let first = systems.first().cloned().unwrap_or_default();
        let with_first = |times| (times, first.clone());
        Self {
            systems: systems.into_iter().map(with_first).collect(),
        }
    }

    /// Combines pairs in which the first system took turns with one other system each.
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

    /// Returns the medians, in the order of the systems.
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

/// Returns the quantile `at` of `values`.
pub(crate) fn quantile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // As exact as the number of rounds allows.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let index = ((sorted.len() - 1) as f64 * at).round() as usize;
    sorted[index]
}
