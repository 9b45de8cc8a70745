//! The cost of having a map: creating and dropping it, and the memory of many idle maps. For
//! comparison, the smallest component that has a memory.

use crate::Options;
use crate::measure::{Times, nanos};
use crate::report::{Report, Row};
use crate::smallest::SMALLEST;
use anyhow::{Context, Result};
use localmap::wasmtime::component::{Component, InstancePre, Linker};
use localmap::wasmtime::{Engine, Store};
use localmap::{Host, HostOptions, LocalMap, MapOptions, Profile, Ttl};
use std::fs;
use std::time::Duration;

const PROFILES: [(Profile, &str); 2] = [(Profile::Dense, "dense"), (Profile::Churn, "churn")];

/// The number of live maps whose memory is measured.
const LIVE: u32 = 10_000;

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    for (profile, name) in PROFILES {
        churn(options, report, profile, name)?;
    }
    for (profile, name) in PROFILES {
        resident(options, report, profile, name)?;
    }
    Ok(())
}

/// A thing that is created and dropped.
#[derive(Clone, Copy)]
enum Made {
    MapWithKey,
    MapWithTtl,
    Map,
    Smallest,
}

fn churn(options: &Options, report: &mut Report, profile: Profile, name: &str) -> Result<()> {
    const SYSTEMS: [(Made, &str); 4] = [
        (Made::Smallest, "the smallest component"),
        (Made::Map, "localmap, empty"),
        (Made::MapWithKey, "localmap, one key set"),
        (Made::MapWithTtl, "localmap, one key set with a TTL"),
    ];
    let host = Host::with_options(&HostOptions::new().profile(profile).max_maps(16))?;
    let smallest = Smallest::new(host.as_ref())?;
    let map_options = MapOptions::new();
    let make = |made: Made| -> Result<()> {
        let ttl = match made {
            Made::Smallest => {
                drop(smallest.make()?);
                return Ok(());
            }
            Made::Map => {
                drop(host.map(&map_options)?);
                return Ok(());
            }
            Made::MapWithKey => Ttl::Never,
            Made::MapWithTtl => Ttl::After(Duration::from_secs(60)),
        };
        let mut map = host.map(&map_options)?;
        map.set(b"key", b"value", ttl)?;
        Ok(())
    };
    let times = Times::take(SYSTEMS.len(), 10 * options.rounds(), |system| {
        let (made, count) = (SYSTEMS[system].0, 200);
        let started = nanos();
        for _ in 0..count {
            make(made)?;
        }
        anyhow::Ok((nanos() - started) as f64 / f64::from(count))
    })?;
    for ((_, system), median) in SYSTEMS.into_iter().zip(times.medians()) {
        let work = format!("making and dropping, {name}");
        report.add(Row::time(&work, 0, 0, system.into(), &median));
    }
    Ok(())
}

/// The smallest component, compiled.
pub(crate) struct Smallest {
    engine: Engine,
    component: InstancePre<()>,
}

impl Smallest {
    pub(crate) fn new(engine: &Engine) -> Result<Self> {
        let component = Component::new(engine, wat::parse_str(SMALLEST)?)?;
        Ok(Self {
            engine: engine.clone(),
            component: Linker::new(engine).instantiate_pre(&component)?,
        })
    }

    /// Creates an instance of it, in its own store.
    pub(crate) fn make(&self) -> Result<Store<()>> {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1 << 40);
        self.component.instantiate(&mut store)?;
        Ok(store)
    }
}

fn resident(options: &Options, report: &mut Report, profile: Profile, name: &str) -> Result<()> {
    let live = if options.quick { LIVE / 10 } else { LIVE };
    let host = Host::with_options(&HostOptions::new().profile(profile).max_maps(live))?;
    let before = resident_bytes()?;
    for generation in ["first", "second"] {
        let mut maps = Vec::with_capacity(live as usize);
        for _ in 0..live {
            let mut map: LocalMap = host.map(&MapOptions::new())?;
            map.set(b"key", b"value", Ttl::Never)?;
            maps.push(map);
        }
        let bytes = resident_bytes()?.saturating_sub(before) as f64 / f64::from(live);
        let work =
            format!("resident memory of an idle map among {live}, {name}, {generation} generation");
        report.add(Row::new(work, "localmap".into(), "bytes", bytes));
    }
    Ok(())
}

/// Returns the resident bytes of this process, without those that its allocator keeps free.
pub(crate) fn resident_bytes() -> Result<u64> {
    crate::subject::trim();
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = text.lines().find(|line| line.starts_with("Rss:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().nth(1));
    let kib: u64 = kib.context("no Rss in /proc/self/smaps_rollup")?.parse()?;
    Ok(kib << 10)
}
