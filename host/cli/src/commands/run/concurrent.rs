//! Calls a guest that uses WASI 0.3, which has several tasks at a time.

use super::call::{
    Call, Ended, failed, linked_stats, not_instantiated, refused_limits, returned, timed_out,
};
use super::guest_data::GuestData;
use super::{replay_clock, streams};
use crate::args::entry::{preloads, refused_entry};
use crate::replay::drive;
use anyhow::Context;
use localmap::wasmtime::component::{Accessor, Instance, Linker};
use localmap::wasmtime::{self, Store};
use localmap::{Control, Stats, WasiVersion};
use localmap_serve::Sandbox;
use std::future::poll_fn;
use std::time::Duration;
use tokio::runtime;
use tokio::time::timeout;
use wasmtime_wasi::{p2, p3};

/// Links WASI 0.2 and 0.3 as a guest has them here.
pub(super) fn link(
    linker: &mut Linker<Sandbox<GuestData>>,
    replayed: bool,
) -> wasmtime::Result<()> {
    Sandbox::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    streams::link_output(linker)?;
    if replayed {
        streams::link_replayed_input(linker)?;
        replay_clock::link(linker)?;
        replay_clock::link_0_3(linker)?;
    }
    Ok(())
}

/// What came of a guest.
enum Outcome {
    Ended(Ended),
    /// The call failed.
    Failed(wasmtime::Error),
    NotInstantiated(wasmtime::Error),
    /// The map that is plugged into it could not be set up.
    Refused(anyhow::Error),
    /// It waited for nothing that could still happen after its input had been ended.
    Stuck,
}

/// Instantiates a guest and calls its function `run`. Waits until all tasks that this starts have
/// ended.
pub(super) fn run(store: &mut Store<Sandbox<GuestData>>, call: &Call<'_>) -> anyhow::Result<Ended> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime of the guest")?;
    let outcome = runtime.block_on(within(call.left, replayed(store, call)));
    // A lookup of a name may still run.
    runtime.shutdown_background();
    match outcome {
        Some(Outcome::Ended(ended)) => Ok(ended),
        Some(Outcome::Failed(error)) => Ok(failed(store, error, call.timeout)),
        Some(Outcome::NotInstantiated(error)) => not_instantiated(store, error, call),
        Some(Outcome::Refused(error)) => Err(error),
        Some(Outcome::Stuck) => Ok(Ended::Interrupted {
            code: call.interrupts.code(),
            stats: linked_stats(store),
        }),
        None => Ok(Ended::TimedOut {
            error: timed_out(None, call.timeout.unwrap_or_default()),
            stats: linked_stats(store),
        }),
    }
}

/// Ends a guest that waits when its time is over. One that computes is interrupted by its store.
async fn within<F: Future>(left: Option<Duration>, run: F) -> Option<F::Output> {
    match left {
        Some(left) => timeout(left, run).await.ok(),
        None => Some(run.await),
    }
}

/// Runs a guest, and moves its clock if that is the one of a replay.
async fn replayed(store: &mut Store<Sandbox<GuestData>>, call: &Call<'_>) -> Outcome {
    let data = &store.data().data;
    match data.input.clone() {
        Some(input) => {
            let clock = data.replay.clone();
            let ended = drive(instantiate_and_run(store, call), &clock, &input).await;
            ended.unwrap_or(Outcome::Stuck)
        }
        None => instantiate_and_run(store, call).await,
    }
}

async fn instantiate_and_run(store: &mut Store<Sandbox<GuestData>>, call: &Call<'_>) -> Outcome {
    let instance = match call.linked.instantiate_async(&mut *store).await {
        Ok(instance) => instance,
        Err(error) => return Outcome::NotInstantiated(error),
    };
    match set_up_and_run(store, call, &instance).await {
        Ok(Ok(ended)) => Outcome::Ended(ended),
        Ok(Err(refused)) => Outcome::Refused(refused),
        Err(error) => Outcome::Failed(error),
    }
}

/// Sets up the plugged map, if there is one, and runs the guest. The outer error is a failure of
/// a call.
async fn set_up_and_run(
    store: &mut Store<Sandbox<GuestData>>,
    call: &Call<'_>,
    instance: &Instance,
) -> wasmtime::Result<anyhow::Result<Ended>> {
    let control = Control::find(&mut *store, call.component, instance)?;
    if let Some(control) = &control
        && let Err(refused) = set_up(store, control, call).await?
    {
        return Ok(Err(refused));
    }
    let status = match call.guest.command {
        Some(WasiVersion::V0_2) => run_0_2(store, instance).await?,
        _ => run_0_3(store, instance).await?,
    };
    let stats = stats(store, control.as_ref()).await?;
    Ok(Ok(returned(status, stats)))
}

async fn run_0_3(
    store: &mut Store<Sandbox<GuestData>>,
    instance: &Instance,
) -> wasmtime::Result<Result<(), ()>> {
    let command = p3::bindings::Command::new(&mut *store, instance)?;
    let run = async |store: &Accessor<Sandbox<GuestData>>| {
        let status = command.wasi_cli_run().call_run(store).await?;
        // What the guest does after its `run` has returned, such as writing.
        poll_fn(|context| store.poll_no_interesting_tasks(context)).await;
        Ok(status)
    };
    store.run_concurrent(run).await?
}

async fn run_0_2(
    store: &mut Store<Sandbox<GuestData>>,
    instance: &Instance,
) -> wasmtime::Result<Result<(), ()>> {
    let command = p2::bindings::Command::new(&mut *store, instance)?;
    command.wasi_cli_run().call_run(&mut *store).await
}

/// Sets the limits and the initial entries of the plugged map. The outer error is a failure of the
/// call itself.
async fn set_up(
    store: &mut Store<Sandbox<GuestData>>,
    control: &Control,
    call: &Call<'_>,
) -> wasmtime::Result<anyhow::Result<()>> {
    // A component that has already been plugged keeps its limits, except for those that are given.
    let before = control.limits_async(&mut *store).await?;
    let limits = call.map.limits_over(before, call.guest);
    if let Err(error) = control.configure_async(&mut *store, &limits).await? {
        return Ok(Err(
            refused_limits(error).context("cannot configure the map")
        ));
    }
    let entries = call.map.entries();
    let preloads = preloads(&entries);
    let done = control.preload_async(&mut *store, &preloads).await?;
    Ok(done.map_err(|refused| refused_entry(&entries, refused)))
}

/// Returns the statistics of the guest's map, if it has one.
async fn stats(
    store: &mut Store<Sandbox<GuestData>>,
    control: Option<&Control>,
) -> wasmtime::Result<Option<Stats>> {
    match control {
        Some(control) => control.stats_async(&mut *store).await.map(Some),
        None => Ok(linked_stats(store)),
    }
}
