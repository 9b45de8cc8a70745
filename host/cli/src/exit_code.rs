//! The exit codes of the program that say more than success or failure.

/// The guest trapped, or ran out of time: as a process that aborts, 128 and the number of
/// SIGABRT.
pub(crate) const TRAPPED: u8 = 134;
/// Ended by Ctrl-C: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;
/// The reader of our standard output has gone: 128 and the number of SIGPIPE.
pub(crate) const PIPE_CLOSED: u8 = 141;
/// Ended by SIGTERM: 128 and its number.
#[cfg(unix)]
pub(crate) const TERMINATED: u8 = 143;
