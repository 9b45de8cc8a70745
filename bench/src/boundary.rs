//! What it costs to reach a map: in the guest's own memory, beside it in one
//! component, in the host, and from the host.

use crate::Options;
use crate::guest::Guest;
use crate::measure::{Times, nanos};
use crate::report::{Report, Row};
use anyhow::{Context, Result};
use localmap::wasmtime::component::{
    Component, ComponentType, Linker, Lower, ResourceTable, TypedFunc,
};
use localmap::wasmtime::{self, Engine, Store};
use localmap::{Host, Limits, LocalMap, MapOptions, Ttl, plug};
use std::path::Path;
use std::time::Duration;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_keyvalue::{WasiKeyValue, WasiKeyValueCtx};

const SIZES: [u32; 5] = [8, 64, 512, 4096, 65_536];
/// As the guest has it.
const KEYS: usize = 64;

#[derive(ComponentType, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
enum Way {
    #[component(name = "client")]
    Client,
    #[component(name = "plain")]
    Plain,
    #[component(name = "in-process")]
    InProcess,
    #[component(name = "keyvalue")]
    Keyvalue,
}

#[derive(ComponentType, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
enum Work {
    #[component(name = "get")]
    Get,
    #[component(name = "get-absent")]
    GetAbsent,
    #[component(name = "set")]
    Set,
}

/// The ways that are compared. `None`: the host calls a map.
const SYSTEMS: [(&str, Option<Way>); 5] = [
    ("plugged, client crate", Some(Way::Client)),
    ("plugged, plain contract", Some(Way::Plain)),
    ("wasi:keyvalue in the host", Some(Way::Keyvalue)),
    ("in the guest", Some(Way::InProcess)),
    ("the host calls the map", None),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let mut ways = Ways {
        guest: Plugged::new()?,
        map: Called::new()?,
    };
    for ttl in [false, true] {
        for (work, name) in [
            (Work::Get, "get"),
            (Work::GetAbsent, "get of what is absent"),
            (Work::Set, "set"),
        ] {
            for size in SIZES {
                if matches!(work, Work::GetAbsent) && (ttl || size != SIZES[0]) {
                    continue;
                }
                let name = format!("{name}{}", if ttl { ", with a TTL" } else { "" });
                let times = ways.take(options, work, size, ttl)?;
                for ((system, _), median) in SYSTEMS.into_iter().zip(times.medians()) {
                    let keys = u32::try_from(KEYS)?;
                    report.add(Row::time(&name, size, keys, system.into(), &median));
                }
            }
        }
    }
    Ok(())
}

/// All ways, side by side.
struct Ways {
    guest: Plugged,
    map: Called,
}

impl Ways {
    fn take(&mut self, options: &Options, work: Work, size: u32, ttl: bool) -> Result<Times> {
        for (_, way) in SYSTEMS {
            match way {
                Some(way) => self.guest.prepare(way, size, ttl)?,
                None => self.map.prepare(size, ttl)?,
            }
        }
        // Short turns, and many of them: what disturbs then disturbs few.
        let count = ((1u32 << 20) / (size + 256)).next_multiple_of(64);
        Times::take(SYSTEMS.len(), 10 * options.rounds(), |system| {
            let started = nanos();
            match SYSTEMS[system].1 {
                Some(way) => self.guest.run(way, work, size, ttl, count)?,
                None => self.map.run(work, size, ttl, count)?,
            }
            Ok((nanos() - started) as f64 / f64::from(count))
        })
    }
}

struct State {
    wasi: WasiCtx,
    keyvalue: WasiKeyValueCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// The guest with its map beside it, in a host that has wasi:keyvalue.
struct Plugged {
    store: Store<State>,
    prepare: TypedFunc<(Way, u32, bool), ()>,
    run: TypedFunc<(Way, Work, u32, bool, u32), (u64,)>,
}

impl Plugged {
    fn new() -> Result<Self> {
        let file = Path::new(env!("LOCALMAP_BENCH_GUESTS")).join("bench_boundary.wasm");
        let app = std::fs::read(&file).with_context(|| format!("no {}", file.display()))?;
        let engine = Engine::new(&Guest::config())?;
        let component = Component::new(&engine, plug(&app, &Limits::default())?)?;
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        wasmtime_wasi_keyvalue::add_to_linker(&mut linker, |state: &mut State| {
            WasiKeyValue::new(&state.keyvalue, &mut state.table)
        })?;
        let state = State {
            wasi: WasiCtx::builder().inherit_stderr().build(),
            keyvalue: WasiKeyValueCtx::builder().build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&engine, state);
        let instance = linker.instantiate(&mut store, &component)?;
        let loops = instance
            .get_export_index(&mut store, None, "localmap:bench-boundary/loops")
            .context("no loops")?;
        let mut find = |name| instance.get_export_index(&mut store, Some(&loops), name);
        let prepare = find("prepare").context("no prepare")?;
        let run = find("run").context("no run")?;
        Ok(Self {
            prepare: instance.get_typed_func(&mut store, prepare)?,
            run: instance.get_typed_func(&mut store, run)?,
            store,
        })
    }

    fn prepare(&mut self, way: Way, size: u32, ttl: bool) -> Result<()> {
        Ok(self.prepare.call(&mut self.store, (way, size, ttl))?)
    }

    fn run(&mut self, way: Way, work: Work, size: u32, ttl: bool, times: u32) -> Result<()> {
        let read = self
            .run
            .call(&mut self.store, (way, work, size, ttl, times))?;
        let expected = match work {
            Work::Get => u64::from(size) * u64::from(times),
            Work::GetAbsent | Work::Set => 0,
        };
        anyhow::ensure!(read.0 == expected, "{} bytes were read", read.0);
        Ok(())
    }
}

/// A map that the host calls.
struct Called {
    map: LocalMap,
    keys: Vec<String>,
    absent: Vec<String>,
}

impl Called {
    fn new() -> Result<Self> {
        Ok(Self {
            map: Host::new()?.map(&MapOptions::new())?,
            keys: (0..KEYS).map(|n| format!("key-{n:012}")).collect(),
            absent: (0..KEYS).map(|n| format!("abs-{n:012}")).collect(),
        })
    }

    fn prepare(&mut self, size: u32, ttl: bool) -> Result<()> {
        self.run(Work::Set, size, ttl, u32::try_from(KEYS)?)
    }

    fn run(&mut self, work: Work, size: u32, ttl: bool, times: u32) -> Result<()> {
        let keys = if matches!(work, Work::GetAbsent) {
            &self.absent
        } else {
            &self.keys
        };
        let keys = keys.iter().cycle().take(times as usize);
        if matches!(work, Work::Set) {
            let value = vec![7; size as usize];
            let ttl = if ttl {
                Ttl::After(Duration::from_secs(3600))
            } else {
                Ttl::Never
            };
            for key in keys {
                self.map.set(key.as_bytes(), &value, ttl)?;
            }
            return Ok(());
        }
        for key in keys {
            std::hint::black_box(self.map.get(key.as_bytes())?);
        }
        Ok(())
    }
}
