//! Writes of new keys, in the sandbox and natively. `by_entries` has the overwrites.

use crate::measure::Times;
use crate::report::{Report, Row};
use crate::subject::{Kind, OURS, Place, Subject, System, Work, label};
use crate::{Options, guest::Guest};
use anyhow::Result;

/// Bytes of a value.
const VALUE: u32 = 64;

const ALL: [Kind; 9] = [
    OURS,
    (Place::Sandbox, System::Boxed),
    (Place::Sandbox, System::BoxedWords),
    (Place::Sandbox, System::BoxedInPlace),
    (Place::Native, System::Ours),
    (Place::Native, System::Boxed),
    (Place::Native, System::Moka),
    (Place::Native, System::QuickSync),
    (Place::Native, System::QuickUnsync),
];

/// The systems that evict.
const BOUNDED: [Kind; 5] = [
    OURS,
    (Place::Native, System::Ours),
    (Place::Native, System::Moka),
    (Place::Native, System::QuickSync),
    (Place::Native, System::QuickUnsync),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let guest = Guest::load(&Guest::config(), "bench_engine.wasm")?;
    for entries in options.sizes() {
        grow(options, &guest, entries, report)?;
    }
    for entries in options.sizes() {
        churn(options, &guest, entries, report)?;
    }
    Ok(())
}

/// Fills an empty map, whose memory is fresh, as in a new instance.
fn grow(options: &Options, guest: &Guest, entries: u32, report: &mut Report) -> Result<()> {
    // Filling one small map takes less time than can be measured.
    let maps = (100_000 / entries).max(1);
    let rounds = options.rounds().div_ceil(3);
    let times = Times::take(ALL.len(), rounds, |at| {
        let mut nanos = 0.0;
        for _ in 0..maps {
            nanos +=
                Subject::new(guest, ALL[at], 2 * entries, VALUE)?.time(Work::Insert, entries)?;
        }
        anyhow::Ok(nanos / f64::from(maps))
    })?;
    for (kind, median) in ALL.iter().zip(times.medians()) {
        report.add(Row::time(
            "set of new keys, from empty",
            VALUE,
            entries,
            label(*kind),
            &median,
        ));
    }
    Ok(())
}

/// Sets new keys in a full map, each of which evicts another.
fn churn(options: &Options, guest: &Guest, entries: u32, report: &mut Report) -> Result<()> {
    let mut subjects = Vec::new();
    for kind in BOUNDED {
        let mut subject = Subject::new(guest, kind, entries, VALUE)?;
        subject.run(Work::Insert, 2 * entries)?;
        if kind == OURS && subject.run(Work::Insert, 1)? == 0 {
            eprintln!("  skipping eviction: the engine has no policy");
            return Ok(());
        }
        let count = subject.turn(Work::Insert)?;
        subjects.push((subject, count));
    }
    let times = Times::take(subjects.len(), options.rounds(), |at| {
        let (subject, count) = &mut subjects[at];
        subject.run(Work::Insert, *count / 2)?;
        subject.time(Work::Insert, *count)
    })?;
    for (kind, median) in BOUNDED.iter().zip(times.medians()) {
        report.add(Row::time(
            "set of new keys in a full map",
            VALUE,
            entries,
            label(*kind),
            &median,
        ));
    }
    Ok(())
}
