//! Threads that read at the same time, all from one cache if it is made for that, or each from
//! its own map.

use crate::clock::{Cell, System as SystemClock};
use crate::ours::Ours;
use crate::peers::Moka;
use crate::quick::QuickSync;
use bench_loops::{Loops, Plan, Runner, System, Work};
use core_affinity::CoreId;
use std::sync::Barrier;
use std::time::Instant;

/// Returns the wall-clock nanoseconds of one read, over all threads together, or `None` if no
/// system has this number.
pub(crate) fn read(
    system: u32,
    entries: u32,
    value_len: usize,
    threads: u32,
    cores: &[usize],
    reads: u32,
) -> Option<f64> {
    let plan = Plan {
        capacity: 2 * entries as usize,
        value_len,
        ttl: false,
    };
    match system {
        0 => time(
            || Ours::<Cell>::new(plan),
            plan,
            entries,
            threads,
            cores,
            reads,
        ),
        6 => {
            let shared = Moka::new(plan);
            time(|| shared.clone(), plan, entries, threads, cores, reads)
        }
        10 => {
            let shared = QuickSync::<SystemClock>::new(plan);
            time(|| shared.clone(), plan, entries, threads, cores, reads)
        }
        _ => None,
    }
}

fn time<S: System + 'static>(
    map: impl Fn() -> S + Sync,
    plan: Plan,
    entries: u32,
    threads: u32,
    cores: &[usize],
    reads: u32,
) -> Option<f64> {
    let ready = Barrier::new(threads as usize);
    // The measuring thread is pinned to one core, and the threads that it starts inherit that.
    let cores: Vec<CoreId> = cores.iter().map(|&id| CoreId { id }).collect();
    let run = &|core: Option<CoreId>| {
        if let Some(core) = core {
            core_affinity::set_for_current(core);
        }
        let mut loops: Box<dyn Runner> = Loops::boxed(map(), plan);
        loops.run(Work::Insert as u32, entries);
        loops.run(Work::Get as u32, reads / 4);
        ready.wait();
        let start = Instant::now();
        let found = loops.run(Work::Get as u32, reads);
        (found == reads).then_some((start, Instant::now()))
    };
    let times: Option<Vec<_>> = std::thread::scope(|scope| {
        let start = |number: u32| {
            let core = cores.get(number as usize % cores.len().max(1)).copied();
            scope.spawn(move || run(core))
        };
        let all: Vec<_> = (0..threads).map(start).collect();
        all.into_iter().map(|one| one.join().ok()?).collect()
    });
    let times = times?;
    let start = times.iter().map(|(start, _)| start).min()?;
    let end = times.iter().map(|(_, end)| end).max()?;
    let nanos = end.duration_since(*start).as_nanos() as f64;
    Some(nanos / f64::from(threads) / f64::from(reads))
}
