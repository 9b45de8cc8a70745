//! The program next to this one as a sidecar.

use crate::process;
use anyhow::{Context, Result, bail};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, path::Path};
use tempfile::TempDir;

/// How long it may take to start, since it compiles the map.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sidecar, which ends when this is dropped.
pub(super) struct Sidecar {
    process: Child,
    folder: TempDir,
}

impl Sidecar {
    /// Starts a sidecar with these options, on the core of this thread, and waits until it accepts
    /// connections.
    pub(super) fn start(options: &[&str]) -> Result<Self> {
        let folder = TempDir::with_prefix("localmap-bench").context("no folder for the sidecar")?;
        let process = Command::new(program())
            .arg("sidecar")
            .arg("--socket")
            .arg(socket(folder.path()))
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| {
                format!(
                    "{} cannot be started: build it with `cargo build --release --locked -p \
                     localmap-bench -p localmap-cli --bins`",
                    program().display()
                )
            })?;
        let mut sidecar = Self { process, folder };
        sidecar.wait()?;
        Ok(sidecar)
    }

    fn wait(&mut self) -> Result<()> {
        let began = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the sidecar has ended: {status}");
            }
            if began.elapsed() > PATIENCE {
                bail!("the sidecar accepts no connection");
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Returns the path of its socket.
    pub(super) fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// Returns the number of its process.
    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    /// Returns its resident memory in bytes.
    pub(super) fn resident_bytes(&self) -> f64 {
        process::resident_bytes(self.process())
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("map.sock")
}

fn program() -> PathBuf {
    let own = env::current_exe().unwrap_or_default();
    own.with_file_name(format!("localmap{}", env::consts::EXE_SUFFIX))
}
