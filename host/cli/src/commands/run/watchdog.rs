//! `-W timeout` for a guest that waits for input, or for its output to be read.
//!
//! A guest that computes is interrupted by its store. One that waits in a host call cannot be
//! interrupted, so this ends the process.

use crate::exit_code::TRAPPED;
use crate::terminal::stats;
use crate::terminal::stdio::complain;
use anyhow::anyhow;
use localmap::Stats;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// The maximum time for a guest that computes to end after its timeout. It usually takes far less.
const GRACE: Duration = Duration::from_millis(200);

/// The guest ran out of time.
#[derive(Debug, thiserror::Error)]
#[error("it timed out after {}", humantime::format_duration(*.0))]
pub(super) struct TimedOut(pub(super) Duration);

/// Reads the statistics while the guest waits in a host call.
pub(super) type AskStats = Box<dyn FnOnce() -> Option<Stats> + Send>;

/// Writes the statistics of the map of a guest that trapped to standard error.
pub(super) fn report_stats(stats: Option<Stats>) {
    stats::report_stats(stats, "the instance, which trapped");
}

/// A watchdog that runs until it is dropped.
pub(super) struct Watchdog {
    _running: Sender<()>,
}

impl Watchdog {
    /// Ends the process if the guest has not ended shortly after `timeout`, with the same message
    /// and exit code as for a guest that computes. `trapped` is the first line of the message.
    /// `stats` reads the statistics, if they are requested.
    pub(super) fn start(timeout: Duration, trapped: String, stats: Option<AskStats>) -> Self {
        let (running, ended) = channel::<()>();
        let still_runs = move |after| ended.recv_timeout(after) == Err(RecvTimeoutError::Timeout);
        thread::spawn(move || {
            if still_runs(timeout.saturating_add(GRACE)) {
                // Standard error may also be a pipe that nobody reads.
                thread::spawn(|| {
                    thread::sleep(GRACE);
                    std::process::exit(i32::from(TRAPPED));
                });
                complain(&anyhow!(TimedOut(timeout)).context(trapped));
                if let Some(ask) = stats {
                    report_stats(ask());
                }
                std::process::exit(i32::from(TRAPPED));
            }
        });
        Self { _running: running }
    }
}
