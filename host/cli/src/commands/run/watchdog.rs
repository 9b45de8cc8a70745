//! `-W timeout` for a guest that waits for input, or for its output to be read.
//!
//! A guest that computes is interrupted by its store. One that waits in a host call cannot be
//! interrupted, so this ends the process.

use super::last_words::{LastWords, exit_after};
use crate::exit_code::TRAPPED;
use crate::terminal::stdio::complain;
use anyhow::anyhow;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// The maximum time for a guest that computes to end after its timeout. It usually takes far less.
const GRACE: Duration = Duration::from_millis(200);

/// The guest ran out of time.
#[derive(Debug, thiserror::Error)]
#[error("it timed out after {}; raise -W timeout=TIME", humantime::format_duration(*.0))]
pub(super) struct TimedOut(pub(super) Duration);

/// The owner of statistics that are lost.
pub(super) const LOST_WITH: &str = "the instance, which ran out of time";

/// A watchdog that runs until it is dropped.
pub(super) struct Watchdog {
    _running: Sender<()>,
}

impl Watchdog {
    /// Ends the process if the guest has not ended shortly after `timeout`, with the same message
    /// and exit code as for a guest that computes. `timed_out` is the first line of the message.
    /// `last_words` is what is left to say then.
    pub(super) fn start(timeout: Duration, timed_out: String, last_words: LastWords) -> Self {
        let (running, ended) = channel::<()>();
        let still_runs = move |after| ended.recv_timeout(after) == Err(RecvTimeoutError::Timeout);
        thread::spawn(move || {
            if still_runs(timeout.saturating_add(GRACE)) {
                let message = || complain(&anyhow!(TimedOut(timeout)).context(timed_out));
                exit_after(TRAPPED, message, last_words, LOST_WITH);
            }
        });
        Self { _running: running }
    }
}
