//! The guest in its store: what it is granted, and how it ends.

use super::watchdog::{AskStats, TimedOut, Watchdog};
use crate::args::cache::CacheArgs;
use crate::args::entry::{preloads, refused_entry};
use crate::args::grants::GrantArgs;
use crate::args::limits::max_memory;
use crate::args::map_args::MapArgs;
use crate::replay::{ReplayClock, ReplayInput, Sleep, StampFormat};
use crate::terminal::stdio::{Closed, Output, Patient, note};
use anyhow::{Context, anyhow};
use localmap::wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use localmap::wasmtime::{self, Config, Engine, Store, StoreContextMut, Trap};
use localmap::{
    Control, Host, HostOptions, Inspection, Limits, LinkedMap, LocalMap, MapOptions, MemoryLimiter,
    Stats,
};
use std::io::{BufReader, stdin};
use std::time::Duration;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::p2::{DynPollable, subscribe};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};

/// What the guest may use.
pub(super) struct Grants {
    /// Its name first.
    pub(super) args: Vec<String>,
    pub(super) envs: Vec<(String, String)>,
    /// Folders too.
    pub(super) granted: GrantArgs,
    /// What drives its clock; none: this machine does.
    pub(super) stamps: Option<StampFormat>,
    /// Bytes of linear memory.
    pub(super) max_memory: usize,
    pub(super) timeout: Option<Duration>,
    /// What is said if the guest traps.
    pub(super) trapped: String,
    /// Whether somebody waits for statistics.
    pub(super) stats: bool,
    /// Whether the map is beside the guest, not inside of it.
    pub(super) bridge: bool,
    /// Whether compiled code is kept.
    pub(super) cache: CacheArgs,
}

/// How a guest ended.
pub(super) enum Ended {
    /// By itself.
    Exit {
        code: u8,
        /// None if it has no map.
        stats: Option<Stats>,
    },
    /// By a trap, or because its time was up.
    Trap {
        error: anyhow::Error,
        /// None if they are lost with the guest, or it has no map.
        stats: Option<Stats>,
    },
    /// Because nobody reads what it writes any more.
    Closed,
}

/// The data of the guest's store.
struct App {
    wasi: WasiCtx,
    table: ResourceTable,
    memory: MemoryLimiter,
    /// The clock, if it is not this machine's.
    replay: ReplayClock,
    /// The map inside of the guest.
    control: Option<Control>,
    /// Read when the guest exits: its store cannot be entered after that.
    stats: Option<Stats>,
    /// The map beside it.
    bridge: Option<LinkedMap>,
}

impl App {
    fn attached(&mut self) -> &mut LinkedMap {
        self.bridge.as_mut().expect("linked only where it is there")
    }

    /// The statistics of the map beside the guest, which live on with it.
    fn bridge_stats(&mut self) -> Option<Stats> {
        self.bridge.as_mut()?.map().stats().ok()
    }
}

impl WasiView for App {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Runs a command component to its end.
pub(super) fn run(
    component: &[u8],
    guest: &Inspection,
    grants: &Grants,
    map: &MapArgs,
) -> anyhow::Result<Ended> {
    let mut config = Config::new();
    // Sync stays sync, and calls into `control` are possible from within `exit`.
    config.concurrency_support(false);
    config.epoch_interruption(grants.timeout.is_some());
    grants.cache.set_up(&mut config);
    let engine = Engine::new(&config)?;
    let component = Component::new(&engine, component)?;
    let linker = link(&engine, grants)?;
    let command = linker.instantiate_pre(&component).map_err(|error| {
        error.context("it imports what localmap does not give: expected WASI 0.2 and the map")
    })?;

    let replay = ReplayClock::default();
    let mut bridge = match grants.bridge {
        true => Some(LinkedMap::new(grants.map(map, guest, &replay)?)),
        false => None,
    };

    // From here on we wait for others: for the first time stamp, then for the guest.
    let _watchdog = grants.timeout.map(|timeout| {
        let trapped = grants.trapped.clone();
        let stats = grants.stats.then(|| ask_stats(bridge.as_ref()));
        Watchdog::start(engine.clone(), timeout, trapped, stats)
    });
    let wasi = grants.wasi(&replay)?;
    if let Some(bridge) = &mut bridge {
        let entries = map.entries();
        let done = bridge.map().preload(&preloads(&entries));
        done.map_err(|refused| refused_entry(&entries, refused))?;
    }
    let app = App {
        wasi,
        table: ResourceTable::new(),
        memory: MemoryLimiter::new(grants.max_memory),
        replay,
        control: None,
        stats: None,
        bridge,
    };
    let mut store = Store::new(&engine, app);
    store.limiter(|app| &mut app.memory);
    if grants.timeout.is_some() {
        store.set_epoch_deadline(1);
    }
    let instance = match command.instantiate(&mut store) {
        Ok(instance) => instance,
        Err(error) if error.is::<Trap>() => {
            return ended(&mut store, Err(error), grants.timeout);
        }
        Err(error) => {
            let hint = "it cannot be instantiated; is -W max-memory-size too small for it?";
            return Err(error.context(hint).into());
        }
    };
    let command = Command::new(&mut store, &instance).map_err(|error| {
        error.context("it does not export wasi:cli/run: expected a command, a crate with a `main`")
    })?;
    if let Some(control) = Control::find(&mut store, &component, &instance)? {
        match set_up(&mut store, &control, map, guest) {
            Ok(done) => done?,
            Err(error) => return ended(&mut store, Err(error), grants.timeout),
        }
        store.data_mut().control = Some(control);
    }
    let result = command.wasi_cli_run().call_run(&mut store);
    ended(&mut store, result, grants.timeout)
}

/// WASI 0.2, with the two calls that are not as Wasmtime has them.
fn link(engine: &Engine, grants: &Grants) -> anyhow::Result<Linker<App>> {
    let mut linker = Linker::<App>::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    linker.allow_shadowing(true);
    linker.instance(EXIT)?.func_wrap("exit", exit)?;
    if grants.bridge {
        localmap::add_to_linker(&mut linker, App::attached)?;
    }
    if grants.stamps.is_some() {
        monotonic_clock::add_to_linker::<App, HasSelf<App>>(&mut linker, |app| app)?;
    }
    Ok(linker)
}

/// The name under which Wasmtime offers it. Guests ask for any 0.2.
const EXIT: &str = "wasi:cli/exit@0.2.12";

/// Ends the guest, and reads the statistics of its map while that can be called.
fn exit(mut store: StoreContextMut<'_, App>, (status,): (Result<(), ()>,)) -> wasmtime::Result<()> {
    if let Some(control) = store.data_mut().control.take() {
        let stats = control.stats(&mut store)?;
        store.data_mut().stats = Some(stats);
    }
    Err(I32Exit(i32::from(status.is_err())).into())
}

/// The clock of a replay. A guest that waits for it makes it jump.
impl monotonic_clock::Host for App {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.replay.nanos())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, until: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let clock = self.replay.clone();
        let sleep = self.table.push(Sleep { clock, until })?;
        subscribe(&mut self.table, sleep)
    }

    fn subscribe_duration(&mut self, nanos: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_instant(self.replay.nanos().saturating_add(nanos))
    }
}

