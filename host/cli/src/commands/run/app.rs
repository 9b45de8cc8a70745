//! The guest in its store: its permissions, and the result of its run.

use super::call::{Call, Ended};
use super::guest_data::GuestData;
use super::interrupt::Interrupts;
use super::last_words::{AskStats, LastWords};
use super::watchdog::Watchdog;
use super::{blocking, concurrent};
use crate::args::common;
use crate::args::entry::{preloads, refused_entry};
use crate::args::map_args::MapArgs;
use crate::commands::enforced::Enforced;
use crate::commands::telemetry::TraceFile;
use crate::replay::{RawInput, ReplayClock, ReplayInput, StampOptions};
use crate::terminal::stdio::{Output, Patient, note};
use anyhow::Context;
use localmap::wasmtime::Engine;
use localmap::wasmtime::component::Linker;
use localmap::{Host, HostOptions, Inspection, Limits, LinkedMap, LocalMap, MapOptions, lock};
use localmap_serve::{Sandbox, SandboxConfig};
use localmap_telemetry::Telemetry;
use std::io::stdin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime_wasi::WasiCtx;

/// The class of the map in metrics and traces.
const CLASS: &str = "run";

/// The configuration of a run.
pub(super) struct RunConfig {
    /// The limits and permissions of the guest.
    pub(super) sandbox: SandboxConfig,
    /// The arguments of the guest, beginning with its name.
    pub(super) args: Vec<String>,
    /// How to read the time stamps that drive the clock, or `None` for the system clock.
    pub(super) stamps: Option<StampOptions>,
    pub(super) timeout: Option<Duration>,
    /// The first line of the message if the guest runs out of time.
    pub(super) timed_out: String,
    /// Whether statistics are requested.
    pub(super) stats: bool,
    /// Whether the map is linked, in a separate store.
    pub(super) linked: bool,
    /// Whether the guest uses WASI 0.3.
    pub(super) concurrent: bool,
    /// Whether compiled code is cached.
    pub(super) cache: bool,
    /// What observes the map, if anything does.
    pub(super) telemetry: Option<Telemetry>,
    /// The file of the trace, if there is to be one.
    pub(super) trace: Option<Arc<TraceFile>>,
    /// What signals act on.
    pub(super) interrupts: Interrupts,
}

/// Runs a command component to its end.
pub(super) fn run(
    component: &[u8],
    guest: &Inspection,
    config: &RunConfig,
    map: &MapArgs,
) -> anyhow::Result<Ended> {
    let replay = ReplayClock::default();
    // Before the guest, which then takes the address space that is left.
    let mut linked = match config.linked {
        true => Some(LinkedMap::new(config.map(map, guest, &replay)?)),
        false => None,
    };
    if let (Some(linked), Some(telemetry)) = (&linked, &config.telemetry) {
        telemetry.watch_map(CLASS, &linked.shared());
    }
    let component = config.sandbox.compile(component)?;
    let engine = component.engine().clone();
    let linker = link(
        &engine,
        config.concurrent,
        config.linked,
        config.stamps.is_some(),
    )?;
    let pre = linker.instantiate_pre(&component)?;

    // From here on the program waits: for the first time stamp, then for the guest.
    let began = Instant::now();
    config
        .interrupts
        .report(config.last_words(linked.as_ref()))?;
    let _watchdog = config.timeout.map(|timeout| {
        let timed_out = config.timed_out.clone();
        Watchdog::start(timeout, timed_out, config.last_words(linked.as_ref()))
    });
    let (wasi, input) = config.wasi(&replay)?;
    if let Some(linked) = &mut linked {
        let entries = map.entries();
        let done = linked.map().preload(&preloads(&entries));
        done.map_err(|refused| refused_entry(&entries, refused))?;
    }
    let app = GuestData {
        replay,
        input,
        control: None,
        stats: None,
    };
    let left = config
        .timeout
        .map(|timeout| timeout.saturating_sub(began.elapsed()));
    let sandbox = config.sandbox.clone().timeout(left);
    let mut store = sandbox.store(&engine, Sandbox::new(wasi, linked, app));
    let call = Call {
        component: &component,
        linked: &pre,
        guest,
        map,
        timeout: config.timeout,
        left,
        interrupts: &config.interrupts,
    };
    match config.concurrent {
        true => concurrent::run(&mut store, &call),
        false => blocking::run(&mut store, &call),
    }
}

/// Links what a sandbox provides, with interfaces that differ from Wasmtime's, and the map. With
/// `concurrent`, the guest may use WASI 0.3; with `linked`, the map is in a separate store; if the
/// guest is `replayed`, time stamps drive its clocks.
pub(super) fn link(
    engine: &Engine,
    concurrent: bool,
    linked: bool,
    replayed: bool,
) -> anyhow::Result<Linker<Sandbox<GuestData>>> {
    let mut linker = Linker::<Sandbox<GuestData>>::new(engine);
    match concurrent {
        true => concurrent::link(&mut linker, replayed)?,
        false => blocking::link(&mut linker, replayed)?,
    }
    if linked {
        localmap::add_to_linker(&mut linker, Sandbox::linked_map)?;
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
        let options = match map.enforced() {
            Some(schema) => options.write_rule(Enforced::new(schema, note)),
            None => options,
        };
        let options = match &self.stamps {
            Some(_) => options.clock(replay.clone()),
            None => options,
        };
        let host = Host::with_options(&host)?;
        Ok(match &self.telemetry {
            Some(telemetry) => {
                telemetry.watch_host(&host);
                host.map(&options.observer(telemetry.observer(CLASS)))?
            }
            None => host.map(&options)?,
        })
    }

    /// Returns what is left to say if the process ends while the guest runs.
    fn last_words(&self, linked: Option<&LinkedMap>) -> LastWords {
        LastWords {
            stats: self.stats.then(|| ask_stats(linked)),
            trace: self.trace.clone(),
        }
    }

    /// Returns the guest's WASI, and the input of a replay.
    fn wasi(&self, replay: &ReplayClock) -> anyhow::Result<(WasiCtx, Option<ReplayInput>)> {
        let mut wasi = self.sandbox.wasi().map_err(common::explain)?;
        wasi.args(&self.args)
            .stdout(Output::Stdout)
            .stderr(Output::Stderr)
            // There is only one guest and one thread, so nothing else waits for its files.
            .allow_blocking_current_thread(true);
        let input = match &self.stamps {
            None => {
                wasi.inherit_stdin();
                None
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
                wasi.stdin(input.clone()).wall_clock(replay.clone());
                Some(input)
            }
        };
        Ok((wasi.build(), input))
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
