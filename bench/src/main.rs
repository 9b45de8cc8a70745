//! Benchmarks of localmap. A run prints figures and ratios, writes them with charts to
//! `target/bench`, and can fill the documents with them.

mod against;
mod blocks;
#[cfg(feature = "guests")]
mod by_entries;
#[cfg(feature = "guests")]
mod by_maps;
#[cfg(feature = "guests")]
mod by_size;
#[cfg(feature = "guests")]
mod by_threads;
#[cfg(feature = "guests")]
mod call;
mod chart;
#[cfg(feature = "guests")]
mod counts;
mod curves;
mod documents;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "guests")]
mod fuel;
#[cfg(feature = "guests")]
mod get;
#[cfg(feature = "guests")]
mod guest;
mod hits;
#[cfg(feature = "guests")]
mod hosted;
#[cfg(feature = "guests")]
mod lease;
#[cfg(feature = "guests")]
mod life;
mod machine;
mod measure;
#[cfg(feature = "guests")]
mod memory;
#[cfg(feature = "etcd")]
mod mirror;
#[cfg(feature = "guests")]
mod mixed;
#[cfg(feature = "guests")]
mod operations;
mod picks;
#[cfg(feature = "guests")]
mod plugged;
#[cfg(feature = "guests")]
mod process;
#[cfg(feature = "guests")]
mod profile;
#[cfg(feature = "guests")]
mod redis;
mod report;
mod scale;
#[cfg(feature = "guests")]
mod serve;
#[cfg(feature = "guests")]
mod set;
#[cfg(feature = "guests")]
mod sidecar;
#[cfg(feature = "guests")]
mod smallest;
#[cfg(feature = "guests")]
mod snapshot;
#[cfg(feature = "guests")]
mod subject;
mod table;
#[cfg(feature = "guests")]
mod telemetry;
#[cfg(feature = "guests")]
mod tenants;
#[cfg(test)]
mod tests;
#[cfg(feature = "guests")]
mod ways;

use anyhow::{Context, Result};
use clap::Parser;
use documents::Run;
use machine::Machine;
use report::{Report, root};
use std::path::PathBuf;
use std::time::Instant;

type Group = (&'static str, fn(&Options, &mut Report) -> Result<()>);

/// The groups of benchmarks, by name.
const GROUPS: &[Group] = &[
    #[cfg(feature = "guests")]
    ("operations", operations::run),
    #[cfg(feature = "guests")]
    ("redis", redis::run),
    #[cfg(feature = "guests")]
    ("mixed", mixed::run),
    #[cfg(feature = "guests")]
    ("by-size", by_size::run),
    #[cfg(feature = "guests")]
    ("plugged", plugged::run),
    #[cfg(feature = "guests")]
    ("by-entries", by_entries::run),
    #[cfg(feature = "guests")]
    ("by-maps", by_maps::run),
    #[cfg(feature = "guests")]
    ("by-threads", by_threads::run),
    #[cfg(feature = "guests")]
    ("tenants", tenants::run),
    #[cfg(feature = "guests")]
    ("telemetry", telemetry::run),
    #[cfg(feature = "guests")]
    ("snapshot", snapshot::run),
    #[cfg(feature = "guests")]
    ("get", get::run),
    #[cfg(feature = "guests")]
    ("set", set::run),
    #[cfg(feature = "guests")]
    ("counts", counts::run),
    #[cfg(feature = "guests")]
    ("memory", memory::run),
    #[cfg(feature = "guests")]
    ("call", call::run),
    #[cfg(feature = "guests")]
    ("life", life::run),
    #[cfg(feature = "guests")]
    ("serve", serve::run),
    #[cfg(feature = "guests")]
    ("sidecar", sidecar::run),
    #[cfg(feature = "guests")]
    ("lease", lease::run),
    #[cfg(feature = "etcd")]
    ("mirror", mirror::run),
    ("hits", hits::run),
    #[cfg(feature = "guests")]
    ("fuel", fuel::run),
];

/// Measures localmap and its peers
///
/// All figures of a run come from one process, in which the systems take turns.
#[derive(Parser)]
struct Options {
    /// Run fewer rounds on smaller maps: a first look, not figures to publish
    #[arg(long)]
    quick: bool,
    /// Run only this group; can be given several times
    #[arg(long, value_name = "GROUP", value_parser = names())]
    only: Vec<String>,
    /// Core to measure on [default: the last one]
    #[arg(long, value_name = "NUMBER")]
    core: Option<usize>,
    /// Folder of the traces for the hit ratios, `NAME.keys.gz` with one key per line
    /// [default: `shared/data/traces`, next to the repository]
    #[arg(long, value_name = "FOLDER", default_value = hits::FOLDER, hide_default_value = true)]
    traces: PathBuf,
    /// Fill README.md and docs with the figures and charts of this run
    #[arg(long, conflicts_with = "only")]
    write: bool,
    /// Measure nothing: read the rows of an earlier run, and `machine.json` from the same
    /// folder
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "only", "core"])]
    from: Option<PathBuf>,
    /// Measure nothing: check that README.md and docs match the run in `docs/performance`
    #[arg(long, conflicts_with_all = ["quick", "only", "core", "write", "from"])]
    check: bool,
    /// Measure nothing: compare the runs of two builds, each in a folder with a file of rows for
    /// each run; `just bench-against` makes them
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], conflicts_with_all = ["quick", "only", "core", "write", "from", "check"])]
    against: Vec<PathBuf>,
    /// Run one loop on localmap for a profiler: WORK:PLACE:ENTRIES:SECONDS, where WORK is
    /// `get`, `set` or `evict`, and PLACE is `sandbox` or `native`
    #[cfg(feature = "guests")]
    #[arg(long, value_name = "LOOP")]
    profile: Option<String>,
    /// Print by how much a process with a mirror grows; the group `mirror` starts it
    #[cfg(feature = "etcd")]
    #[arg(long, value_name = "KIND=ENDPOINT", hide = true)]
    mirror_memory: Option<String>,
}