impl Grants {
    /// A map in a store of its own, with the guest's clock.
    fn map(
        &self,
        map: &MapArgs,
        guest: &Inspection,
        replay: &ReplayClock,
    ) -> anyhow::Result<LocalMap> {
        let limits = map.limits_over(Limits::default(), guest);
        let host = HostOptions::new()
            .max_maps(1)
            .cache(self.cache.wanted())
            .max_memory(max_memory(limits.max_bytes));
        let options = MapOptions::new().limits(limits);
        let options = match self.stamps {
            Some(_) => options.clock(replay.clone()),
            None => options,
        };
        Ok(Host::with_options(&host)?.map(&options)?)
    }

    fn wasi(&self, replay: &ReplayClock) -> anyhow::Result<WasiCtx> {
        let mut wasi = WasiCtx::builder();
        wasi.args(&self.args)
            .envs(&self.envs)
            .stdout(Output::Stdout)
            .stderr(Output::Stderr)
            // One guest, one thread: nobody else waits for its files.
            .allow_blocking_current_thread(true);
        self.granted.open_folders(&mut wasi)?;
        match self.stamps {
            None => {
                wasi.inherit_stdin();
            }
            Some(format) => {
                let source = BufReader::new(Patient(stdin()));
                let (input, found) = ReplayInput::new(source, format.finder()?, replay.clone())
                    .context("cannot read standard input")?;
                if !found {
                    note(
                        "Warning: no time stamp at the beginning of standard input; \
                         until one comes, the guest's clock stands at 1970. Is --clock right?",
                    );
                }
                // The monotonic clock is linked, so that a sleep makes it jump.
                wasi.stdin(input).wall_clock(replay.clone());
            }
        }
        Ok(wasi.build())
    }
}

/// Gives the map its limits and the entries that it starts with. The outer error is one
/// of calling it.
fn set_up(
    store: &mut Store<App>,
    control: &Control,
    map: &MapArgs,
    guest: &Inspection,
) -> wasmtime::Result<anyhow::Result<()>> {
    // What was plugged before keeps the limits that it has, but for those given.
    let limits = map.limits_over(control.limits(&mut *store)?, guest);
    if let Err(error) = control.configure(&mut *store, &limits)? {
        return Ok(Err(anyhow!(error).context("cannot configure the map")));
    }
    let entries = map.entries();
    let done = control.preload(&mut *store, &preloads(&entries))?;
    Ok(done.map_err(|refused| refused_entry(&entries, refused)))
}

/// How the statistics are read while the guest's store is in use: not at all, unless the
/// map is beside it.
fn ask_stats(bridge: Option<&LinkedMap>) -> AskStats {
    let map = bridge.map(LinkedMap::shared);
    Box::new(move || map?.lock().ok()?.stats().ok())
}

fn ended(
    store: &mut Store<App>,
    result: wasmtime::Result<Result<(), ()>>,
    timeout: Option<Duration>,
) -> anyhow::Result<Ended> {
    let measured = result.and_then(|status| {
        let stats = match store.data_mut().control.take() {
            Some(control) => Some(control.stats(&mut *store)?),
            None => store.data_mut().bridge_stats(),
        };
        Ok((status, stats))
    });
    let error = match measured {
        Ok((status, stats)) => {
            let code = u8::from(status.is_err());
            return Ok(Ended::Exit { code, stats });
        }
        Err(error) => error,
    };
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Ok(Ended::Exit {
            code: u8::try_from(*code).unwrap_or(1),
            stats: match store.data_mut().stats.take() {
                None => store.data_mut().bridge_stats(),
                inside => inside,
            },
        });
    }
    if error.is::<Closed>() {
        return Ok(Ended::Closed);
    }
    let interrupted = error.downcast_ref() == Some(&Trap::Interrupt);
    let error = anyhow!(error);
    Ok(Ended::Trap {
        error: match timeout {
            Some(timeout) if interrupted => error.context(TimedOut(timeout)),
            _ => error,
        },
        stats: store.data_mut().bridge_stats(),
    })
}
