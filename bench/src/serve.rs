//! `localmap serve` and `localmap run` next to `wasmtime serve` and `wasmtime run`: the same
//! components, loaded by the same client.
//!
//! The client keeps eight connections busy, each with one request at a time. Clients and servers
//! share all cores of this machine, and the servers take turns, while the others are idle. Each
//! has the settings that it has by default, but compiles into a cache of this run, and `localmap
//! serve` is `--quiet`, since `wasmtime serve` writes no log; the row "with its log" is the
//! exception. Every response must have status 200 and the expected body.
//!
//! What `localmap serve` does and `wasmtime serve` does not: each request has a limit on its time
//! (30 s) and on the memory of its guest, a guest that computes is interrupted every 10 ms, and the
//! memory and the stack of a guest are wiped before another one uses them.

mod client;
mod padded;
mod response;
mod server;
mod start;

use crate::Options;
use crate::guest;
use crate::measure::{Times, on_all_cores};
use crate::report::{Report, Row};
use anyhow::{Context, Result};
use client::{CLIENTS, Exchange, Load, load};
use server::{Program, Server, find_localmap, no_wasmtime};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// The guests that greet, for WASI 0.2 and 0.3, and the rate limiter of the examples.
const HELLO: &str = "bench-hello.wasm";
const HELLO_03: &str = "bench_hello_03.wasm";
const LIMITER: &str = "http-limiter.wasm";

/// A server that takes part.
struct System {
    program: Program,
    /// What it does differently, after the name of its program.
    label: &'static str,
    /// The file of its component, which is plugged with a map if `plugged`.
    guest: &'static str,
    plugged: bool,
    options: &'static [&'static str],
}

/// Servers that are compared.
struct Contest {
    work: &'static str,
    exchange: Exchange,
    systems: &'static [System],
}

const CONTESTS: [Contest; 2] = [
    Contest {
        work: "hello world",
        exchange: Exchange {
            request: "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
            body: "Hello, world!\n",
        },
        systems: &[
            system(Program::Localmap, "", HELLO, &["--quiet"]),
            system(Program::Localmap, ", with its log", HELLO, &[]),
            system(Program::Wasmtime, "", HELLO, &["-Scli"]),
            system(Program::Localmap, ", WASI 0.3", HELLO_03, &["--quiet"]),
            system(
                Program::Wasmtime,
                ", WASI 0.3, an instance for each request",
                HELLO_03,
                &["-Scli", "--max-instance-reuse-count", "1"],
            ),
            system(
                Program::Localmap,
                ", WASI 0.3, --reuse 128,16",
                HELLO_03,
                &["--quiet", "--map-scope", "server", "--reuse", "128,16"],
            ),
            system(
                Program::Wasmtime,
                ", WASI 0.3, its reuse by default: 128,16",
                HELLO_03,
                &["-Scli"],
            ),
        ],
    },
    Contest {
        work: "rate limiter",
        exchange: Exchange {
            request: "GET / HTTP/1.1\r\nhost: localhost\r\nx-client: alice\r\n\r\n",
            body: "go on\n",
        },
        systems: &[
            system(
                Program::Localmap,
                ", a map of the server",
                LIMITER,
                &["--quiet", "--map-scope", "server", "--env", NO_LIMIT],
            ),
            system(
                Program::Localmap,
                ", a map for each request",
                LIMITER,
                &["--quiet", "--map-scope", "request", "--env", NO_LIMIT],
            ),
            System {
                plugged: true,
                ..system(
                    Program::Wasmtime,
                    ", plugged: a map for each request",
                    LIMITER,
                    &["-Scli", "--env", NO_LIMIT],
                )
            },
        ],
    },
];

/// A limit that no client reaches.
const NO_LIMIT: &str = "LIMIT=4000000000";

const fn system(
    program: Program,
    label: &'static str,
    guest: &'static str,
    options: &'static [&'static str],
) -> System {
    System {
        program,
        label,
        guest,
        plugged: false,
        options,
    }
}

impl System {
    fn name(&self) -> String {
        match self.program {
            Program::Localmap => format!("localmap serve{}", self.label),
            Program::Wasmtime => format!("wasmtime serve{}", self.label),
        }
    }

