//! The line that shows on a terminal how far a list has come.

use localmap_mirror::{Listing, MirrorState, MirrorStatus};
use std::env;
use std::io::{self, IsTerminal, Write};

/// Shows how far a list has come, on a line of standard error that is written again and again, if that is
/// a terminal.
pub(super) struct Progress {
    terminal: bool,
    /// Whether the line shows anything.
    shown: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            terminal: is_terminal(),
            shown: false,
        }
    }

    /// Returns `true` if there is a terminal.
    pub(super) fn is_shown(&self) -> bool {
        self.terminal
    }

    /// Shows the list of this status, or nothing if there is none.
    pub(super) fn show(&mut self, status: &MirrorStatus) {
        let listing = status
            .listing
            .filter(|_| status.state == MirrorState::Listing);
        match listing {
            Some(listing) if self.terminal => {
                self.shown = true;
                write(&format!("\r{}\x1b[K", text(listing)));
            }
            _ => self.clear(),
        }
    }

    /// Removes the line, so that another one can be written.
    pub(super) fn clear(&mut self) {
        if self.shown {
            clear();
            self.shown = false;
        }
    }
}

/// Says how far a list has come.
pub(super) fn text(listing: Listing) -> String {
    format!("listing: {} of {} keys", listing.done, listing.total)
}

/// Removes the line, if there is a terminal.
pub(super) fn clear() {
    if is_terminal() {
        write("\r\x1b[K");
    }
}

fn is_terminal() -> bool {
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !dumb
}

/// Writes to standard error. Ignores errors, which could not be reported.
fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}
