//! `-W timeout`: ends the guest when its time is up.

use super::{TRAPPED, report_stats};
use crate::terminal::stdio::complain;
use anyhow::anyhow;
use localmap::Stats;
use localmap::wasmtime::Engine;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// What a guest is given to end in after its time is up. One that computes takes far
/// less; one that waits for its input, or for its output to be read, never ends.
const GRACE: Duration = Duration::from_millis(200);

/// The guest ran out of time.
#[derive(Debug, thiserror::Error)]
#[error("it ran out of its time of {}", humantime::format_duration(*.0))]
pub(super) struct TimedOut(pub(super) Duration);

/// Asks for the statistics while the guest waits in a call of ours.
pub(super) type AskStats = Box<dyn FnOnce() -> Option<Stats> + Send>;

/// Watches until it is dropped.
pub(super) struct Watchdog {
    _running: Sender<()>,
}

impl Watchdog {
    /// Interrupts what `engine` runs after `timeout`. If that does not help, since the
    /// guest waits in a call of ours, ends the process with the same words.
    /// `trapped` is what is said of a trap, `stats` asks for the statistics if somebody
    /// waits for them.
    pub(super) fn start(
        engine: Engine,
        timeout: Duration,
        trapped: String,
        stats: Option<AskStats>,
    ) -> Self {
        let (running, ended) = channel::<()>();
        let still_runs = move |after| ended.recv_timeout(after) == Err(RecvTimeoutError::Timeout);
        thread::spawn(move || {
            if !still_runs(timeout) {
                return;
            }
            engine.increment_epoch();
            if still_runs(GRACE) {
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
