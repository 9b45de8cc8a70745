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

use super::last_words::{LastWords, exit_after, note_soon};

/// The owner of statistics that are lost.
pub(super) const LOST_WITH: &str = "the guest, which was interrupted";

/// What signals act on. Clones act on the same run.
#[derive(Clone, Default)]
pub(super) struct Interrupts(Arc<Mutex<Targets>>);

#[derive(Default)]
struct Targets {
    input: Option<InputEnd>,
    last_words: LastWords,
    /// The exit code of a program that the last signal ends.
    code: Option<u8>,
    #[cfg(unix)]
    catches_sigterm: bool,
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

    /// Makes the signal that ends the program say this first. If a trace is to be written, SIGTERM is
    /// handled too.
    pub(super) fn report(&self, last_words: LastWords) -> anyhow::Result<()> {
        #[cfg(unix)]
        if last_words.trace.is_some() {
            self.catch_sigterm().context("cannot catch SIGTERM")?;
        }
        lock(&self.0).last_words = last_words;
        Ok(())
    }

    /// Returns the exit code of a guest that has been interrupted.
    pub(super) fn code(&self) -> u8 {
        lock(&self.0).code.unwrap_or(INTERRUPTED)
    }

    /// Handles SIGTERM, once for each signal.
    #[cfg(unix)]
    fn catch_sigterm(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        if std::mem::replace(&mut lock(&self.0).catches_sigterm, true) {
            return Ok(());
        }
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
        exit_after(
            code,
            || {},
            std::mem::take(&mut targets.last_words),
            LOST_WITH,
        );
    }
}
