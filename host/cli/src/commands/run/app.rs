//! The guest in its store: its permissions, and the result of its run.

use super::exit;
use super::guest_data::GuestData;
use super::interrupt::Interrupts;
use super::last_words::AskStats;
use super::replay_clock;
use super::watchdog::{TimedOut, Watchdog};
use crate::args::common;
use crate::args::entry::{preloads, refused_entry};
use crate::args::map_args::MapArgs;
use crate::commands::instance;
use crate::replay::{RawInput, ReplayClock, ReplayInput, StampOptions};
use crate::terminal::stdio::{Closed, Output, Patient, note};
use anyhow::{Context, anyhow};
use localmap::wasmtime::component::Linker;
use localmap::wasmtime::{self, Engine, Store, Trap, WasmBacktrace};
use localmap::{
    ConfigureError, Control, Host, HostOptions, Inspection, Limits, LinkedMap, LocalMap,
    MapOptions, Stats, lock,
};
use localmap_serve::{InstanceError, Sandbox, SandboxConfig};
use std::io::stdin;
use std::time::{Duration, Instant};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::{I32Exit, WasiCtx};

/// The configuration of a run.
pub(super) struct RunConfig {
    /// The limits and permissions of the guest.
    pub(super) sandbox: SandboxConfig,
    /// The arguments of the guest, beginning with its name.
    pub(super) args: Vec<String>,
    /// How to read the time stamps that drive the clock, or `None` for the system clock.
    pub(super) stamps: Option<StampOptions>,
    pub(super) timeout: Option<Duration>,
    /// The first line of the message if the guest traps.
    pub(super) trapped: String,
    /// Whether statistics are requested.
    pub(super) stats: bool,
    /// Whether the map is linked, in a separate store.
    pub(super) linked: bool,
    /// Whether compiled code is cached.
    pub(super) cache: bool,
    /// What signals act on.
    pub(super) interrupts: Interrupts,
}

/// The result of a run.
pub(super) enum Ended {
    /// The guest returned, or exited with a code.
    Exit {
        code: u8,
        /// The statistics, or `None` if the guest has no map.
        stats: Option<Stats>,
    },
    /// The guest's function `run` returned an error.
    Failed {
        /// The statistics, or `None` if the guest has no map.
        stats: Option<Stats>,
    },
    /// The guest trapped or ran out of time.
    Trap {
        error: anyhow::Error,
        /// The statistics, or `None` if they are lost with the guest or it has no map.
        stats: Option<Stats>,
    },
    /// Standard output was closed.
    Closed {
        /// The statistics, or `None` if they are lost with the guest or it has no map.
        stats: Option<Stats>,
    },
}

/// Returns the statistics of the linked map, which outlives the guest.
fn linked_stats(store: &mut Store<Sandbox<GuestData>>) -> Option<Stats> {
    store.data_mut().map()?.map().stats().ok()
}

/// Runs a command component to its end.
pub(super) fn run(
    component: &[u8],
    guest: &Inspection,
    config: &RunConfig,
    map: &MapArgs,
) -> anyhow::Result<Ended> {
    let component = config.sandbox.compile(component)?;
    let engine = component.engine().clone();
    let linker = link(&engine, config.linked, config.stamps.is_some())?;
    let command = linker.instantiate_pre(&component)?;

    let replay = ReplayClock::default();
    let mut linked = match config.linked {
        true => Some(LinkedMap::new(config.map(map, guest, &replay)?)),
        false => None,
    };

    // From here on the program waits: for the first time stamp, then for the guest.
    let began = Instant::now();
    if config.stats {
        config.interrupts.report(ask_stats(linked.as_ref()));
    }
    let _watchdog = config.timeout.map(|timeout| {
        let trapped = config.trapped.clone();
        let stats = config.stats.then(|| ask_stats(linked.as_ref()));
        Watchdog::start(timeout, trapped, stats)
    });
    let wasi = config.wasi(&replay)?;
    if let Some(linked) = &mut linked {
        let entries = map.entries();
        let done = linked.map().preload(&preloads(&entries));
        done.map_err(|refused| refused_entry(&entries, refused))?;
    }
    let app = GuestData {
        replay,
        control: None,
        stats: None,
    };
    let left = config
        .timeout
        .map(|timeout| timeout.saturating_sub(began.elapsed()));
    let sandbox = config.sandbox.clone().timeout(left);
    let mut store = sandbox.store(&engine, Sandbox::new(wasi, linked, app));
    let instance = match command.instantiate(&mut store) {
        Ok(instance) => instance,
        Err(error)
            if error.is::<Trap>() || error.is::<localmap::TimedOut>() || error.is::<I32Exit>() =>
        {
            return ended(&mut store, Err(error), config.timeout);
        }
        Err(error) => {
            let denied = store.data().denied();
            return Err(instance::explain(&InstanceError::explain(error, denied)));
        }
    };
    let command = Command::new(&mut store, &instance)?;
    if let Some(control) = Control::find(&mut store, &component, &instance)? {
        match set_up(&mut store, &control, map, guest) {
            Ok(done) => done?,
            Err(error) => return ended(&mut store, Err(error), config.timeout),
        }
        store.data_mut().data.control = Some(control);
    }
    let result = command.wasi_cli_run().call_run(&mut store);
    ended(&mut store, result, config.timeout)
}