    fn start(&self, files: &Files) -> Result<Server> {
        let guest = files.guest(self.guest, self.plugged)?;
        let mut arguments: Vec<OsString> = self.options.iter().map(OsString::from).collect();
        arguments.push(guest.into());
        let server = Server::start(self.program, &arguments, &files.cache());
        server.with_context(|| format!("{} failed", self.name()))
    }
}

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    find_localmap()?;
    let no_wasmtime = no_wasmtime();
    let files = Files::new()?;
    // What it starts inherits the cores of this thread.
    on_all_cores(|| {
        for contest in &CONTESTS {
            hold(contest, no_wasmtime, &files, options, report)?;
        }
        start::run(no_wasmtime, &files, options, report)
    })
}

/// A figure of a load: its name, its unit and its value.
type Figure = (&'static str, &'static str, fn(&Load) -> f64);

const FIGURES: [Figure; 3] = [
    ("requests", "requests/s", |load| load.rate),
    ("median time of a request", "ns", |load| load.median),
    ("99th percentile of that time", "ns", |load| load.p99),
];

/// Measures the servers of a contest in turns.
fn hold(
    contest: &Contest,
    no_wasmtime: Option<&str>,
    files: &Files,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let (absent, present): (Vec<_>, Vec<_>) = contest
        .systems
        .iter()
        .partition(|system| system.program.is_missing(no_wasmtime));
    // Compiles the guests, whose code is then in the cache for all.
    present
        .iter()
        .try_for_each(|system| system.start(files).map(drop))?;
    let servers = present.iter().map(|system| system.start(files));
    let servers: Vec<Server> = servers.collect::<Result<_>>()?;
    let time = Duration::from_millis(if options.quick { 300 } else { 1_000 });
    let mut loads: Vec<Vec<Load>> = vec![Vec::new(); servers.len()];
    Times::take(servers.len(), options.rounds(), |at| {
        let figures = load(servers[at].address(), contest.exchange, time);
        let figures = figures.with_context(|| format!("{} failed", present[at].name()))?;
        loads[at].push(figures);
        anyhow::Ok(figures.rate)
    })?;
    for (figure, unit, value) in FIGURES {
        let work = format!("{}, {CLIENTS} clients: {figure}", contest.work);
        let values = loads.iter().map(|loads| loads.iter().map(value).collect());
        for (system, median) in present.iter().zip(Times::of(values.collect()).medians()) {
            report.add(Row {
                spread: median.spread,
                ratio: Some(median.ratio),
                ..Row::new(work.clone(), system.name(), unit, median.nanos)
            });
        }
        not_measured(&absent, no_wasmtime, &work, unit, report);
    }
    let work = format!("{}, resident memory after that", contest.work);
    let bytes: Vec<f64> = servers.iter().map(Server::resident_bytes).collect();
    for (system, bytes_of_it) in present.iter().zip(&bytes) {
        report.add(Row {
            ratio: Some(bytes_of_it / bytes[0]),
            ..Row::new(work.clone(), system.name(), "bytes", *bytes_of_it)
        });
    }
    not_measured(&absent, no_wasmtime, &work, "bytes", report);
    Ok(())
}

/// Adds rows for systems that are not on this machine.
fn not_measured(
    systems: &[&System],
    why: Option<&str>,
    work: &str,
    unit: &'static str,
    report: &mut Report,
) {
    for system in systems {
        let name = format!("{}: {}", system.name(), why.unwrap_or_default());
        report.add(Row::new(work.to_owned(), name, unit, f64::NAN));
    }
}

/// The components, and the cache of compiled code, in a folder of this run.
struct Files(TempDir);

impl Files {
    fn new() -> Result<Self> {
        let folder = TempDir::with_prefix("localmap-bench").context("no folder for the servers")?;
        Ok(Self(folder))
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    /// Returns the file of a guest, plugged with a map if that is wanted.
    fn guest(&self, name: &str, plugged: bool) -> Result<PathBuf> {
        if !plugged {
            return Ok(guest::path(name));
        }
        let bytes = localmap::plug(&guest::read(name)?, &localmap::Limits::default())?;
        self.write(&format!("plugged-{name}"), &bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}
