//! Calls a guest of WASI 0.2: each of its calls into the host blocks the program.

use super::call::{Call, Ended, failed, linked_stats, not_instantiated, refused_limits, returned};
use super::guest_data::GuestData;
use super::{exit, replay_clock};
use crate::args::entry::{preloads, refused_entry};
use localmap::wasmtime::component::Linker;
use localmap::wasmtime::{self, Store};
use localmap::{Control, Stats};
use localmap_serve::Sandbox;
use wasmtime_wasi::p2::bindings::sync::Command;

/// Links WASI 0.2 as a guest has it here.
pub(super) fn link(
    linker: &mut Linker<Sandbox<GuestData>>,
    replayed: bool,
) -> wasmtime::Result<()> {
    Sandbox::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    exit::link(linker)?;
    if replayed {
        replay_clock::link(linker)?;
    }
    Ok(())
}

/// Instantiates a guest and calls its function `run`.
pub(super) fn run(store: &mut Store<Sandbox<GuestData>>, call: &Call<'_>) -> anyhow::Result<Ended> {
    let timeout = call.timeout;
    let instance = match call.linked.instantiate(&mut *store) {
        Ok(instance) => instance,
        Err(error) => return not_instantiated(store, error, call),
    };
    let command = Command::new(&mut *store, &instance)?;
    if let Some(control) = Control::find(&mut *store, call.component, &instance)? {
        match set_up(store, &control, call) {
            Ok(done) => done?,
            Err(error) => return Ok(failed(store, error, timeout)),
        }
        store.data_mut().data.control = Some(control);
    }
    let status = command.wasi_cli_run().call_run(&mut *store);
    let measured = status.and_then(|status| Ok((status, stats(store)?)));
    Ok(match measured {
        Ok((status, stats)) => returned(status, stats),
        Err(error) => failed(store, error, timeout),
    })
}

/// Sets the limits and the initial entries of the plugged map. The outer error is a failure of the
/// call itself.
fn set_up(
    store: &mut Store<Sandbox<GuestData>>,
    control: &Control,
    call: &Call<'_>,
) -> wasmtime::Result<anyhow::Result<()>> {
    // A component that has already been plugged keeps its limits, except for those that are given.
    let before = control.limits(&mut *store)?;
    let limits = call.map.limits_over(before, call.guest);
    if let Err(error) = control.configure(&mut *store, &limits)? {
        return Ok(Err(
            refused_limits(error).context("cannot configure the map")
        ));
    }
    let entries = call.map.entries();
    let done = control.preload(&mut *store, &preloads(&entries))?;
    Ok(done.map_err(|refused| refused_entry(&entries, refused)))
}

/// Returns the statistics of the guest's map, if it has one.
fn stats(store: &mut Store<Sandbox<GuestData>>) -> wasmtime::Result<Option<Stats>> {
    match store.data_mut().data.control.take() {
        Some(control) => control.stats(&mut *store).map(Some),
        None => Ok(linked_stats(store)),
    }
}
