//! Ends the process while the guest runs or waits, and writes what is left to say.

use crate::commands::telemetry::TraceFile;
use crate::terminal::stats::report_stats;
use crate::terminal::stdio::note;
use localmap::Stats;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// The maximum time for which the last messages may wait. Standard error may be a pipe that nobody
/// reads.
const GRACE: Duration = Duration::from_millis(200);

/// Reads the statistics while the guest runs. Returns `None` if they cannot be read.
pub(super) type AskStats = Box<dyn FnOnce() -> Option<Stats> + Send>;

/// What is left to say at the end.
#[derive(Default)]
pub(super) struct LastWords {
    /// The statistics, if they are requested.
    pub(super) stats: Option<AskStats>,
    /// The file of the trace, if there is to be one.
    pub(super) trace: Option<Arc<TraceFile>>,
}

/// Writes the trace, a message and the statistics, and exits with `code`. If there are no statistics,
/// reports that they are lost with `lost_with`.
pub(super) fn exit_after(
    code: u8,
    message: impl FnOnce(),
    LastWords { stats, trace }: LastWords,
    lost_with: &str,
) -> ! {
    // A regular file, which does not wait for a reader.
    let written = trace.map(|trace| trace.write());
    thread::spawn(move || {
        thread::sleep(GRACE);
        std::process::exit(i32::from(code));
    });
    message();
    if let Some(ask) = stats {
        report_stats(ask(), lost_with);
    }
    if let Some(Err(warning)) = written {
        note(warning);
    }
    std::process::exit(i32::from(code));
}

/// Writes a line to standard error, but waits only briefly if nobody reads it.
pub(super) fn note_soon(line: &'static str) {
    let (done, written) = channel();
    thread::spawn(move || {
        note(line);
        // Nobody waits for it any more.
        let _ = done.send(());
    });
    let _ = written.recv_timeout(GRACE);
}
