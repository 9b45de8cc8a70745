//! Figures in fuel, which roughly counts instructions and is the same in each run: the cost of
//! `get` and `set`, and the longest single `set` while a map grows, compared with the median.

use crate::report::{Report, Row};
use crate::subject::{Kind, OURS, Place, Subject, System, Work, label};
use crate::{Options, guest::Guest};
use anyhow::Result;
use std::time::Instant;

/// Bytes of a value.
const VALUE: u32 = 64;

/// How often a map grows when time is measured. The shortest time of each `set` counts, so
/// that only pauses that occur every time remain.
const GROWTHS: usize = 5;

const ALL: [Kind; 2] = [OURS, (Place::Sandbox, System::Boxed)];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let entries = if options.quick { 500_000 } else { 5_000_000 };
    let mut config = Guest::config();
    config.consume_fuel(true);
    let counting = Guest::load(&config, "bench_engine.wasm")?;
    let plain = Guest::load(&Guest::config(), "bench_engine.wasm")?;
    for (name, work) in [
        ("get", Work::Get),
        ("set, over a value of the same size", Work::Overwrite),
    ] {
        usual(&counting, name, work, report)?;
    }
    for kind in ALL {
        let fuel = fuel(&counting, kind, entries)?;
        add(report, kind, entries, "fuel", fuel);
    }
    for kind in ALL {
        let nanos = nanos(&plain, kind, entries)?;
        add(report, kind, entries, "ns", nanos);
    }
    Ok(())
}

/// Measures the fuel of an operation, including the loop around it.
fn usual(guest: &Guest, name: &str, work: Work, report: &mut Report) -> Result<()> {
    const ENTRIES: u32 = 100_000;
    let mut ours = None;
    for kind in [
        OURS,
        (Place::Sandbox, System::Boxed),
        (Place::Sandbox, System::BoxedWords),
    ] {
        let mut subject = Subject::new(guest, kind, 2 * ENTRIES, VALUE)?;
        subject.run(Work::Insert, ENTRIES)?;
        let fuel = subject.fuel(work, ENTRIES)? as f64 / f64::from(ENTRIES);
        report.add(Row {
            size: VALUE,
            entries: ENTRIES.into(),
            ratio: Some(fuel / *ours.get_or_insert(fuel)),
            ..Row::new(format!("{name}, in fuel"), label(kind), "fuel", fuel)
        });
    }
    Ok(())
}

/// Returns the fuel of each `set`, without the call and without generating its key.
fn fuel(guest: &Guest, kind: Kind, entries: u32) -> Result<Vec<u64>> {
    let mut subject = Subject::new(guest, kind, 2 * entries, VALUE)?;
    let call = subject.fuel(Work::Nothing, 1)?;
    (0..entries)
        .map(|_| Ok(subject.fuel(Work::Insert, 1)?.saturating_sub(call)))
        .collect()
}

/// Returns the nanoseconds of each `set`, including the call.
fn nanos(guest: &Guest, kind: Kind, entries: u32) -> Result<Vec<u64>> {
    let mut shortest = vec![u64::MAX; entries as usize];
    for _ in 0..GROWTHS {
        let mut subject = Subject::new(guest, kind, 2 * entries, VALUE)?;
        for shortest in &mut shortest {
            let start = Instant::now();
            subject.run(Work::Insert, 1)?;
            let nanos = u64::try_from(start.elapsed().as_nanos())?;
            *shortest = nanos.min(*shortest);
        }
    }
    Ok(shortest)
}

fn add(report: &mut Report, kind: Kind, entries: u32, unit: &'static str, mut all: Vec<u64>) {
    let middle = all.len() / 2;
    let median = *all.select_nth_unstable(middle).1;
    let longest = all.iter().copied().max().unwrap_or(0);
    let call = if unit == "ns" { ", call included" } else { "" };
    for (work, unit, value) in [
        (
            format!("median set while growing{call}"),
            unit,
            median as f64,
        ),
        (
            format!("longest set while growing{call}"),
            unit,
            longest as f64,
        ),
        (
            format!("longest set divided by the median, in {unit}{call}"),
            "times",
            longest as f64 / median as f64,
        ),
    ] {
        report.add(Row {
            size: VALUE,
            entries: entries.into(),
            ..Row::new(work, label(kind), unit, value)
        });
    }
}
