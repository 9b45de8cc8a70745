//! The call of a guest, and how it ends.

use super::guest_data::GuestData;
use super::interrupt::Interrupts;
use super::watchdog::TimedOut;
use crate::args::map_args::MapArgs;
use crate::commands::instance;
use crate::terminal::stdio::Closed;
use anyhow::anyhow;
use localmap::wasmtime::component::{Component, InstancePre};
use localmap::wasmtime::{self, Store, Trap, WasmBacktrace};
use localmap::{ConfigureError, Inspection, Stats};
use localmap_serve::{InstanceError, Sandbox};
use std::time::Duration;
use wasmtime_wasi::I32Exit;

/// What is called: the guest, the map that it has, and the time that is left.
pub(super) struct Call<'a> {
    pub(super) component: &'a Component,
    pub(super) linked: &'a InstancePre<Sandbox<GuestData>>,
    pub(super) guest: &'a Inspection,
    pub(super) map: &'a MapArgs,
    /// The timeout of the guest, and how much of it is left.
    pub(super) timeout: Option<Duration>,
    pub(super) left: Option<Duration>,
    pub(super) interrupts: &'a Interrupts,
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
    /// The guest trapped.
    Trap {
        error: anyhow::Error,
        /// The statistics, or `None` if they are lost with the guest or it has no map.
        stats: Option<Stats>,
    },
    /// The guest ran out of time.
    TimedOut {
        error: anyhow::Error,
        /// The statistics, or `None` if they are lost with the guest or it has no map.
        stats: Option<Stats>,
    },
    /// A signal ended the input of the guest, which then waited for nothing that could still happen.
    Interrupted {
        /// The exit code for the signal.
        code: u8,
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
pub(super) fn linked_stats(store: &mut Store<Sandbox<GuestData>>) -> Option<Stats> {
    store.data_mut().map()?.map().stats().ok()
}

/// Says how a guest ended that could not be instantiated.
pub(super) fn not_instantiated(
    store: &mut Store<Sandbox<GuestData>>,
    error: wasmtime::Error,
    call: &Call<'_>,
) -> anyhow::Result<Ended> {
    if error.is::<Trap>() || error.is::<localmap::TimedOut>() || error.is::<I32Exit>() {
        return Ok(failed(store, error, call.timeout));
    }
    let denied = store.data().denied();
    let error = InstanceError::explain(error, denied);
    Err(instance::explain(&error, Some(call.guest)))
}

/// Says how a guest ended whose function `run` returned.
pub(super) fn returned(status: Result<(), ()>, stats: Option<Stats>) -> Ended {
    match status {
        Ok(()) => Ended::Exit { code: 0, stats },
        Err(()) => Ended::Failed { stats },
    }
}

/// Says how a guest ended whose call failed.
pub(super) fn failed(
    store: &mut Store<Sandbox<GuestData>>,
    error: wasmtime::Error,
    timeout: Option<Duration>,
) -> Ended {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Ended::Exit {
            code: u8::try_from(*code).unwrap_or(1),
            stats: match store.data_mut().data.stats.take() {
                None => linked_stats(store),
                plugged => plugged,
            },
        };
    }
    let stats = linked_stats(store);
    if error.is::<Closed>() {
        return Ended::Closed { stats };
    }
    match timeout {
        Some(timeout) if error.is::<localmap::TimedOut>() => Ended::TimedOut {
            error: timed_out(error.downcast_ref::<WasmBacktrace>(), timeout),
            stats,
        },
        _ => Ended::Trap {
            error: anyhow!(error),
            stats,
        },
    }
}

/// Creates the error for a timeout, with the guest's backtrace if there is one.
pub(super) fn timed_out(backtrace: Option<&WasmBacktrace>, timeout: Duration) -> anyhow::Error {
    match backtrace {
        Some(backtrace) => anyhow!("{backtrace}").context(TimedOut(timeout)),
        None => anyhow!(TimedOut(timeout)),
    }
}

/// Says what to do about limits that the map rejects. If it has entries already, it was plugged with
/// them, so that `run` is too late.
pub(super) fn refused_limits(error: ConfigureError) -> anyhow::Error {
    match error {
        ConfigureError::Lowered { setting, .. } => anyhow!(
            "the map has entries from the beginning, so that its {setting} can no longer be \
             lowered or changed: pass --{setting} to `localmap plug` instead"
        ),
        other => other.into(),
    }
}
