//! One thread that reads, and two at the same time, each on a core of its own: nanoseconds
//! of one read by the clock on the wall, of all threads together, so that two that do not
//! hinder each other need half. 1,000 entries of 64 bytes, without a TTL.
//!
//! Ours is for one thread: each thread has a map, in a store of its own, or natively. moka
//! and quick_cache are what they are made for: one cache that all share. The loop that
//! spins tells what the machine has to give.

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
    (Reads::Spin, "a spinning loop, ten iterations counted as a get"),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let cores = cores().len();
    let host = Host::new()?;
    let reads = if options.quick { 20_000 } else { 200_000 };
    for threads in [1, 2] {
        if cores < threads as usize {
            eprintln!("  {threads} threads are skipped: there are {cores} cores");
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

/// Nanoseconds of one read.
fn read(host: &Host, reads: Reads, count: u32, times: u32) -> Result<f64> {
    match reads {
        Reads::Native(system) => {
            threads(system, ENTRIES, VALUE, count, times).context("no such system for threads")
        }
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
                ensure!(found == times, "{found} of {times} were found");
                Ok(())
            })
        }),
    }
}

/// Starts threads which make what they need, and then do `times` at the same time.
fn together<F: FnMut(u32) -> Result<()>>(
    count: u32,
    times: u32,
    make: impl Fn() -> Result<F> + Sync,
) -> Result<f64> {
    let ready = Barrier::new(count as usize);
    // The thread that measures is kept on one core, and those it starts with it.
    let run = |number: u32| -> Result<(u64, u64)> {
        if let Some(core) = cores().get(number as usize) {
            core_affinity::set_for_current(*core);
        }
        let made = make();
        // Whoever fails does not keep the others waiting.
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
