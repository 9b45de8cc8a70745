//! Does something until it is done, or a signal arrives.

use super::progress;
use crate::commands::serve::signals::Signals;
use anyhow::{Context, anyhow};
use std::process::ExitCode;
use std::thread;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Does `work` on a thread of its own, which ends with the process: a reader that has stopped reading its
/// output must not keep the process from ending. If a signal arrives before `work` is done, the exit code is
/// 0 for a command that `follows`, or else that of the signal. `usr1_is_caught` says whether something else
/// catches SIGUSR1.
pub(super) fn until_signal(
    follows: bool,
    usr1_is_caught: bool,
    work: impl FnOnce() -> anyhow::Result<ExitCode> + Send + 'static,
) -> anyhow::Result<ExitCode> {
    let runtime = Builder::new_current_thread().enable_io().build();
    let runtime = runtime.context("cannot catch signals")?;
    runtime.block_on(async {
        let mut signals = Signals::catch().context("cannot catch signals")?;
        if !usr1_is_caught {
            signals.survive_usr1().context("cannot catch signals")?;
        }
        let (done, end) = oneshot::channel();
        thread::Builder::new()
            .name("localmap-mirror-output".to_owned())
            .spawn(move || {
                // Without a receiver, the process is ending.
                let _ = done.send(work());
            })
            .context("cannot start a thread")?;
        tokio::select! {
            code = signals.next() => {
                progress::clear();
                Ok(if follows { ExitCode::SUCCESS } else { ExitCode::from(code) })
            }
            result = end => result.unwrap_or_else(|_| Err(anyhow!("a thread has ended early"))),
        }
    })
}
