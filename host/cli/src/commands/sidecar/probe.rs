//! `--check`: asks whether a sidecar is serving. Nothing here needs Wasmtime, so it is fast.

use crate::terminal::stdio::note;
use anyhow::Context;
use localmap_sidecar::check;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Builder;

/// A question whether a sidecar is serving.
pub(crate) struct Probe<'a> {
    pub(super) socket: &'a Path,
    pub(super) timeout: Duration,
}

impl Probe<'_> {
    /// Asks. If the answer is no, a line on standard error says why.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start the timer")?;
        match runtime.block_on(check(self.socket, self.timeout)) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => {
                note(format_args!("Not serving: {:#}", anyhow::Error::new(error)));
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
