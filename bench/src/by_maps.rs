//! The cost of maps while many are live: the memory of one, and the time to create and drop
//! one more. Each map has one key. For comparison, the smallest component, with an empty
//! memory, runs in the same pool.
//!
//! The pool has one more slot than there are live maps. If the system does not allow a process
//! enough mappings (`vm.max_map_count`), the row has no figure.

use crate::Options;
use crate::curves::{LIFE_BY_MAPS, MEMORY_BY_MAPS};
use crate::life::{Smallest, resident_bytes};
use crate::measure::{Times, nanos};
use crate::report::{Report, Row};
use anyhow::Result;
use localmap::wasmtime::Store;
use localmap::{CreateError, Host, HostOptions, LocalMap, MapOptions, Profile, Ttl};

const PROFILES: [(Profile, &str, &str); 2] = [
    (
        Profile::Dense,
        "localmap, dense",
        "the smallest component, dense",
    ),
    (
        Profile::Churn,
        "localmap, churn",
        "the smallest component, churn",
    ),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let lives: &[u32] = if options.quick {
        &[1, 100, 1_000]
    } else {
        &[1, 100, 1_000, 10_000, 20_000]
    };
    for &live in lives {
        for (profile, ours, smallest) in PROFILES {
            let options_of = HostOptions::new().profile(profile).max_maps(live + 1);
            let host = Host::with_options(&options_of)?;
            maps(options, report, &host, live, ours)?;
            floor(options, report, &host, live, smallest)?;
        }
    }
    Ok(())
}

fn make(host: &Host) -> Result<LocalMap, CreateError> {
    host.map(&MapOptions::new())
}

fn maps(options: &Options, report: &mut Report, host: &Host, live: u32, name: &str) -> Result<()> {
    // The first map pays for memory that all maps share. While it lives, no slot is reused.
    let first = make(host)?;
    let before = resident_bytes()?;
    let mut maps = Vec::with_capacity(live as usize);
    for _ in 0..live {
        let mut map = match make(host) {
            Ok(map) => map,
            Err(error) => {
                eprintln!("  cannot create {live} live maps: {error:#}");
                missing(report, live, name);
                return Ok(());
            }
        };
        map.set(b"key", b"value", Ttl::Never)?;
        maps.push(map);
    }
    memory(report, live, name, before)?;
    drop(first);
    let one_more = || -> Result<()> {
        let mut map = make(host)?;
        map.set(b"key", b"value", Ttl::Never)?;
        Ok(())
    };
    match one_more() {
        Ok(()) => life(options, report, live, name, one_more),
        Err(error) => {
            eprintln!("  cannot create another map with {live} live ones: {error:#}");
            no_life(report, live, name);
            Ok(())
        }
    }
}

fn floor(options: &Options, report: &mut Report, host: &Host, live: u32, name: &str) -> Result<()> {
    let smallest = Smallest::new(host.as_ref())?;
    let first = smallest.make()?;
    let before = resident_bytes()?;
    let mut stores: Vec<Store<()>> = Vec::with_capacity(live as usize);
    for _ in 0..live {
        match smallest.make() {
            Ok(store) => stores.push(store),
            Err(error) => {
                eprintln!("  cannot create {live} of the smallest component: {error:#}");
                missing(report, live, name);
                return Ok(());
            }
        }
    }
    memory(report, live, name, before)?;
    drop(first);
    let one_more = || -> Result<()> {
        drop(smallest.make()?);
        Ok(())
    };
    match one_more() {
        Ok(()) => life(options, report, live, name, one_more),
        Err(error) => {
            eprintln!(
                "  cannot create another smallest component with {live} live ones: {error:#}"
            );
            no_life(report, live, name);
            Ok(())
        }
    }
}

fn life(
    options: &Options,
    report: &mut Report,
    live: u32,
    name: &str,
    once: impl Fn() -> Result<()>,
) -> Result<()> {
    const TIMES: u32 = 100;
    let times = Times::take(1, 2 * options.rounds(), |_| {
        let start = nanos();
        for _ in 0..TIMES {
            once()?;
        }
        anyhow::Ok((nanos() - start) as f64 / f64::from(TIMES))
    })?;
    for median in times.medians() {
        report.add(Row {
            ratio: None,
            ..Row::time(LIFE_BY_MAPS, 0, live, name.into(), &median)
        });
    }
    Ok(())
}

fn memory(report: &mut Report, live: u32, name: &str, before: u64) -> Result<()> {
    let bytes = resident_bytes()?.saturating_sub(before) as f64 / f64::from(live);
    report.add(Row {
        entries: live.into(),
        ..Row::new(MEMORY_BY_MAPS.into(), name.into(), "bytes", bytes)
    });
    Ok(())
}

fn missing(report: &mut Report, live: u32, name: &str) {
    report.add(Row {
        entries: live.into(),
        ..Row::new(MEMORY_BY_MAPS.into(), name.into(), "bytes", f64::NAN)
    });
    no_life(report, live, name);
}

fn no_life(report: &mut Report, live: u32, name: &str) {
    report.add(Row {
        entries: live.into(),
        ..Row::new(LIFE_BY_MAPS.into(), name.into(), "ns", f64::NAN)
    });
}
