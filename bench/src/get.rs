//! Reads that depend on each other, and the cost of reading the clock, in the sandbox and
//! natively. `by_entries` has independent reads.

use crate::measure::Times;
use crate::report::{Report, Row};
use crate::subject::{Kind, OURS, Place, Subject, System, Work, label};
use crate::{Options, guest::Guest};
use anyhow::Result;

/// Bytes of a value.
const VALUE: u32 = 64;

const ALL: [Kind; 8] = [
    OURS,
    (Place::Sandbox, System::Boxed),
    (Place::Sandbox, System::BoxedWords),
    (Place::Native, System::Ours),
    (Place::Native, System::Boxed),
    (Place::Native, System::Moka),
    (Place::Native, System::QuickSync),
    (Place::Native, System::QuickUnsync),
];

const SYSTEM_CLOCK: [Kind; 3] = [
    (Place::Sandbox, System::OursSystemClock),
    (Place::Sandbox, System::BoxedSystemClock),
    (Place::Native, System::OursSystemClock),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let guest = Guest::load(&Guest::config(), "bench_engine.wasm")?;
    for entries in options.sizes() {
        let work = ("get, each after the previous one", Work::Chase);
        compare(options, &guest, work, &ALL, entries, report)?;
    }
    compare(
        options,
        &guest,
        ("get, reading the system's clock", Work::Get),
        &SYSTEM_CLOCK,
        100_000,
        report,
    )
}

fn compare(
    options: &Options,
    guest: &Guest,
    (name, work): (&str, Work),
    kinds: &[Kind],
    entries: u32,
    report: &mut Report,
) -> Result<()> {
    let mut subjects = Vec::new();
    for &kind in kinds {
        // Room for twice the entries, so that nothing is evicted.
        let mut subject = Subject::new(guest, kind, 2 * entries, VALUE)?;
        subject.run(Work::Insert, entries)?;
        let count = subject.turn(work)?;
        subjects.push((subject, count));
    }
    let times = Times::take(subjects.len(), options.rounds(), |at| {
        // The CPU caches hold the data of the previous system: warm them up.
        let (subject, count) = &mut subjects[at];
        subject.run(work, *count / 2)?;
        subject.time(work, *count)
    })?;
    for (kind, median) in kinds.iter().zip(times.medians()) {
        report.add(Row::time(name, VALUE, entries, label(*kind), &median));
    }
    Ok(())
}
