//! Compares the runs of two builds, which took turns on the same machine: see `just bench-against`.

use crate::measure::quantile;
use crate::report::{Report, Row};
use crate::table::{at, figure};
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Returns a table of the rows that both builds have: the medians of their runs, and the median of
/// the ratios of the runs that followed each other. Each folder has the rows of one build, a file for
/// each run, in the order of their names.
pub(crate) fn compare(before: &Path, after: &Path) -> Result<String> {
    let (before, after) = (runs(before)?, runs(after)?);
    ensure!(
        before.len() == after.len() && !before.is_empty(),
        "{} runs before and {} after: run both in turns",
        before.len(),
        after.len()
    );
    let mut text = String::from(
        "| group | work | system | before | after | after / before |\n|---|---|---|---:|---:|---:|\n",
    );
    let mut alone = 0;
    for row in after[0].rows() {
        let figures = |runs: &[Report]| -> Option<Vec<f64>> {
            let find = |run: &Report| run.rows().iter().find(|other| same(row, other)).cloned();
            runs.iter().map(|run| Some(find(run)?.value)).collect()
        };
        let (Some(old), Some(new)) = (figures(&before), figures(&after)) else {
            alone += 1;
            continue;
        };
        let ratios: Vec<f64> = new.iter().zip(&old).map(|(new, old)| new / old).collect();
        let median = |values: &[f64]| {
            figure(&Row {
                value: quantile(values, 0.5),
                ..row.clone()
            })
        };
        let work = match at(&row.work, row.size, row.entries).as_str() {
            "" => row.work.clone(),
            at => format!("{}; {at}", row.work),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {work} | {} | {} | {} | {:.2} |",
            row.group,
            row.system,
            median(&old),
            median(&new),
            quantile(&ratios, 0.5)
        );
    }
    if alone > 0 {
        let _ = writeln!(text, "\nRows that only the second build has: {alone}.");
    }
    Ok(text)
}

/// Returns `true` if two rows are of the same work and system.
fn same(one: &Row, other: &Row) -> bool {
    let key = |row: &Row| (row.size, row.entries);
    let names = |row: &Row| [row.group.clone(), row.work.clone(), row.system.clone()];
    key(one) == key(other) && one.unit == other.unit && names(one) == names(other)
}

/// Reads all runs in a folder.
fn runs(folder: &Path) -> Result<Vec<Report>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("no runs in {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry?.path());
    }
    files.sort();
    files.iter().map(|file| Report::load(file)).collect()
}
