//! Reads of a snapshot, and its publication, next to maps that a program would share by hand.
//!
//! All threads read the same 1,000 entries of 64 bytes, with keys of 16, and look at the values in
//! place. As in the group `by-threads`, a figure is the wall-clock time divided by the reads of all
//! threads. All peers have the same hash function and read the system's clock for entries with a
//! TTL; those without TTLs store a deadline with each value, and compare it. Only a snapshot, and the
//! map that is published by hand, show all threads the same state. The others can change at any
//! time, without a publication.
//!
//! A publication copies all entries: out of the sandbox for localmap, and from another map of the
//! host by hand. No read allocates; `tests/tests/embed/snapshot/allocations.rs` counts that.

mod peers;

use crate::Options;
use crate::by_threads::together;
use crate::measure::{Times, cores, nanos};
use crate::report::{Report, Row};
use crate::subject::Work;
use anyhow::{Result, ensure};
use bench_loops::{Keys, Loops, Plan, TTL};
use localmap::{Host, Limits, LocalMap, MapOptions, Ttl};
use peers::{ByHand, Locked, Moka, Ours, Papaya, Reader, Shared};
use std::time::Duration;

const ENTRIES: u32 = 1_000;
const VALUE: u32 = 64;

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let host = Host::new()?;
    for ttl in [false, true] {
        reads(options, report, &host, ttl)?;
    }
    for entries in [ENTRIES, 100_000] {
        publications(options, report, &host, entries)?;
    }
    Ok(())
}

fn plan(ttl: bool) -> Plan {
    Plan {
        capacity: 2 * ENTRIES as usize,
        value_len: VALUE as usize,
        ttl,
    }
}

/// Creates a map with these entries.
fn filled(host: &Host, entries: u32, ttl: bool) -> Result<LocalMap> {
    let limits = Limits::default().max_bytes(128 << 20);
    let mut map = host.map(&MapOptions::new().limits(limits))?;
    let ttl = match ttl {
        true => Ttl::After(Duration::from_nanos(TTL)),
        false => Ttl::Never,
    };
    let mut keys = Keys::new(VALUE as usize);
    for number in 0..entries {
        let (key, value) = keys.pair(number.into());
        map.set(key, value, ttl)?;
    }
    Ok(map)
}

fn reads(options: &Options, report: &mut Report, host: &Host, ttl: bool) -> Result<()> {
    let mut map = filled(host, ENTRIES, ttl)?;
    let plan = plan(ttl);
    let ours = Ours(map.snapshot()?);
    let by_hand = ByHand::new(plan, ENTRIES);
    let locked = Locked::new(plan, ENTRIES);
    let papaya = Papaya::new(plan, ENTRIES);
    let moka = Moka::new(plan, ENTRIES);
    let moka_label = match ttl {
        true => "moka sync (time_to_live, own clock, counted references)",
        false => "moka sync (no TTL, counted references)",
    };
    type Read<'a> = &'a dyn Fn(u32, u32) -> Result<f64>;
    let systems: [(&str, Read<'_>); 5] = [
        ("localmap, snapshot", &|threads, count| {
            read(&ours, plan, threads, count)
        }),
        (
            "arc-swap and a hashbrown map (deadline compared)",
            &|threads, count| read(&by_hand, plan, threads, count),
        ),
        (
            "RwLock and a HashMap of std (deadline compared)",
            &|threads, count| read(&locked, plan, threads, count),
        ),
        ("papaya (deadline compared)", &|threads, count| {
            read(&papaya, plan, threads, count)
        }),
        (moka_label, &|threads, count| {
            read(&moka, plan, threads, count)
        }),
    ];
    let count = if options.quick { 100_000 } else { 500_000 };
    for threads in [1, 2] {
        let work = work(threads, ttl);
        if cores().len() < threads as usize {
            eprintln!("  skipping {threads} threads: too few cores");
            for (name, _) in systems {
                report.add(Row {
                    size: VALUE,
                    entries: ENTRIES.into(),
                    ..Row::new(work.clone(), name.into(), "ns", f64::NAN)
                });
            }
            continue;
        }
        let times = Times::take(systems.len(), 2 * options.rounds(), |at| {
            systems[at].1(threads, count)
        })?;
        for ((name, _), median) in systems.iter().zip(times.medians()) {
            report.add(Row::time(&work, VALUE, ENTRIES, (*name).into(), &median));
        }
    }
    Ok(())
}

fn work(threads: u32, ttl: bool) -> String {
    let threads = match threads {
        1 => "one thread",
        _ => "two threads",
    };
    let ttl = if ttl { ", with a TTL" } else { "" };
    format!("read of a snapshot{ttl}, {threads}")
}

/// Returns the nanoseconds of one read of a map that `threads` threads share.
fn read<S: Shared>(shared: &S, plan: Plan, threads: u32, count: u32) -> Result<f64> {
    together(threads, count, || {
        let mut loops = Loops::boxed(Reader(shared.clone()), plan);
        // The entries are there; this tells the loops how many.
        loops.run(Work::Insert as u32, ENTRIES);
        Ok(move |times: u32| {
            let found = loops.run(Work::GetInPlace as u32, times);
            ensure!(found == times, "found {found} of {times} keys");
            Ok(())
        })
    })
}

fn publications(options: &Options, report: &mut Report, host: &Host, entries: u32) -> Result<()> {
    const WORK: &str = "publish all entries";
    let mut map = filled(host, entries, true)?;
    // Without a reader, nothing is copied.
    let reader = map.snapshot()?;
    let by_hand = ByHand::new(plan(true), entries);
    let source = by_hand.entries();
    let systems = [
        "localmap, publish (copied out of the sandbox)",
        "arc-swap and a hashbrown map, cloned and stored",
    ];
    let count = (100_000 / entries).max(1);
    let times = Times::take(systems.len(), 2 * options.rounds(), |at| {
        let start = nanos();
        for _ in 0..count {
            match at {
                0 => map.publish()?,
                _ => by_hand.publish((*source).clone()),
            }
        }
        anyhow::Ok((nanos() - start) as f64 / f64::from(count))
    })?;
    drop(reader);
    for (name, median) in systems.into_iter().zip(times.medians()) {
        report.add(Row::time(WORK, VALUE, entries, name.into(), &median));
    }
    Ok(())
}
