//! The signals that end the screen, and those that interrupt it.

use crate::commands::serve::signals::Signals;
use std::io;
use std::thread;
#[cfg(unix)]
use std::time::Duration;

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// The process has been stopped, and continues. Its terminal may have been used by others.
    Continued,
    /// The process is to end with this exit code.
    End(u8),
}

/// Starts a thread that passes signals on until `pass` returns `false`.
pub(super) fn start(pass: impl Fn(Signal) -> bool + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut ends, mut continued) = {
        let _entered = runtime.enter();
        (Signals::catch()?, Continued::catch()?)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            loop {
                let signal = tokio::select! {
                    code = ends.next() => Signal::End(code),
                    () = continued.next() => Signal::Continued,
                };
                if !pass(signal) {
                    return;
                }
            }
        });
    });
    Ok(())
}

/// A stream of SIGCONT.
#[cfg(unix)]
struct Continued(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Continued {
    fn catch() -> io::Result<Self> {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::from_raw(Signal::CONT.as_raw())).map(Self)
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
struct Continued;

#[cfg(not(unix))]
impl Continued {
    fn catch() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Stops the process, and the others of its job, as Ctrl-Z does in a terminal that is not in raw mode.
/// Returns once they continue, or at once if no shell could continue them.
pub(super) fn suspend() {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, kill_current_process_group};
        if kill_current_process_group(Signal::TSTP).is_ok() {
            // Another thread may be the one that gets the signal, a moment later.
            thread::sleep(Duration::from_millis(50));
        }
    }
}
