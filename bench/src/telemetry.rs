//! What telemetry adds to an operation: a linked map, whose guest calls the host for each, and a map that
//! the host calls. All systems are in one process and take turns; the map of each has 16-byte keys and
//! values of 64 bytes. And what an answer of `/metrics` costs with many tenants.
//!
//! "Nobody looks" has an observer and all of its features compiled in, and no metrics, no spans and no
//! listener at a probe.

use crate::Options;
use crate::guest::Guest;
use crate::measure::{Times, nanos};
use crate::report::{Report, Row};
use crate::subject::{Subject, Work};
use anyhow::Result;
use bench_loops::Plan;
use localmap::{Host, LocalMap, MapOptions, Observer, Ttl};
use localmap_telemetry::{Telemetry, TelemetryOptions};
use std::hint::black_box;
use std::sync::Arc;

const SIZE: u32 = 64;
const CAPACITY: u32 = 1 << 18;

/// The spans that are kept.
const SPANS: usize = 262_144;

const SYSTEMS: [&str; 5] = [
    "no telemetry",
    "telemetry, nobody looks",
    "telemetry, metrics",
    "telemetry, spans",
    "telemetry, metrics and spans",
];

/// Returns the observer of a system.
fn observer(system: usize) -> Option<Arc<dyn Observer>> {
    let options = TelemetryOptions::new();
    let options = match system {
        0 => return None,
        1 => options,
        2 => options.metrics(true),
        3 => options.trace_spans(SPANS),
        _ => options.metrics(true).trace_spans(SPANS),
    };
    Some(Telemetry::new(options).observer("bench"))
}

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let all = if options.quick { 10_000 } else { 100_000 };
    for entries in [1_000, all] {
        linked(options, report, entries)?;
    }
    owned(options, report)
}

fn linked(options: &Options, report: &mut Report, entries: u32) -> Result<()> {
    let plan = Plan {
        capacity: CAPACITY as usize,
        value_len: SIZE as usize,
        ttl: false,
    };
    let mut subjects = Vec::new();
    for system in 0..SYSTEMS.len() {
        let guest = Guest::observed(CAPACITY, observer(system))?;
        let mut subject = Subject::in_guest(&guest, 20, plan)?;
        subject.run(Work::Insert, entries)?;
        subjects.push(subject);
    }
    let works = [
        (Work::GetInto, "get of a linked map"),
        (Work::Overwrite, "set of a linked map"),
    ];
    for (work, name) in works {
        let times = Times::take(SYSTEMS.len(), 10 * options.rounds(), |system| {
            subjects[system].time(work, 20_000)
        })?;
        rows(report, name, entries, &times);
    }
    Ok(())
}

fn owned(options: &Options, report: &mut Report) -> Result<()> {
    const ENTRIES: u32 = 1_000;
    const CALLS: u32 = 20_000;
    let host = Host::new()?;
    let keys: Vec<_> = (0..ENTRIES)
        .map(|number| format!("key-{number:012}"))
        .collect();
    let mut maps: Vec<LocalMap> = Vec::new();
    for system in 0..SYSTEMS.len() {
        let of = MapOptions::new();
        let of = match observer(system) {
            Some(observer) => of.observer(observer),
            None => of,
        };
        let mut map = host.map(&of)?;
        for key in &keys {
            map.set(key.as_bytes(), &[7; SIZE as usize], Ttl::Never)?;
        }
        maps.push(map);
    }
    let mut buffer = Vec::new();
    let times = Times::take(SYSTEMS.len(), 10 * options.rounds(), |system| {
        let start = nanos();
        for key in keys.iter().cycle().take(CALLS as usize) {
            buffer.clear();
            black_box(maps[system].get_into(key.as_bytes(), &mut buffer)?);
        }
        anyhow::Ok((nanos() - start) as f64 / f64::from(CALLS))
    })?;
    rows(report, "get from the host, into a buffer", ENTRIES, &times);
    Ok(())
}

fn rows(report: &mut Report, work: &str, entries: u32, times: &Times) {
    for (system, median) in SYSTEMS.into_iter().zip(times.medians()) {
        report.add(Row::time(work, SIZE, entries, system.into(), &median));
    }
}
