//! The cost of reaching a map, by value size: in the guest's own memory, plugged into its
//! component, through the host, in the host, and from the host.
//!
//! All ways run the same loops in the same guest, except wasi:keyvalue, whose guest has the
//! same loops with other imports. Maps have only 64 keys of 16 bytes, so that the way itself
//! is measured. Each way returns a value as a vector that the caller owns.
//! `wasmtime-wasi-keyvalue` has no TTL and no limits, and stores its entries in the memory of
//! the host.

use crate::Options;
use crate::curves::{GET_BY_SIZE, SET_BY_SIZE};
use crate::measure::{Times, nanos};
use crate::report::{Report, Row};
use crate::subject::Work;
use crate::ways::{Way, Ways};
use anyhow::{Context, Result};
use bench_loops::Plan;

const SIZES: [u32; 5] = [8, 64, 512, 4096, 65_536];
const KEYS: u32 = 64;
/// Large enough that nothing is evicted.
const CAPACITY: u32 = 1024;

const WORKS: [(Work, bool, &str); 5] = [
    (Work::Get, false, GET_BY_SIZE),
    (Work::Absent, false, "get of an absent key, by value size"),
    (Work::Overwrite, false, SET_BY_SIZE),
    (Work::Get, true, "get, by value size, with a TTL"),
    (
        Work::Overwrite,
        true,
        "set over a value, by value size, with a TTL",
    ),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let ways = Ways::new(CAPACITY)?;
    for size in SIZES {
        for ttl in [false, true] {
            let plan = Plan {
                capacity: CAPACITY as usize,
                value_len: size as usize,
                ttl,
            };
            let mut subjects = Vec::new();
            for way in Way::ALL {
                let mut subject = ways.subject(way, plan)?;
                let done = subject.run(Work::Insert, KEYS)?;
                anyhow::ensure!(done == KEYS, "{} took {done} keys", way.label());
                subjects.push(subject);
            }
            // Many short turns, so that a disturbance affects few of them.
            let count = ((1u32 << 20) / (size + 256)).next_multiple_of(KEYS);
            for (work, _, name) in WORKS.into_iter().filter(|work| work.1 == ttl) {
                if work == Work::Absent && size != SIZES[0] {
                    continue;
                }
                let times = Times::take(subjects.len(), 6 * options.rounds(), |at| {
                    let start = nanos();
                    let done = subjects[at].run(work, count)?;
                    let taken = (nanos() - start) as f64 / f64::from(count);
                    anyhow::ensure!(done == count, "{done} of {count} succeeded");
                    Ok(taken)
                })
                .with_context(|| format!("{name}, {size} bytes"))?;
                for (way, median) in Way::ALL.iter().zip(times.medians()) {
                    let system = way.label().into();
                    report.add(Row::time(name, size, KEYS, system, &median));
                }
            }
        }
    }
    Ok(())
}