/// Links what a sandbox provides, with interfaces that differ from Wasmtime's, and the map. With
/// `linked`, the map is in a separate store; if the guest is `replayed`, time stamps drive its clocks.
pub(super) fn link(
    engine: &Engine,
    linked: bool,
    replayed: bool,
) -> anyhow::Result<Linker<Sandbox<GuestData>>> {
    let mut linker = Linker::<Sandbox<GuestData>>::new(engine);
    Sandbox::add_to_linker_sync(&mut linker)?;
    linker.allow_shadowing(true);
    exit::link(&mut linker)?;
    if linked {
        localmap::add_to_linker(&mut linker, Sandbox::linked_map)?;
    }
    if replayed {
        replay_clock::link(&mut linker)?;
    }
    Ok(linker)
}

impl RunConfig {
    /// Creates a map in a separate store, with the guest's clock.
    fn map(
        &self,
        map: &MapArgs,
        guest: &Inspection,
        replay: &ReplayClock,
    ) -> anyhow::Result<LocalMap> {
        let limits = map.limits_over(Limits::default(), guest);
        let host = HostOptions::new()
            .max_maps(1)
            .cache(self.cache)
            .max_memory_for(&limits);
        let options = MapOptions::new().limits(limits);
        let options = match &self.stamps {
            Some(_) => options.clock(replay.clone()),
            None => options,
        };
        Ok(Host::with_options(&host)?.map(&options)?)
    }

    fn wasi(&self, replay: &ReplayClock) -> anyhow::Result<WasiCtx> {
        let mut wasi = self.sandbox.wasi().map_err(common::explain)?;
        wasi.args(&self.args)
            .stdout(Output::Stdout)
            .stderr(Output::Stderr)
            // There is only one guest and one thread, so nothing else waits for its files.
            .allow_blocking_current_thread(true);
        match &self.stamps {
            None => {
                wasi.inherit_stdin();
            }
            Some(stamps) => {
                let (input, end) = RawInput::new(Patient(stdin()));
                self.interrupts.end_input_first(end)?;
                let check = match stamps.field {
                    Some(_) => "--clock, and --clock-field, since only this field is searched",
                    None => "--clock",
                };
                let stamps = stamps.clone().finder()?;
                let (input, found) = ReplayInput::new(input, stamps, replay.clone())
                    .context("cannot read standard input")?;
                if !found {
                    note(format_args!(
                        "Warning: no time stamp at the beginning of standard input; \
                         until one arrives, the guest's clock stays at 1970; check {check} \
                         (stamps without an offset need --clock-offset)",
                    ));
                }
                // The monotonic clock is linked separately, so that a sleep makes it jump.
                wasi.stdin(input).wall_clock(replay.clone());
            }
        }
        Ok(wasi.build())
    }
}

/// Sets the limits and the initial entries of the plugged map. The outer error is a failure of the
/// call itself.
fn set_up(
    store: &mut Store<Sandbox<GuestData>>,
    control: &Control,
    map: &MapArgs,
    guest: &Inspection,
) -> wasmtime::Result<anyhow::Result<()>> {
    // A component that has already been plugged keeps its limits, except for those that are given.
    let limits = map.limits_over(control.limits(&mut *store)?, guest);
    if let Err(error) = control.configure(&mut *store, &limits)? {
        return Ok(Err(
            refused_limits(error).context("cannot configure the map")
        ));
    }
    let entries = map.entries();
    let done = control.preload(&mut *store, &preloads(&entries))?;
    Ok(done.map_err(|refused| refused_entry(&entries, refused)))
}

/// Says what to do about limits that the map rejects. If it has entries already, it was plugged with
/// them, so that `run` is too late.
fn refused_limits(error: ConfigureError) -> anyhow::Error {
    match error {
        ConfigureError::Lowered { setting, .. } => anyhow!(
            "the map has entries from the beginning, so that its {setting} can no longer be \
             lowered or changed: pass --{setting} to `localmap plug` instead"
        ),
        other => other.into(),
    }
}

/// Returns a function that reads the statistics while the guest's store is in use. This works only
/// for a linked map.
fn ask_stats(linked: Option<&LinkedMap>) -> AskStats {
    let map = linked.map(LinkedMap::shared);
    Box::new(move || {
        let map = map?;
        lock(&map).stats().ok()
    })
}

fn ended(
    store: &mut Store<Sandbox<GuestData>>,
    result: wasmtime::Result<Result<(), ()>>,
    timeout: Option<Duration>,
) -> anyhow::Result<Ended> {
    let measured = result.and_then(|status| {
        let stats = match store.data_mut().data.control.take() {
            Some(control) => Some(control.stats(&mut *store)?),
            None => linked_stats(store),
        };
        Ok((status, stats))
    });
    let error = match measured {
        Ok((Ok(()), stats)) => return Ok(Ended::Exit { code: 0, stats }),
        Ok((Err(()), stats)) => return Ok(Ended::Failed { stats }),
        Err(error) => error,
    };
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Ok(Ended::Exit {
            code: u8::try_from(*code).unwrap_or(1),
            stats: match store.data_mut().data.stats.take() {
                None => linked_stats(store),
                plugged => plugged,
            },
        });
    }
    if error.is::<Closed>() {
        let stats = linked_stats(store);
        return Ok(Ended::Closed { stats });
    }
    Ok(Ended::Trap {
        error: match timeout {
            Some(timeout) if error.is::<localmap::TimedOut>() => timed_out(&error, timeout),
            _ => anyhow!(error),
        },
        stats: linked_stats(store),
    })
}

/// Creates the error for a timeout, with the guest's backtrace if there is one.
fn timed_out(error: &wasmtime::Error, timeout: Duration) -> anyhow::Error {
    match error.downcast_ref::<WasmBacktrace>() {
        Some(backtrace) => anyhow!("{backtrace}").context(TimedOut(timeout)),
        None => anyhow!(TimedOut(timeout)),
    }
}
