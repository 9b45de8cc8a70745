//! A Redis server on a unix socket, without files.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A Redis server, which ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts a server. Returns `None` if Redis is not installed.
    pub(crate) fn start() -> Result<Option<Self>> {
        let folder = TempDir::with_prefix("localmap-bench").context("no folder for Redis")?;
        // The child stays on the core of its parent.
        let Ok(process) = spawn(folder.path()) else {
            return Ok(None);
        };
        let mut server = Self { process, folder };
        let output = server.process.stdout.take().context("no output of Redis")?;
        let mut output = BufReader::new(output);
        let mut said = String::new();
        while !said.contains("ready to accept connections") {
            let line = output.read_line(&mut said)?;
            anyhow::ensure!(line > 0, "redis-server exited: {said}");
        }
        // Keep reading its output, so that its writes do not fail.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Ok(Some(server))
    }

    /// Returns the path of its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("redis")
    }

    /// Returns the number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }
}

fn spawn(folder: &Path) -> std::io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder)
        .arg("--unixsocket")
        .arg(folder.join("redis"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
}
