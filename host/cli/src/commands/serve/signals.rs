//! The signals that stop the server.

use crate::exit_code::INTERRUPTED;
#[cfg(unix)]
use crate::exit_code::TERMINATED;
use std::io;

/// A stream of SIGINT and SIGTERM signals.
#[cfg(unix)]
pub(in crate::commands) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Starts catching signals, so that they no longer end the process.
    pub(in crate::commands) fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal. Returns the exit code of a process ended by that signal.
    pub(in crate::commands) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }
}

/// A stream of Ctrl-C events.
#[cfg(not(unix))]
pub(in crate::commands) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(in crate::commands) fn catch() -> io::Result<Self> {
        Ok(Self)
    }

    pub(in crate::commands) async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPTED
    }
}
