//! The exit codes of the program other than success.

/// Failed, with a message on standard error.
pub(crate) const FAILED: u8 = 1;
/// `mirror` cannot say whether it is so, with a message on standard error: etcd does not answer, or the copy
/// must not be read.
pub(crate) const UNDECIDED: u8 = 2;
/// The guest trapped or ran out of time: 128 plus the number of SIGABRT, as for a process that
/// aborts.
pub(crate) const TRAPPED: u8 = 134;
/// Ended by Ctrl-C: 128 plus the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;
/// Standard output was closed early: 128 plus the number of SIGPIPE.
pub(crate) const PIPE_CLOSED: u8 = 141;
/// Ended by SIGTERM: 128 plus its number.
pub(crate) const TERMINATED: u8 = 143;
