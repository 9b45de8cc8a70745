//! Writes what becomes of a mirror.

use super::advice::Advice;
use super::changes::Changes;
use super::progress::Progress;
use super::{json, text};
use crate::commands::telemetry::set_ready;
use crate::terminal::stdio::{note, unless_closed};
use anyhow::{Context, bail};
use localmap_mirror::{MirrorReader, MirrorState, MirrorStatus};
use localmap_telemetry::Telemetry;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// What to write.
pub(super) struct Follow {
    pub(super) reader: MirrorReader,
    /// The time after which it says what to check, if there is no copy.
    pub(super) timeout: Duration,
    pub(super) advice: Advice,
    pub(super) json: bool,
    pub(super) telemetry: Option<Telemetry>,
}

impl Follow {
    /// Writes until the mirror ends, or standard output is closed.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        unless_closed(self.write_changes())
    }

    fn write_changes(self) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut progress = Progress::new();
        let mut changes = Changes::new(!progress.is_shown());
        let mut had_copy = false;
        let mut advised = false;
        loop {
            let status = self.reader.status();
            had_copy |= status.freshness.is_ok();
            set_ready(self.telemetry.as_ref(), status.freshness.is_ok());
            let change = changes.next(&status, Instant::now());
            if change.connection || change.status {
                progress.clear();
            }
            if change.connection {
                self.write_connection(&status)?;
            }
            if change.status {
                self.write_line(|now| match self.json {
                    true => json::line(&status, now),
                    false => dated(now, &text::status(&status)),
                })?;
            }
            if !had_copy && !advised && began.elapsed() >= self.timeout {
                advised = true;
                progress.clear();
                let after = text::span(self.timeout);
                let advice = self.advice.text(&status);
                note(format_args!("No copy after {after}: {advice}"));
            }
            if status.state == MirrorState::Ended {
                bail!("the mirror has ended");
            }
            progress.show(&status);
            thread::sleep(PAUSE);
        }
    }

    /// Tells which server the mirror is connected to, and what that server cannot do.
    fn write_connection(&self, status: &MirrorStatus) -> anyhow::Result<()> {
        let Some(connection) = &status.connection else {
            return Ok(());
        };
        if !self.json {
            self.write_line(|now| dated(now, &text::connection(connection)))?;
        }
        if !connection.has_reliable_progress() {
            note(format_args!(
                "etcd {} answers requests for progress too early, or not at all (mended in 3.4.31 and \
                 3.5.13). Without them, the copy is known to be fresh by its events and, while the \
                 prefix does not change, by a count of its keys with each probe, for which etcd walks \
                 through all of them. Such servers can also lose events near a compaction, which \
                 --audit 10m finds.",
                text::printable(&connection.version)
            ));
        }
        Ok(())
    }

    fn write_line(&self, line: impl FnOnce(SystemTime) -> String) -> anyhow::Result<()> {
        let line = line(SystemTime::now()) + "\n";
        let mut out = io::stdout().lock();
        let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        written.context("cannot write to standard output")
    }
}

fn dated(now: SystemTime, text: &str) -> String {
    format!("{} {text}", humantime::format_rfc3339_millis(now))
}
