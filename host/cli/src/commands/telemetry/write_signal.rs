//! SIGUSR1: writes the trace while the command runs.

use super::trace_file::TraceFile;
use crate::terminal::stdio::note;
use std::io;
use std::sync::Arc;
use std::thread;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// What the signal says without a file.
pub(in crate::commands) const NO_EFFECT: &str = "SIGUSR1 has no effect without --trace FILE";

/// Writes the trace with each signal. Without one, the signal has no effect but a line.
pub(super) fn catch(trace: Option<Arc<TraceFile>>) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut signals = runtime.block_on(async { signal(SignalKind::user_defined1()) })?;
    let thread = thread::Builder::new().name("localmap-sigusr1".to_owned());
    thread.spawn(move || {
        while runtime.block_on(signals.recv()).is_some() {
            write(trace.as_deref());
        }
    })?;
    Ok(())
}

fn write(trace: Option<&TraceFile>) {
    let written = trace.map(|trace| (trace.write(), trace.name().display()));
    match written {
        Some((Ok(()), name)) => note(format_args!("The trace is in {name}")),
        Some((Err(warning), _)) => note(warning),
        None => note(NO_EFFECT),
    }
}
