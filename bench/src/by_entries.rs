//! The cost of reads and writes, and the memory, as the number of entries grows: in the sandbox
//! and natively, with values of 64 bytes and keys of 16.
//!
//! All entries have a TTL. The clock costs nothing, except for moka and mini-moka, which have
//! their own. Caches and localmap have room for twice the entries, so that nothing is evicted;
//! a boxed map has no limit. Memory includes the key and the value of an entry: in the sandbox
//! it is the growth of the linear memory, natively the allocated bytes with the allocator's
//! overhead.

use crate::Options;
use crate::curves::{GET_BY_ENTRIES, MEMORY_BY_ENTRIES, SET_BY_ENTRIES};
use crate::guest::{ENGINE, Guest};
use crate::measure::Times;
use crate::report::{Report, Row};
use crate::subject::{Kind, OURS, Place, Subject, System, Work, allocated, label};
use anyhow::Result;

/// Bytes of a value.
const VALUE: u32 = 64;

const ALL: [Kind; 10] = [
    OURS,
    (Place::Sandbox, System::Boxed),
    (Place::Sandbox, System::BoxedWords),
    (Place::Sandbox, System::BoxedInPlace),
    (Place::Native, System::Ours),
    (Place::Native, System::Boxed),
    (Place::Native, System::Moka),
    (Place::Native, System::MiniMoka),
    (Place::Native, System::QuickSync),
    (Place::Native, System::QuickUnsync),
];

/// The most entries with which all systems are in memory at the same time. With more, each
/// peer takes turns with localmap alone.
const TOGETHER: u32 = 1_000_000;

const WORKS: [(&str, Work); 2] = [
    (GET_BY_ENTRIES, Work::Get),
    (SET_BY_ENTRIES, Work::Overwrite),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let guest = Guest::load(&Guest::config(), ENGINE)?;
    let sizes: &[u32] = if options.quick {
        &[1_000, 10_000, 100_000]
    } else {
        &[1_000, 10_000, 100_000, TOGETHER, 5_000_000]
    };
    for &entries in sizes {
        let mut memory = Vec::new();
        let times = if entries <= TOGETHER {
            together(options, &guest, entries, &mut memory)?
        } else {
            in_pairs(options, &guest, entries, &mut memory)?
        };
        for ((name, _), times) in WORKS.into_iter().zip(times) {
            for (kind, median) in ALL.into_iter().zip(times.medians()) {
                report.add(Row::time(name, VALUE, entries, label(kind), &median));
            }
        }
        for (kind, bytes) in ALL.into_iter().zip(&memory) {
            // The system does not report what is allocated.
            if *bytes == 0.0 {
                continue;
            }
            report.add(Row {
                size: VALUE,
                entries: entries.into(),
                ratio: Some(bytes / memory[0]),
                ..Row::new(MEMORY_BY_ENTRIES.into(), label(kind), "bytes", *bytes)
            });
        }
    }
    Ok(())
}

/// Returns a filled map, and its bytes per entry.
fn fill(guest: &Guest, kind: Kind, entries: u32) -> Result<(Subject, f64)> {
    let before = allocated();
    let mut subject = Subject::new(guest, kind, 2 * entries, VALUE)?;
    let empty = subject.memory()?;
    let done = subject.run(Work::Insert, entries)?;
    anyhow::ensure!(done == entries, "{} took {done} entries", label(kind));
    let bytes = match kind.0 {
        Place::Sandbox => subject.memory()? - empty,
        Place::Native => allocated().saturating_sub(before),
    };
    // Some systems defer work while they grow, moka above all.
    subject.run(Work::Get, entries.min(TOGETHER))?;
    Ok((subject, bytes as f64 / f64::from(entries)))
}

fn turn(options: &Options, subject: &mut Subject, work: Work) -> Result<u32> {
    let nanos = if options.quick { 5e6 } else { 30e6 };
    subject.turn_of(crate::measure::nanos, work, nanos)
}

fn together(
    options: &Options,
    guest: &Guest,
    entries: u32,
    memory: &mut Vec<f64>,
) -> Result<Vec<Times>> {
    let mut subjects = Vec::new();
    for kind in ALL {
        let (subject, bytes) = fill(guest, kind, entries)?;
        memory.push(bytes);
        subjects.push(subject);
    }
    let mut all: Vec<&mut Subject> = subjects.iter_mut().collect();
    WORKS
        .into_iter()
        .map(|(_, work)| take_turns(options, &mut all, work))
        .collect()
}

/// Measures localmap in turns with one peer at a time.
fn in_pairs(
    options: &Options,
    guest: &Guest,
    entries: u32,
    memory: &mut Vec<f64>,
) -> Result<Vec<Times>> {
    let (mut ours, bytes) = fill(guest, OURS, entries)?;
    memory.push(bytes);
    let mut all = WORKS.map(|_| Vec::new());
    for kind in ALL.into_iter().skip(1) {
        let (mut subject, bytes) = fill(guest, kind, entries)?;
        memory.push(bytes);
        let mut pair = [&mut ours, &mut subject];
        for ((_, work), times) in WORKS.into_iter().zip(&mut all) {
            times.push(take_turns(options, &mut pair, work)?);
        }
    }
    Ok(all.into_iter().map(Times::of_pairs).collect())
}

/// Measures these systems in turns.
fn take_turns(options: &Options, subjects: &mut [&mut Subject], work: Work) -> Result<Times> {
    let mut counts = Vec::new();
    for subject in &mut *subjects {
        counts.push(turn(options, subject, work)?);
    }
    Times::take(subjects.len(), options.rounds(), |at| {
        // The CPU caches hold the data of the previous system: warm them up.
        subjects[at].run(work, counts[at] / 2)?;
        subjects[at].time(work, counts[at])
    })
}
