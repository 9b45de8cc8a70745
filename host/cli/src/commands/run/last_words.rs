//! Ends the process while the guest runs or waits, and writes what is left to say.

use crate::terminal::stats::report_stats;
use crate::terminal::stdio::note;
use localmap::Stats;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// The maximum time for which the last messages may wait. Standard error may be a pipe that nobody
/// reads.
const GRACE: Duration = Duration::from_millis(200);

/// Reads the statistics while the guest runs. Returns `None` if they cannot be read.
pub(super) type AskStats = Box<dyn FnOnce() -> Option<Stats> + Send>;

/// Writes a message and the statistics, if they are requested, and exits with `code`. If there are
/// no statistics, reports that they are lost with `lost_with`.
pub(super) fn exit_with_stats(
    code: u8,
    message: impl FnOnce(),
    stats: Option<AskStats>,
    lost_with: &str,
) -> ! {
    thread::spawn(move || {
        thread::sleep(GRACE);
        std::process::exit(i32::from(code));
    });
    message();
    if let Some(ask) = stats {
        report_stats(ask(), lost_with);
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
