//! Plugged maps, called through the client crate: the cost of a TTL, and the saving of a batch.
//!
//! Keys have 16 bytes and values 64. Reads return values as new vectors. Batches have 16 keys, and
//! are compared with 16 calls for keys drawn in the same way; both figures are for all 16.

use crate::Options;
use crate::measure::{Times, nanos};
use crate::report::{Report, Row};
use crate::subject::{Subject, Work};
use crate::ways::{Way, Ways};
use anyhow::{Result, ensure};
use bench_loops::{MANY, Plan};

const VALUE: u32 = 64;

/// A row: its system, the work of its loop, whether entries have a TTL, and the turns of the loop
/// for one figure.
type System = (&'static str, Work, bool, usize);

/// Each work, and the two systems that are compared.
const WORKS: [(&str, [System; 2]); 4] = [
    (
        "get, plugged, without and with a TTL",
        [
            ("no TTL", Work::Get, false, 1),
            ("with a TTL", Work::Get, true, 1),
        ],
    ),
    (
        "set over a value, plugged, without and with a TTL",
        [
            ("no TTL", Work::Overwrite, false, 1),
            ("with a TTL", Work::Overwrite, true, 1),
        ],
    ),
    (
        "16 reads, plugged, in 16 calls and in one",
        [
            ("16 x get", Work::Get, false, MANY),
            ("get-many of 16", Work::GetMany, false, 1),
        ],
    ),
    (
        "16 writes, plugged, in 16 calls and in one",
        [
            ("16 x set", Work::Overwrite, false, MANY),
            ("apply of 16 sets", Work::Apply, false, 1),
        ],
    ),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let most = if options.quick { 10_000 } else { 100_000 };
    for entries in [1_000, most] {
        let ways = Ways::new(2 * entries)?;
        let make = |ttl| -> Result<Subject> {
            let plan = Plan {
                capacity: 2 * entries as usize,
                value_len: VALUE as usize,
                ttl,
            };
            let mut subject = ways.subject(Way::Client, plan)?;
            let done = subject.run(Work::Insert, entries)?;
            ensure!(done == entries, "stored {done} of {entries}");
            Ok(subject)
        };
        let mut subjects = [make(false)?, make(true)?];
        for (name, systems) in WORKS {
            compare(options, report, &mut subjects, entries, name, systems)?;
        }
    }
    Ok(())
}

fn compare(
    options: &Options,
    report: &mut Report,
    subjects: &mut [Subject; 2],
    entries: u32,
    name: &str,
    systems: [System; 2],
) -> Result<()> {
    let mut counts = [0; 2];
    for (count, (_, work, ttl, _)) in counts.iter_mut().zip(systems) {
        *count = subjects[usize::from(ttl)].turn_of(nanos, work, 5e6)?;
    }
    let times = Times::take(2, 3 * options.rounds(), |at| {
        let (_, work, ttl, turns) = systems[at];
        let subject = &mut subjects[usize::from(ttl)];
        // The CPU caches hold the data of the other map.
        subject.run(work, counts[at] / 4)?;
        anyhow::Ok(subject.time(work, counts[at])? * turns as f64)
    })?;
    for ((system, ..), median) in systems.into_iter().zip(times.medians()) {
        report.add(Row::time(name, VALUE, entries, system.into(), &median));
    }
    Ok(())
}
