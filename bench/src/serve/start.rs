//! The time to start a component of 18 MB whose code is in the cache: a command until it has
//! ended, and a server until it has answered.

use super::client::{Exchange, send_one};
use super::padded::padded;
use super::server::{Program, Server, command};
use super::{CONTESTS, Files, HELLO};
use crate::Options;
use crate::guest;
use crate::measure::{Times, wall};
use crate::report::{Report, Row};
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The command that does nothing.
const NOTHING: &str = "bench-nothing.wasm";

/// What is started.
#[derive(Clone, Copy)]
enum Start {
    Run,
    Serve,
}

const STARTS: [(Start, &str, &str, &str); 2] = [
    (
        Start::Run,
        "run",
        NOTHING,
        "a command of 18 MB, compiled before, from its start to its end",
    ),
    (
        Start::Serve,
        "serve",
        HELLO,
        "a handler of 18 MB, compiled before, from its start to its first response",
    ),
];

const PROGRAMS: [(Program, &str); 2] = [
    (Program::Localmap, "localmap"),
    (Program::Wasmtime, "wasmtime"),
];

pub(super) fn run(
    no_wasmtime: Option<&str>,
    files: &Files,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    for (start, verb, name, work) in STARTS {
        let (absent, present): (Vec<_>, Vec<_>) = PROGRAMS
            .into_iter()
            .partition(|(program, _)| program.is_missing(no_wasmtime));
        let large = padded(guest::read(name)?);
        let guest = files.write(&format!("large-{name}"), &large)?;
        let once = |at: usize| once(start, present[at].0, &guest, &files.cache());
        // Compiles it.
        (0..present.len()).try_for_each(|at| once(at).map(drop))?;
        let times = Times::take(present.len(), options.rounds(), once)?;
        for ((_, program), median) in present.iter().zip(times.medians()) {
            let name = format!("{program} {verb}");
            report.add(Row::time(work, 0, 0, name, &median));
        }
        for (_, name) in absent {
            let why = no_wasmtime.unwrap_or_default();
            let name = format!("{name} {verb}: {why}");
            report.add(Row::new(work.into(), name, "ns", f64::NAN));
        }
    }
    Ok(())
}

/// Returns the nanoseconds of a start.
fn once(start: Start, program: Program, guest: &PathBuf, cache: &Path) -> Result<f64> {
    let began = wall();
    match start {
        Start::Run => {
            let output = command(program, "run", cache).arg(guest).output();
            let output = output.context("cannot start the command")?;
            ensure!(
                output.status.success(),
                "the command failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            Ok((wall() - began) as f64)
        }
        Start::Serve => {
            let mut arguments: Vec<OsString> = vec![guest.into()];
            if program == Program::Wasmtime {
                arguments.insert(0, "-Scli".into());
            }
            let server = Server::start(program, &arguments, cache)?;
            let hello: Exchange = CONTESTS[0].exchange;
            send_one(server.address(), hello)?;
            Ok((wall() - began) as f64)
        }
    }
}
