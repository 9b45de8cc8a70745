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
use localmap::{Attached, Host, Limits, LocalMap, MapOptions, Ttl, add_to_linker, plug};
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

/// Who calls the map, and where it is.
#[derive(Clone, Copy)]
enum Caller {
    /// The guest, with its map plugged in, which serves `wasi:keyvalue` as well.
    Plugged(Way),
    /// The same guest as it is: the host serves what it imports.
    Hosted(Way),
    /// The host.
    Host,
}

/// The ways that are compared.
const SYSTEMS: [(&str, Caller); 6] = [
    ("plugged, client crate", Caller::Plugged(Way::Client)),
    ("plugged, plain contract", Caller::Plugged(Way::Plain)),
    ("wasi:keyvalue, plugged", Caller::Plugged(Way::Keyvalue)),
    ("wasi:keyvalue in the host", Caller::Hosted(Way::Keyvalue)),
    ("in the guest", Caller::Plugged(Way::InProcess)),
    ("the host calls the map", Caller::Host),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let file = Path::new(env!("LOCALMAP_BENCH_GUESTS")).join("bench_boundary.wasm");
    let app = std::fs::read(&file).with_context(|| format!("no {}", file.display()))?;
    let mut ways = Ways {
        plugged: Instance::new(&plug(&app, &Limits::default())?)?,
        hosted: Instance::new(&app)?,
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
    plugged: Instance,
    hosted: Instance,
    map: Called,
}

impl Ways {
    fn take(&mut self, options: &Options, work: Work, size: u32, ttl: bool) -> Result<Times> {
        for (_, caller) in SYSTEMS {
            match caller {
                Caller::Plugged(way) => self.plugged.prepare(way, size, ttl)?,
                Caller::Hosted(way) => self.hosted.prepare(way, size, ttl)?,
                Caller::Host => self.map.prepare(size, ttl)?,
            }
        }
        // Short turns, and many of them: what disturbs then disturbs few.
        let count = ((1u32 << 20) / (size + 256)).next_multiple_of(64);
        Times::take(SYSTEMS.len(), 10 * options.rounds(), |system| {
            let started = nanos();
            match SYSTEMS[system].1 {
                Caller::Plugged(way) => self.plugged.run(way, work, size, ttl, count)?,
                Caller::Hosted(way) => self.hosted.run(way, work, size, ttl, count)?,
                Caller::Host => self.map.run(work, size, ttl, count)?,
            }
            Ok((nanos() - started) as f64 / f64::from(count))
        })
    }
}

struct State {
    wasi: WasiCtx,
    keyvalue: WasiKeyValueCtx,
    map: Attached,
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

/// The guest in a host that has a map and wasi:keyvalue for what it imports.
struct Instance {
    store: Store<State>,
    prepare: TypedFunc<(Way, u32, bool), ()>,
    run: TypedFunc<(Way, Work, u32, bool, u32), (u64,)>,
}

impl Instance {
    fn new(component: &[u8]) -> Result<Self> {
        let engine = Engine::new(&Guest::config())?;
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        wasmtime_wasi_keyvalue::add_to_linker(&mut linker, |state: &mut State| {
            WasiKeyValue::new(&state.keyvalue, &mut state.table)
        })?;
        add_to_linker(&mut linker, |state| &mut state.map)?;
        let state = State {
            wasi: WasiCtx::builder().inherit_stderr().build(),
            map: Attached::new(Host::new()?.map(&MapOptions::new())?),
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
