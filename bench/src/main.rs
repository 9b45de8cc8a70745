//! Benchmarks of localmap: one run that prints figures and ratios, and writes them
//! to `target/bench/results.json`.

mod guest;
mod hits;
mod measure;
mod report;

use anyhow::{Context, Result};
use clap::Parser;
use report::Report;
use std::path::PathBuf;

/// What can be run, by name.
const GROUPS: [(&str, fn(&Options, &mut Report) -> Result<()>); 1] = [("hits", hits::run)];

/// Benchmarks of localmap. All figures of one run come from the same process, and
/// what is compared takes turns.
#[derive(Parser)]
struct Options {
    /// Fewer rounds and smaller maps: a look, no figures to publish.
    #[arg(long)]
    quick: bool,
    /// Only these groups.
    #[arg(long, value_name = "GROUP", value_parser = GROUPS.map(|(name, _)| name))]
    only: Vec<String>,
    /// Where the traces for the hit ratios lie, as `NAME.keys.gz`.
    #[arg(long, value_name = "FOLDER", default_value = hits::FOLDER)]
    traces: PathBuf,
}

fn main() -> Result<()> {
    let options = Options::parse();
    measure::pin();
    let mut report = Report::default();
    for (name, run) in GROUPS {
        if options.only.is_empty() || options.only.iter().any(|only| only == name) {
            eprintln!("{name} ..");
            run(&options, &mut report).with_context(|| format!("{name} fails"))?;
        }
    }
    print!("{}", report.markdown());
    report.save()
}