fn names() -> Vec<&'static str> {
    GROUPS.iter().map(|(name, _)| *name).collect()
}

#[cfg(feature = "guests")]
impl Options {
    /// Returns the numbers of entries to measure with.
    fn sizes(&self) -> Vec<u32> {
        if self.quick {
            vec![1_000, 100_000]
        } else {
            vec![1_000, 100_000, 1_000_000]
        }
    }

    /// Returns the number of rounds in which the systems take turns.
    fn rounds(&self) -> u32 {
        if self.quick { 5 } else { 15 }
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.check {
        return Run::published()?.check_documents();
    }
    if let [before, after] = &options.against[..] {
        print!("{}", against::compare(before, after)?);
        return Ok(());
    }
    #[cfg(feature = "guests")]
    if let Some(what) = &options.profile {
        stay_on_one_core(&options)?;
        return profile::run(what);
    }
    #[cfg(feature = "etcd")]
    if let Some(what) = &options.mirror_memory {
        return mirror::memory::grow(what);
    }
    let run = match &options.from {
        Some(file) => Run::load(file)?,
        None => measure(&options)?,
    };
    print!("{}", blocks::by_group(run.report.rows(), |_| true));
    let folder = root().join("target/bench");
    run.save(&folder)?;
    eprintln!("wrote results.json, machine.json and charts to target/bench");
    if options.write {
        run.write_documents()?;
        eprintln!("filled README.md and docs");
    }
    Ok(())
}

/// Pins the measuring thread to one core. The compiler threads are started before, on all cores.
fn stay_on_one_core(options: &Options) -> Result<()> {
    #[cfg(feature = "guests")]
    guest::start_compilers()?;
    measure::pin(options.core);
    Ok(())
}

/// Runs the selected groups.
fn measure(options: &Options) -> Result<Run> {
    let started = Instant::now();
    let mut machine = Machine::here(match (options.quick, options.only.join(", ")) {
        (false, only) if only.is_empty() => "full".into(),
        (true, only) if only.is_empty() => "quick".into(),
        (false, only) => format!("partial ({only})"),
        (true, only) => format!("quick, partial ({only})"),
    });
    stay_on_one_core(options)?;
    let mut report = Report::default();
    for (name, run) in GROUPS {
        if options.only.is_empty() || options.only.iter().any(|only| only == name) {
            eprintln!("{name} ..");
            report.begin(name);
            run(options, &mut report).with_context(|| format!("the group `{name}` failed"))?;
        }
    }
    machine.ends(started);
    Ok(Run { report, machine })
}
