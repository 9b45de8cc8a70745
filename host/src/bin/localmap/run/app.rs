//! The guest in its store: what it is granted, and how it ends.

use super::entry::Entry;
use super::watchdog::{TimedOut, Watchdog};
use crate::limits::LimitArgs;
use crate::replay::{ReplayClock, ReplayInput, Sleep, StampFormat};
use crate::stdio::{Closed, Output, Patient, note};
use anyhow::{Context, anyhow};
use localmap::wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use localmap::wasmtime::{self, Config, Engine, Store, StoreContextMut, Trap};
use localmap::{Control, MemoryLimiter, Preload, PreloadError, Stats};
use std::io::{BufReader, stdin};
use std::time::Duration;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::p2::{DynPollable, subscribe};
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx, WasiCtxView, WasiView};

/// What the guest may use.
pub(super) struct Grants {
    /// Its name first.
    pub(super) args: Vec<String>,
    pub(super) envs: Vec<(String, String)>,
    /// `HOST` or `HOST::GUEST`.
    pub(super) dirs: Vec<String>,
    /// What drives its clock; none: this machine does.
    pub(super) stamps: Option<StampFormat>,
    /// Bytes of linear memory.
    pub(super) max_memory: usize,
    pub(super) timeout: Option<Duration>,
    /// What is said if the guest traps.
    pub(super) trapped: String,
    /// Whether somebody waits for statistics.
    pub(super) stats: bool,
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
    Trap(anyhow::Error),
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
    control: Option<Control>,
    /// Read when the guest exits: its store cannot be entered after that.
    stats: Option<Stats>,
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
    grants: &Grants,
    limits: &LimitArgs,
    entries: &[Entry],
) -> anyhow::Result<Ended> {
    let mut config = Config::new();
    // Sync stays sync, and calls into `control` are possible from within `exit`.
    config.concurrency_support(false);
    config.epoch_interruption(grants.timeout.is_some());
    let engine = Engine::new(&config)?;
    let component = Component::new(&engine, component)?;
    let linker = link(&engine, grants.stamps.is_some())?;
    let command = linker.instantiate_pre(&component).map_err(|error| {
        error.context("it imports what localmap does not give: expected WASI 0.2 and the map")
    })?;

    // From here on we wait for others: for the first time stamp, then for the guest.
    let _watchdog = grants.timeout.map(|timeout| {
        let trapped = grants.trapped.clone();
        Watchdog::start(engine.clone(), timeout, trapped, grants.stats)
    });
    let replay = ReplayClock::default();
    let app = App {
        wasi: grants.wasi(&replay)?,
        table: ResourceTable::new(),
        memory: MemoryLimiter::new(grants.max_memory),
        replay,
        control: None,
        stats: None,
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
        match set_up(&mut store, &control, limits, entries) {
            Ok(done) => done?,
            Err(error) => return ended(&mut store, Err(error), grants.timeout),
        }
        store.data_mut().control = Some(control);
    }
    let result = command.wasi_cli_run().call_run(&mut store);
    ended(&mut store, result, grants.timeout)
}

/// WASI 0.2, with the two calls that are not as Wasmtime has them.
fn link(engine: &Engine, replay: bool) -> anyhow::Result<Linker<App>> {
    let mut linker = Linker::<App>::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    linker.allow_shadowing(true);
    linker.instance(EXIT)?.func_wrap("exit", exit)?;
    if replay {
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
    fn wasi(&self, replay: &ReplayClock) -> anyhow::Result<WasiCtx> {
        let mut wasi = WasiCtx::builder();
        wasi.args(&self.args)
            .envs(&self.envs)
            .stdout(Output::Stdout)
            .stderr(Output::Stderr)
            // One guest, one thread: nobody else waits for its files.
            .allow_blocking_current_thread(true);
        for dir in &self.dirs {
            let (host, guest) = dir.split_once("::").unwrap_or((dir, dir));
            wasi.preopened_dir(host, guest, FsPerms::ReadWrite)
                .map_err(|error| anyhow!(error).context(format!("--dir {dir}: cannot open it")))?;
        }
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
    limits: &LimitArgs,
    entries: &[Entry],
) -> wasmtime::Result<anyhow::Result<()>> {
    // What was plugged before keeps the limits that it has, but for those given.
    let limits = limits.over(control.limits(&mut *store)?);
    if let Err(error) = control.configure(&mut *store, &limits)? {
        return Ok(Err(anyhow!(error).context("cannot configure the map")));
    }
    let entries: Vec<Preload> = entries.iter().map(|entry| entry.0.clone()).collect();
    match control.preload(&mut *store, &entries)? {
        Ok(()) => Ok(Ok(())),
        Err(PreloadError::Refused { index, source, .. }) => {
            let key = entries.get(index).map(|entry| entry.key.as_slice());
            let key = String::from_utf8_lossy(key.unwrap_or_default());
            Ok(Err(anyhow!("--entry `{key}`: {source}")))
        }
        Err(other) => Ok(Err(other.into())),
    }
}

fn ended(
    store: &mut Store<App>,
    result: wasmtime::Result<Result<(), ()>>,
    timeout: Option<Duration>,
) -> anyhow::Result<Ended> {
    let measured = result.and_then(|status| {
        let stats = match store.data_mut().control.take() {
            Some(control) => Some(control.stats(&mut *store)?),
            None => None,
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
            stats: store.data_mut().stats.take(),
        });
    }
    if error.is::<Closed>() {
        return Ok(Ended::Closed);
    }
    let interrupted = error.downcast_ref() == Some(&Trap::Interrupt);
    let error = anyhow!(error);
    Ok(Ended::Trap(match timeout {
        Some(timeout) if interrupted => error.context(TimedOut(timeout)),
        _ => error,
    }))
}
