//! Benchmarks of localmap: one run that prints figures and ratios, writes them with their
//! charts to `target/bench`, and fills the documents.

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
mod life;
mod machine;
mod measure;
#[cfg(feature = "guests")]
mod memory;
#[cfg(feature = "guests")]
mod mixed;
#[cfg(feature = "guests")]
mod operations;
mod picks;
#[cfg(feature = "guests")]
mod profile;
#[cfg(feature = "guests")]
mod redis;
mod report;
mod scale;
#[cfg(feature = "guests")]
mod set;
#[cfg(feature = "guests")]
mod subject;
mod table;
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

/// What can be run, by name.
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
    ("by-entries", by_entries::run),
    #[cfg(feature = "guests")]
    ("by-maps", by_maps::run),
    #[cfg(feature = "guests")]
    ("by-threads", by_threads::run),
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
    ("hits", hits::run),
    #[cfg(feature = "guests")]
    ("fuel", fuel::run),
];

/// Benchmarks of localmap. All figures of one run come from the same process, and
/// what is compared takes turns.
#[derive(Parser)]
struct Options {
    /// Fewer rounds and smaller maps: a look, no figures to publish.
    #[arg(long)]
    quick: bool,
    /// Only this group. Can be given several times.
    #[arg(long, value_name = "GROUP", value_parser = names())]
    only: Vec<String>,
    /// The core that measures. Default: the last.
    #[arg(long, value_name = "NUMBER")]
    core: Option<usize>,
    /// Where the traces for the hit ratios lie, as `NAME.keys.gz`, one key a line. Default:
    /// `shared/data/traces`, beside the repository.
    #[arg(long, value_name = "FOLDER", default_value = hits::FOLDER, hide_default_value = true)]
    traces: PathBuf,
    /// Fills README.md and docs with the figures and charts of this run.
    #[arg(long, conflicts_with = "only")]
    write: bool,
    /// Measures nothing: takes the rows of an earlier run, with the `machine.json` beside
    /// them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "only", "core"])]
    from: Option<PathBuf>,
    /// Measures nothing: fails when README.md and docs are not what their run gives, the one
    /// in `docs/performance`.
    #[arg(long, conflicts_with_all = ["quick", "only", "core", "write", "from"])]
    check: bool,
    /// Runs one loop on localmap instead, for a profiler: WORK:PLACE:ENTRIES:SECONDS, with
    /// `get`, `set` or `evict` in `sandbox` or `native`.
    #[cfg(feature = "guests")]
    #[arg(long, value_name = "LOOP")]
    profile: Option<String>,
}

fn names() -> Vec<&'static str> {
    GROUPS.iter().map(|(name, _)| *name).collect()
}

#[cfg(feature = "guests")]
impl Options {
    /// Entries of the maps.
    fn sizes(&self) -> Vec<u32> {
        if self.quick {
            vec![1_000, 100_000]
        } else {
            vec![1_000, 100_000, 1_000_000]
        }
    }

    /// How often what is compared takes turns.
    fn rounds(&self) -> u32 {
        if self.quick { 5 } else { 15 }
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.check {
        return Run::published()?.check_documents();
    }
    #[cfg(feature = "guests")]
    if let Some(what) = &options.profile {
        stay_on_one_core(&options)?;
        return profile::run(what);
    }
    let run = match &options.from {
        Some(file) => Run::load(file)?,
        None => measure(&options)?,
    };
    print!("{}", blocks::by_group(run.report.rows(), |_| true));
    let folder = root().join("target/bench");
    run.save(&folder)?;
    eprintln!("results.json, machine.json and charts are in target/bench");
    if options.write {
        run.write_documents()?;
        eprintln!("README.md and docs are filled");
    }
    Ok(())
}

/// Keeps what measures on one core. What compiles has threads of its own by then, on all.
fn stay_on_one_core(options: &Options) -> Result<()> {
    #[cfg(feature = "guests")]
    guest::start_compilers()?;
    measure::pin(options.core);
    Ok(())
}

/// Runs the groups.
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
            run(options, &mut report).with_context(|| format!("{name} fails"))?;
        }
    }
    machine.ends(started);
    Ok(Run { report, machine })
}
