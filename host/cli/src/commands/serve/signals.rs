//! The signals that stop the server.

#[cfg(unix)]
use crate::commands::telemetry::NO_EFFECT;
use crate::exit_code::INTERRUPTED;
#[cfg(unix)]
use crate::exit_code::TERMINATED;
#[cfg(unix)]
use crate::terminal::stdio::note;
use std::io;

/// A stream of SIGINT and SIGTERM signals.
#[cfg(unix)]
pub(in crate::commands) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// SIGUSR1, if it has no effect.
    user: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    /// Starts catching signals, so that they no longer end the process.
    pub(in crate::commands) fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            user: None,
        })
    }

    /// Makes SIGUSR1 have no effect. It may have been meant for another server, which writes a trace, and
    /// the maps of this one would be lost.
    pub(in crate::commands) fn survive_usr1(&mut self) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        self.user = Some(signal(SignalKind::user_defined1())?);
        Ok(())
    }

    /// Waits for the next signal. Returns the exit code of a process ended by that signal.
    pub(in crate::commands) async fn next(&mut self) -> u8 {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return INTERRUPTED,
                _ = self.terminate.recv() => return TERMINATED,
                () = received(self.user.as_mut()) => note(NO_EFFECT),
            }
        }
    }
}

/// Waits for a signal, if it is caught here.
#[cfg(unix)]
async fn received(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
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

    pub(in crate::commands) fn survive_usr1(&mut self) -> io::Result<()> {
        Ok(())
    }

    pub(in crate::commands) async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPTED
    }
}
