//! `localmap doctor`: what this machine and the limits of this process mean for `run` and `serve`.

mod case;
mod finding;
mod json;
mod probe;
mod report;
mod rules;
mod text;
mod wanted;

use crate::args::cache::CacheArgs;
use crate::args::limits::LimitArgs;
use crate::args::wasm_options::{self, WasmOption};
use crate::args::workers::WorkerArgs;
use crate::machine::Machine;
use crate::machine::room::Room;
use crate::machine::tree::Tree;
use crate::terminal::stdio::{complain, unless_closed};
use anyhow::Context;
use finding::Level;
use probe::Probe;
use report::Report;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use wanted::Wanted;

/// Says what this machine and the limits of this process allow `run` and `serve` to do.
///
/// Reads the limits of the cgroup and of all parents that it can see, version 1 and 2; the limits of
/// the process (ulimit); and the settings of the kernel. Then creates what `serve` creates when it
/// starts, and one map and one instance. Names each setting that is in the way, and what mends it.
///
/// Pass those of the options below that you pass to `serve`. The exit code is 0 if all that they ask
/// for fits, 1 if it works with less (fewer maps, slower memory accesses) or if this cannot be told, and
/// 2 if it will not work, or for a wrong option. Only Linux has cgroups and /proc; on other systems,
/// only what can be tried is checked.
#[derive(clap::Args)]
pub(crate) struct DoctorCommand {
    #[command(flatten)]
    workers: WorkerArgs,

    /// Maximum number of maps at a time, as for `serve`
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    max_maps: u32,

    /// Limits of a guest, as for `serve`: max-memory-size=SIZE of an instance [default: 256MiB];
    /// timeout=TIME is accepted, and does not matter here
    #[arg(short = 'W', value_name = "OPTION=VALUE", value_delimiter = ',', value_parser = wasm_options::parse)]
    wasm: Vec<WasmOption>,

    /// Print JSON
    ///
    /// Prints an object with the keys verdict ("fits", "unknown", "less" or "fails"), findings (each with
    /// level, which is "note", "unknown", "less" or "fails", setting, text, and mend, which is null if
    /// there is nothing to do), serve (workers, max_maps, which is the number for which there are
    /// mappings and address space, full_maps, which is the number of full maps that fit into memory
    /// and address space, and whether there is a pool of maps and
    /// one of instances), kernel, cgroups, limits, process and wasmtime. Sizes are in bytes. What is
    /// unknown, or has no limit, is null.
    #[arg(long)]
    json: bool,

    /// Read /proc and /sys below DIR, such as copies from another machine, and try nothing on this one
    #[arg(long, value_name = "DIR", value_parser = with_proc)]
    root: Option<PathBuf>,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    limits: LimitArgs,
}

impl DoctorCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let tree = match &self.root {
            Some(root) => Tree::below(root.clone()),
            None => Tree::this_machine(),
        };
        let machine = Machine::read(&tree);
        let limits = self.limits.limits();
        if let Err(error) = limits.check() {
            complain(&error.into());
            return Ok(ExitCode::from(2));
        }
        let wanted = Wanted {
            workers: self.workers.given(),
            max_maps: self.max_maps,
            limits,
            max_instance: wasm_options::max_memory(&self.wasm, None),
        };
        let room = Room::of(&machine.limits, &machine.process);
        let missing = room.and_then(|room| room.missing_to_serve(wanted.workers(&machine)));
        let probe = match (&self.root, missing) {
            (None, None) => Some(Probe::take(&wanted, self.cache.wanted())),
            // It would end in the middle.
            _ => None,
        };
        let findings = rules::all(&wanted, &machine, probe.as_ref());
        let report = Report {
            wanted,
            machine,
            probe,
            findings,
        };
        let mut out = BufWriter::new(io::stdout().lock());
        let written = match self.json {
            true => writeln!(out, "{:#}", json::of(&report)),
            false => text::write(&mut out, &report),
        };
        let written = written.and_then(|()| out.flush());
        let closed = unless_closed(written.context("cannot write to standard output"))?;
        match report.level() {
            // The reader has gone.
            _ if closed != ExitCode::SUCCESS => Ok(closed),
            Level::Note => Ok(ExitCode::SUCCESS),
            Level::Unknown | Level::Less => Ok(ExitCode::from(1)),
            Level::Fails => Ok(ExitCode::from(2)),
        }
    }
}

/// Parses the folder of a tree.
fn with_proc(root: &str) -> Result<PathBuf, String> {
    let root = PathBuf::from(root);
    match root.join("proc").is_dir() {
        true => Ok(root),
        false => Err("there is no folder `proc` in it".to_owned()),
    }
}
