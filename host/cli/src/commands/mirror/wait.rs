//! Waits until the copy can be read.

use super::advice::Advice;
use super::json;
use super::progress::Progress;
use super::text::{printable, span};
use crate::terminal::stdio::note;
use anyhow::bail;
use localmap_mirror::{MirrorReader, MirrorState, ReadError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// How to wait for the copy.
pub(super) struct Wait {
    pub(super) reader: MirrorReader,
    pub(super) timeout: Duration,
    pub(super) advice: Advice,
    /// Whether to write the status, as JSON.
    pub(super) json: bool,
}

impl Wait {
    /// Waits until the copy can be read. Writes the status to standard error, if that is asked for.
    ///
    /// # Errors
    ///
    /// Returns why it cannot be read, and what to check, after the timeout, or at once if waiting does not
    /// help.
    pub(super) fn until_readable(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut progress = Progress::new();
        loop {
            let status = self.reader.status();
            let error = status.freshness.as_ref().err();
            let is_final = self.advice.is_final(&status);
            let over = began.elapsed() >= self.timeout;
            // The watch begins in a moment. Until then a new copy is not fresh.
            let begins = status.state == MirrorState::Listing;
            if (error.is_some() || begins) && !is_final && !over {
                progress.show(&status);
                thread::sleep(PAUSE);
                continue;
            }
            progress.clear();
            if self.json {
                note(json::line(&status, SystemTime::now()));
            }
            let Some(error) = error else {
                return Ok(());
            };
            let advice = self.advice.text(&status);
            match error {
                ReadError::NotReady { why, .. } if !is_final => {
                    bail!(
                        "no copy after {}: {}; {advice}",
                        span(self.timeout),
                        printable(why)
                    )
                }
                ReadError::NotReady { why, .. } => {
                    bail!("there is no copy: {}; {advice}", printable(why))
                }
                error => bail!("{}; {advice}", printable(&error.to_string())),
            }
        }
    }
}
