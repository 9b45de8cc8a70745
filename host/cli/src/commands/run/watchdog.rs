//! `-W timeout` for a guest that waits: for its input, or for its output to be read.
//!
//! A guest that computes is ended by its store. One that waits in a call of ours does not
//! notice that its time is up, so this ends the process.

use crate::exit_code::TRAPPED;
use crate::terminal::stats;
use crate::terminal::stdio::complain;
use anyhow::anyhow;
use localmap::Stats;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How long after its timeout a guest that computes may take to end. It takes far less.
const GRACE: Duration = Duration::from_millis(200);

/// The guest ran out of time.
#[derive(Debug, thiserror::Error)]
#[error("it ran out of its time of {}", humantime::format_duration(*.0))]
pub(super) struct TimedOut(pub(super) Duration);

/// Asks for the statistics while the guest waits in a call of ours.
pub(super) type AskStats = Box<dyn FnOnce() -> Option<Stats> + Send>;

/// Writes the statistics of the guest's map to standard error.
pub(super) fn report_stats(stats: Option<Stats>) {
    stats::report_stats(stats, "the instance, which trapped");
}

/// Watches until it is dropped.
pub(super) struct Watchdog {
    _running: Sender<()>,
}

impl Watchdog {
    /// Ends the process if the guest has not ended shortly after `timeout`, with the message
    /// and the exit code of a guest that computes. `trapped` begins the message, `stats` asks
    /// for the statistics if they are wanted.
    pub(super) fn start(timeout: Duration, trapped: String, stats: Option<AskStats>) -> Self {
        let (running, ended) = channel::<()>();
        let still_runs = move |after| ended.recv_timeout(after) == Err(RecvTimeoutError::Timeout);
        thread::spawn(move || {
            if still_runs(timeout.saturating_add(GRACE)) {
                // Standard error may be a pipe that nobody reads, too.
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
