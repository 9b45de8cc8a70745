//! What telemetry adds to an operation: a linked map, whose guest calls the host for each, and a map that
//! the host calls. All systems are in one process and take turns; the map of each has 16-byte keys and
//! values of 64 bytes. And what an answer of `/metrics` costs with many tenants.
//!
//! "Nobody looks" has an observer and all of its features compiled in, and no metrics, no spans and no
//! listener at a probe.

use crate::Options;
use crate::guest::Guest;
use crate::measure::{Times, cores, nanos, on_all_cores, quantile, wall};
use crate::report::{Report, Row};
use crate::subject::{Subject, Work};
use anyhow::Result;
use bench_loops::Plan;
use localmap::{
    Host, HostOptions, LocalMap, MapOptions, Observer, TenantClass, Tenants, TenantsOptions, Ttl,
};
use localmap_telemetry::{Telemetry, TelemetryOptions};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

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
    owned(options, report)?;
    let tenants = tenants(if options.quick { 1_000 } else { 10_000 })?;
    answers(options, report, &tenants)?;
    waits(options, report, &tenants)
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

/// Tenants with a few entries each.
struct Many {
    count: u32,
    telemetry: Telemetry,
    tenants: Tenants,
}

fn name(number: u32) -> String {
    format!("tenant-{number:09}")
}

fn tenants(count: u32) -> Result<Many> {
    let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    let host = Host::with_options(&HostOptions::new().max_maps(count))?;
    let options = TenantsOptions::new()
        .class(TenantClass::new("all"))
        .observer(telemetry.tenants_observer());
    let tenants = Tenants::new(&host, options)?;
    telemetry.watch_host(&host);
    telemetry.watch_tenants(&tenants);
    for number in 0..count {
        let guard = tenants.checkout(name(number).as_bytes())?;
        for key in 0..10u8 {
            guard.set(&[key], &[7; SIZE as usize], Ttl::Never)?;
        }
    }
    Ok(Many {
        count,
        telemetry,
        tenants,
    })
}

/// Measures the processor time of an answer of `/metrics`, for which statistics are taken, as they are
/// once a second.
fn answers(options: &Options, report: &mut Report, many: &Many) -> Result<()> {
    let rounds = if options.quick { 2 } else { 10 };
    let times = Times::take(1, rounds, |_| {
        // Longer than statistics are kept.
        thread::sleep(Duration::from_millis(1_100));
        let start = nanos();
        black_box(many.telemetry.render_metrics(""));
        anyhow::Ok((nanos() - start) as f64)
    })?;
    for median in times.medians() {
        report.add(Row {
            ratio: None,
            ..Row::time(
                "an answer of /metrics, live tenants",
                0,
                many.count,
                SYSTEMS[2].into(),
                &median,
            )
        });
    }
    Ok(())
}

/// Measures how long operations take while another thread takes the statistics of all tenants without a
/// pause, and while it only computes.
fn waits(options: &Options, report: &mut Report, many: &Many) -> Result<()> {
    const SYSTEMS: [&str; 2] = [
        "another thread computes",
        "another thread takes statistics without a pause",
    ];
    if cores().len() < 2 {
        eprintln!("  skipping waits: this machine has one core");
        return Ok(());
    }
    let count = if options.quick { 50_000 } else { 500_000 };
    for (system, label) in SYSTEMS.into_iter().enumerate() {
        let done = AtomicBool::new(false);
        let times = on_all_cores(|| {
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        match system {
                            0 => (0..1_000u32).for_each(|number| {
                                black_box(number);
                            }),
                            _ => drop(black_box(many.tenants.survey())),
                        }
                    }
                });
                let times = gets(many, count);
                done.store(true, Ordering::Relaxed);
                times
            })
        })?;
        for (what, at) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
            let work = format!("checkout, get and return, {what}");
            report.add(Row {
                entries: many.count.into(),
                ..Row::new(work, label.into(), "ns", quantile(&times, at))
            });
        }
    }
    Ok(())
}

/// Returns the wall-clock time of each of `count` reads, of one tenant after the other.
fn gets(many: &Many, count: u32) -> Result<Vec<f64>> {
    let names: Vec<_> = (0..many.count).map(name).collect();
    let mut buffer = Vec::new();
    let names = names.iter().cycle().take(count as usize);
    names
        .map(|name| {
            buffer.clear();
            let start = wall();
            let guard = many.tenants.checkout(name.as_bytes())?;
            black_box(guard.get_into(&[3], &mut buffer)?);
            drop(guard);
            Ok((wall() - start) as f64)
        })
        .collect()
}

fn rows(report: &mut Report, work: &str, entries: u32, times: &Times) {
    for (system, median) in SYSTEMS.into_iter().zip(times.medians()) {
        report.add(Row::time(work, SIZE, entries, system.into(), &median));
    }
}
