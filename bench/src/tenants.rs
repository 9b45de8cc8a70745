//! Tenants: what a checkout adds to a `get`, two threads with other tenants, the memory of many, and a
//! sweep of a few out of many.
//!
//! An owned map is called directly; its thread chooses it by number. A tenant is chosen by a name of 16
//! bytes, and its map is locked. "In turn" means that the next call is for another of 10,000 maps, which
//! are chosen in an order that no cache can predict, so that most of the time goes into fetching the
//! map itself. Each map has one entry of 64 bytes.

use crate::Options;
use crate::by_threads::together;
use crate::life::resident_bytes;
use crate::measure::{Times, cores, nanos, quantile};
use crate::report::{Report, Row};
use anyhow::{Result, ensure};
use localmap::{
    Allocation, Host, HostOptions, LocalMap, ManualClock, MapOptions, TenantClass, Tenants,
    TenantsOptions, Ttl,
};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const KEY: &[u8] = b"0123456789abcdef";
const VALUE: [u8; 64] = [7; 64];
const SIZE: u32 = 64;

/// The tenants between which a thread takes turns, in the rows that do not wait for memory.
const FEW: u32 = 8;

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    checkouts(options, report)?;
    threads(options, report)?;
    many(options, report)?;
    sweeps(options, report)
}

fn name(number: u32) -> Vec<u8> {
    format!("tenant-{number:09}").into_bytes()
}

fn host(maps: u32) -> Result<Host> {
    Ok(Host::with_options(&HostOptions::new().max_maps(maps))?)
}

fn tenants(maps: u32) -> Result<Tenants> {
    let class = TenantClass::new("all");
    Ok(Tenants::new(
        &host(maps)?,
        TenantsOptions::new().class(class),
    )?)
}

fn fill(tenants: &Tenants, numbers: impl Iterator<Item = u32>) -> Result<()> {
    for number in numbers {
        tenants
            .checkout(&name(number))?
            .set(KEY, &VALUE, Ttl::Never)?;
    }
    Ok(())
}

/// Returns the numbers below `count` in an order without a pattern.
fn shuffled(count: u32) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for at in (1..count).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let other = (state >> 33) % u64::from(at + 1);
        numbers.swap(at as usize, usize::try_from(other).unwrap_or(0));
    }
    numbers
}

fn get(tenants: &Tenants, name: &[u8], buffer: &mut Vec<u8>) -> Result<()> {
    buffer.clear();
    let found = tenants.checkout(name)?.get_into(KEY, buffer)?;
    ensure!(found.is_some(), "the key is absent");
    Ok(())
}

fn checkouts(options: &Options, report: &mut Report) -> Result<()> {
    const SYSTEMS: [&str; 2] = ["localmap, an owned map", "localmap, a tenant"];
    let live = if options.quick { 1_000 } else { 10_000 };
    let owner = host(live)?;
    let mut owned: Vec<LocalMap> = Vec::with_capacity(live as usize);
    for _ in 0..live {
        let mut map = owner.map(&MapOptions::new())?;
        map.set(KEY, &VALUE, Ttl::Never)?;
        owned.push(map);
    }
    let tenants = tenants(live)?;
    fill(&tenants, 0..live)?;
    // In the order of their use: a program has the name of its next request at hand.
    let order = shuffled(live);
    let names: Vec<_> = order.iter().map(|number| name(*number)).collect();
    let works = [("a few tenants", FEW), ("all tenants in turn", live)];
    for (what, used) in works {
        let work = format!("checkout, get and return, {what}");
        let order = &order[..used as usize];
        let repeat = (100_000 / used).max(1);
        let mut buffer = Vec::new();
        let times = Times::take(SYSTEMS.len(), 2 * options.rounds(), |system| {
            let start = nanos();
            for _ in 0..repeat {
                for (&number, name) in order.iter().zip(&names) {
                    if system == 0 {
                        buffer.clear();
                        owned[number as usize].get_into(KEY, &mut buffer)?;
                    } else {
                        get(&tenants, name, &mut buffer)?;
                    }
                }
            }
            let calls = f64::from(repeat) * f64::from(used);
            anyhow::Ok((nanos() - start) as f64 / calls)
        })?;
        let medians = times.medians();
        for (system, median) in SYSTEMS.into_iter().zip(&medians) {
            report.add(Row::time(&work, SIZE, live, system.into(), median));
        }
        if let [owned, tenant] = &medians[..] {
            let work = format!("what checkout and return add to a get, {what}");
            report.add(Row {
                entries: live.into(),
                ..Row::new(work, SYSTEMS[1].into(), "ns", tenant.nanos - owned.nanos)
            });
        }
    }
    Ok(())
}

