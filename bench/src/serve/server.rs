//! The servers: `localmap serve`, the program next to this one, and `wasmtime serve`, if it is
//! installed.

use crate::process;
use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, sink};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

/// The version of Wasmtime that localmap contains, up to its first dot.
const WASMTIME: &str = "48.";

/// A program that serves and runs components.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Localmap,
    Wasmtime,
}

impl Program {
    /// Returns `true` if it is Wasmtime, and there is a reason why that cannot be measured.
    pub(super) fn is_missing(self, no_wasmtime: Option<&str>) -> bool {
        self == Self::Wasmtime && no_wasmtime.is_some()
    }
}

/// Returns why Wasmtime cannot be measured, or `None` if it can.
pub(super) fn no_wasmtime() -> Option<&'static str> {
    match version(Program::Wasmtime) {
        Some(version) if version.starts_with(WASMTIME) => None,
        Some(_) => Some("another version is installed"),
        None => Some("not installed"),
    }
}

/// Checks that there is a `localmap` next to this program.
pub(super) fn find_localmap() -> Result<()> {
    version(Program::Localmap).map(drop).with_context(|| {
        format!(
            "{} cannot be started: build it with `cargo build --release --locked -p localmap-bench \
             -p localmap-cli --bins`",
            path(Program::Localmap).display()
        )
    })
}

/// Returns a command of a program. It keeps compiled code in the folder `cache`.
pub(super) fn command(program: Program, name: &str, cache: &Path) -> Command {
    let mut command = Command::new(path(program));
    command
        .arg(name)
        .env("XDG_CACHE_HOME", cache)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

fn path(program: Program) -> PathBuf {
    match program {
        Program::Wasmtime => "wasmtime".into(),
        Program::Localmap => {
            let own = env::current_exe().unwrap_or_default();
            own.with_file_name(format!("localmap{}", env::consts::EXE_SUFFIX))
        }
    }
}

/// Returns the version of a program, or `None` if it cannot be started.
fn version(program: Program) -> Option<String> {
    let output = Command::new(path(program)).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.split_whitespace().nth(1)?.to_owned())
}

/// A server, which ends when this is dropped.
pub(super) struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a server on a free port, and waits until it listens.
    pub(super) fn start(program: Program, arguments: &[OsString], cache: &Path) -> Result<Self> {
        let mut process = command(program, "serve", cache)
            .args(["--addr", "127.0.0.1:0"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let output = process.stderr.take().context("the server has no output")?;
        let mut server = Self {
            process,
            address: ([127, 0, 0, 1], 0).into(),
        };
        let mut output = BufReader::new(output);
        server.address = listening(&mut output)?;
        // Keep reading its output, so that its writes do not block.
        thread::spawn(move || std::io::copy(&mut output, &mut sink()));
        Ok(server)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its resident memory in bytes, or not a number if the system does not tell.
    pub(super) fn resident_bytes(&self) -> f64 {
        process::resident_bytes(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads the output of a server until it says where it listens.
fn listening(output: &mut impl BufRead) -> Result<SocketAddr> {
    let mut said = String::new();
    loop {
        let before = said.len();
        ensure!(
            output.read_line(&mut said)? > 0,
            "the server did not start: {said}"
        );
        let line = said.get(before..).unwrap_or_default();
        if let Some((_, address)) = line.split_once("http://") {
            let address = address.trim().trim_end_matches('/');
            return match address.parse() {
                Ok(address) => Ok(address),
                Err(_) => bail!("the server listens at {address:?}"),
            };
        }
    }
}
