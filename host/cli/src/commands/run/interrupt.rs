//! What Ctrl-C and SIGTERM do to a run.
//!
//! During a replay, the first signal ends the input, so that the guest can end as after its last
//! line. The next signal, or the first one of any other run, ends the program. So does the first one
//! if the guest then waits for nothing that can still happen in the replay.

use crate::exit_code::INTERRUPTED;
#[cfg(unix)]
use crate::exit_code::TERMINATED;
use crate::replay::InputEnd;
use anyhow::Context;
use localmap::lock;
use std::sync::{Arc, Mutex};

use super::last_words::{AskStats, exit_with_stats, note_soon};

/// The owner of statistics that are lost.
pub(super) const LOST_WITH: &str = "the guest, which was interrupted";

/// What signals act on. Clones act on the same run.
#[derive(Clone, Default)]
pub(super) struct Interrupts(Arc<Mutex<Targets>>);

#[derive(Default)]
struct Targets {
    input: Option<InputEnd>,
    stats: Option<AskStats>,
    /// The exit code of a program that the last signal ends.
    code: Option<u8>,
}

impl Interrupts {
    /// Starts to handle Ctrl-C.
    pub(super) fn catch() -> anyhow::Result<Self> {
        let interrupts = Self::default();
        let handler = interrupts.clone();
        ctrlc::set_handler(move || handler.handle(INTERRUPTED)).context("cannot catch Ctrl-C")?;
        Ok(interrupts)
    }

    /// Makes the first signal end this input. From now on, SIGTERM is handled too.
    pub(super) fn end_input_first(&self, input: InputEnd) -> anyhow::Result<()> {
        lock(&self.0).input = Some(input);
        #[cfg(unix)]
        self.catch_sigterm().context("cannot catch SIGTERM")?;
        Ok(())
    }

    /// Makes the signal that ends the program report these statistics.
    pub(super) fn report(&self, stats: AskStats) {
        lock(&self.0).stats = Some(stats);
    }

    /// Returns the exit code of a guest that has been interrupted.
    pub(super) fn code(&self) -> u8 {
        lock(&self.0).code.unwrap_or(INTERRUPTED)
    }

    #[cfg(unix)]
    fn catch_sigterm(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let handler = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let mut signals = runtime.block_on(async { signal(SignalKind::terminate()) })?;
        std::thread::spawn(move || {
            while runtime.block_on(signals.recv()).is_some() {
                handler.handle(TERMINATED);
            }
        });
        Ok(())
    }

    /// Handles a signal; `code` is the exit code of a program that it ends.
    fn handle(&self, code: u8) {
        let mut targets = lock(&self.0);
        targets.code = Some(code);
        // The note comes before anything that the end causes.
        let note = || {
            note_soon(
                "Interrupted: the input of the guest ends here; interrupt again to end the guest",
            );
        };
        if targets.input.as_ref().is_some_and(|input| input.end(note)) {
            return;
        }
        exit_with_stats(code, || {}, targets.stats.take(), LOST_WITH);
    }
}
