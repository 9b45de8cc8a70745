//! The log of the sidecar: a line for each event, with the time.

use crate::commands::serve::log::{Log, numbered};
use localmap_sidecar::{Event, EventSink};
use std::time::SystemTime;

/// Writes the events of a sidecar to the log.
pub(super) struct SidecarLog {
    log: Log,
    /// Whether routine events are omitted.
    quiet: bool,
}

impl SidecarLog {
    pub(super) fn new(log: Log, quiet: bool) -> Self {
        Self { log, quiet }
    }
}

impl EventSink for SidecarLog {
    fn event(&self, event: &Event) {
        if self.quiet && event.is_routine() {
            return;
        }
        let at = humantime::format_rfc3339_millis(SystemTime::now());
        self.log.line(format!("{at} {event}"));
        if let Event::GuestFailed {
            call,
            backtrace: Some(backtrace),
            ..
        } = event
        {
            self.log.line(numbered(*call, backtrace));
        }
    }
}