fn threads(options: &Options, report: &mut Report) -> Result<()> {
    const WORK: &str = "checkout, get and return, other tenants for each thread";
    const SYSTEMS: [&str; 2] = [
        "localmap, a tenant",
        "a spinning loop, ten iterations counted as a get",
    ];
    if cores().len() < 2 {
        eprintln!("  skipping threads: this machine has one core");
        return Ok(());
    }
    let live = if options.quick { 1_000 } else { 10_000 };
    let tenants = tenants(live)?;
    fill(&tenants, 0..live)?;
    let order = shuffled(live);
    let count = if options.quick { 20_000 } else { 200_000 };
    let mut nanos = [[0.0; 2]; 2];
    for threads in [1u32, 2] {
        let times = Times::take(SYSTEMS.len(), 2 * options.rounds(), |system| {
            let next = AtomicU32::new(0);
            if system == 1 {
                return together(threads, count, || {
                    Ok(|times: u32| {
                        (0..u64::from(times) * 10).for_each(|number| {
                            black_box(number);
                        });
                        Ok(())
                    })
                });
            }
            together(threads, count, || {
                let first = next.fetch_add(FEW, Ordering::Relaxed) as usize;
                let mine = &order[first..first + FEW as usize];
                let names: Vec<_> = mine.iter().map(|number| name(*number)).collect();
                let (tenants, mut buffer) = (tenants.clone(), Vec::new());
                Ok(move |times: u32| {
                    for name in names.iter().cycle().take(times as usize) {
                        get(&tenants, name, &mut buffer)?;
                    }
                    Ok(())
                })
            })
        })?;
        for (system, median) in times.medians().iter().enumerate() {
            nanos[system][threads as usize - 1] = median.nanos;
            report.add(Row::time(
                WORK,
                SIZE,
                threads,
                SYSTEMS[system].into(),
                median,
            ));
        }
    }
    let gain = |[one, two]: [f64; 2]| one / two;
    let percent = gain(nanos[0]) / gain(nanos[1]) * 100.0;
    let work = "gain of two threads, of that of a spinning loop";
    report.add(Row::new(work.into(), SYSTEMS[0].into(), "percent", percent));
    Ok(())
}

fn many(options: &Options, report: &mut Report) -> Result<()> {
    let live = if options.quick { 5_000 } else { 50_000 };
    // A pool would need more mappings than Linux allows a process.
    let options = HostOptions::new()
        .max_maps(live + 1)
        .allocation(Allocation::Compact);
    let host = Host::with_options(&options)?;
    let options = TenantsOptions::new().class(TenantClass::new("all"));
    let tenants = Tenants::new(&host, options)?;
    // The first one pays for memory that all share.
    fill(&tenants, live..=live)?;
    let before = resident_bytes()?;
    fill(&tenants, 0..live)?;
    let bytes = resident_bytes()?.saturating_sub(before) as f64 / f64::from(live);
    let mappings = std::fs::read_to_string("/proc/self/maps")?.lines().count();
    let work = |what: &str| format!("{what}, live tenants of one key");
    let row = |what: &str, unit, value| Row {
        entries: live.into(),
        ..Row::new(work(what), "localmap, a tenant".into(), unit, value)
    };
    report.add(row("resident memory of a tenant", "bytes", bytes));
    report.add(row("mappings of the process", "count", mappings as f64));
    Ok(())
}

fn sweeps(options: &Options, report: &mut Report) -> Result<()> {
    const DUE: u32 = 100;
    const TIMEOUT: Duration = Duration::from_secs(3_600);
    const SECOND: Duration = Duration::from_secs(1);
    let (live, rounds) = match options.quick {
        true => (5_000, 5),
        false => (50_000, 30),
    };
    let host_options = HostOptions::new()
        .max_maps(live + DUE)
        .allocation(Allocation::Compact);
    let clock = ManualClock::new();
    let class = TenantClass::new("all").idle_timeout(TIMEOUT);
    let options = TenantsOptions::new().class(class).clock(clock.clone());
    let tenants = Tenants::new(&Host::with_options(&host_options)?, options)?;
    // In each round, those that came in one second are due.
    for round in 0..rounds {
        fill(&tenants, round * DUE..(round + 1) * DUE)?;
        clock.advance(SECOND);
    }
    fill(&tenants, rounds * DUE..live)?;
    clock.set(TIMEOUT);
    let mut times = Vec::new();
    for round in 0..rounds {
        let start = nanos();
        let swept = tenants.sweep();
        times.push((nanos() - start) as f64);
        ensure!(swept.len() == DUE as usize, "{} are due", swept.len());
        drop(swept);
        fill(&tenants, live + round * DUE..live + (round + 1) * DUE)?;
        clock.advance(SECOND);
    }
    let median = quantile(&times, 0.5);
    let spread = (quantile(&times, 0.75) - quantile(&times, 0.25)) / 2.0 / median;
    report.add(Row {
        entries: live.into(),
        spread,
        ..Row::new(
            format!("sweep of tenants, of which {DUE} are due"),
            "localmap, a tenant".into(),
            "ns",
            median,
        )
    });
    Ok(())
}
