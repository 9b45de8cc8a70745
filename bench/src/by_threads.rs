//! Reads by one thread, and by two at the same time, each on its own core. The figure is the
//! wall-clock time divided by the reads of all threads, so that two threads that do not
//! hinder each other take half of the time. Maps have 1,000 entries of 64 bytes without a TTL.
//!
//! A localmap map belongs to one thread, so each thread has its own, in its own store or
//! natively. moka and quick_cache are used as they are meant to be, one cache shared by all
//! threads. The spinning loop shows how far the machine itself scales.

use crate::Options;
use crate::curves::GET_BY_THREADS;
use crate::hosted;
use crate::measure::{Times, cores, wall};
use crate::report::{Report, Row};
use crate::subject::{System, Work, threads};
use anyhow::{Context, Result, anyhow, ensure};
use bench_loops::Plan;
use localmap::Host;
use std::hint::black_box;
use std::sync::Barrier;

const ENTRIES: u32 = 1_000;
const VALUE: u32 = 64;

#[derive(Clone, Copy)]
enum Reads {
    Hosted,
    Native(System),
    Spin,
}

const SYSTEMS: [(Reads, &str); 5] = [
    (Reads::Hosted, "localmap, a map each, the host calls"),
    (Reads::Native(System::Ours), "localmap, a map each, native"),
    (Reads::Native(System::Moka), "moka sync, one cache, native"),
    (
        Reads::Native(System::QuickSyncSystemClock),
        "quick_cache sync, one cache, native",
    ),
    (
        Reads::Spin,
        "a spinning loop, ten iterations counted as a get",
    ),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let cores = cores().len();
    let host = Host::new()?;
    let reads = if options.quick { 20_000 } else { 200_000 };
    for threads in [1, 2] {
        if cores < threads as usize {
            eprintln!("  skipping {threads} threads: this machine has {cores} cores");
            for (_, name) in SYSTEMS {
                report.add(Row {
                    entries: threads.into(),
                    ..Row::new(GET_BY_THREADS.into(), name.into(), "ns", f64::NAN)
                });
            }
            continue;
        }
        let times = Times::take(SYSTEMS.len(), options.rounds(), |at| {
            read(&host, SYSTEMS[at].0, threads, reads)
        })?;
        for ((_, name), median) in SYSTEMS.into_iter().zip(times.medians()) {
            report.add(Row::time(
                GET_BY_THREADS,
                VALUE,
                threads,
                name.into(),
                &median,
            ));
        }
    }
    Ok(())
}

/// Returns the nanoseconds of one read.
fn read(host: &Host, reads: Reads, count: u32, times: u32) -> Result<f64> {
    match reads {
        Reads::Native(system) => threads(system, ENTRIES, VALUE, count, times)
            .context("this system cannot be shared by threads"),
        Reads::Spin => together(count, times, || {
            Ok(|times: u32| {
                for number in 0..u64::from(times) * 10 {
                    black_box(number);
                }
                Ok(())
            })
        }),
        Reads::Hosted => together(count, times, || {
            let plan = Plan {
                capacity: 2 * ENTRIES as usize,
                value_len: VALUE as usize,
                ttl: false,
            };
            let mut map = hosted::make(host, plan)?;
            map.run(Work::Insert as u32, ENTRIES);
            Ok(move |times: u32| {
                let found = map.run(Work::Get as u32, times);
                ensure!(found == times, "found {found} of {times} keys");
                Ok(())
            })
        }),
    }
}

/// Starts threads that each call `make`, and then run its result `times` times simultaneously.
pub(crate) fn together<F: FnMut(u32) -> Result<()>>(
    count: u32,
    times: u32,
    make: impl Fn() -> Result<F> + Sync,
) -> Result<f64> {
    let ready = Barrier::new(count as usize);
    // The measuring thread is pinned to one core, and the threads that it starts inherit that.
    let run = |number: u32| -> Result<(u64, u64)> {
        if let Some(core) = cores().get(number as usize) {
            core_affinity::set_for_current(*core);
        }
        let made = make();
        // A thread that failed must not keep the others waiting.
        ready.wait();
        let mut work = made?;
        work(times / 4)?;
        let start = wall();
        work(times)?;
        Ok((start, wall()))
    };
    let run = &run;
    let spans: Result<Vec<_>> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..count)
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        all.into_iter()
            .map(|one| one.join().map_err(|_| anyhow!("a thread panicked"))?)
            .collect()
    });
    let spans = spans?;
    let start = spans.iter().map(|span| span.0).min().unwrap_or(0);
    let end = spans.iter().map(|span| span.1).max().unwrap_or(0);
    Ok((end - start) as f64 / f64::from(count) / f64::from(times))
}
