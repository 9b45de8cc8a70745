//! The rows that the README shows, which answer a reader's first questions.

use crate::curves::{GET_BY_ENTRIES, GET_BY_SIZE};
use crate::report::Row;
use crate::table::{at, figure, ratio};
use anyhow::{Context, Result};
use std::fmt::Write as _;

/// One question, and the two rows that answer it.
struct Pick {
    /// The question in plain words.
    question: &'static str,
    group: &'static str,
    work: &'static str,
    size: u32,
    entries: u64,
    ours: &'static str,
    theirs: &'static str,
}

const PICKS: [Pick; 3] = [
    Pick {
        question: "a guest reads a value from its map, or from one in the host",
        group: "by-size",
        work: GET_BY_SIZE,
        size: 64,
        entries: 64,
        ours: "localmap, plugged, client crate",
        theirs: "wasmtime-wasi-keyvalue (no TTL, no limit, outside the sandbox)",
    },
    Pick {
        question: "a read in the sandbox, from localmap or a hand-written map",
        group: "by-entries",
        work: GET_BY_ENTRIES,
        size: 64,
        entries: 100_000,
        ours: "localmap, in the sandbox",
        theirs: "boxed map (deadline compared), in the sandbox",
    },
    Pick {
        question: "a map for each request: create it, set one key, drop it",
        group: "life",
        work: "making and dropping, churn",
        size: 0,
        entries: 0,
        ours: "localmap, one key set",
        theirs: "the smallest component",
    },
];

/// Returns the table of the README.
///
/// # Errors
///
/// Returns an error if a row is missing: its name has changed, or the run was partial.
pub(crate) fn table(rows: &[Row]) -> Result<String> {
    let mut text =
        String::from("| question | row | localmap | alternative |\n|---|---|---:|---:|\n");
    for pick in &PICKS {
        let find = |system: &str| {
            let found = |row: &&Row| {
                row.group == pick.group
                    && row.work == pick.work
                    && row.size == pick.size
                    && row.entries == pick.entries
                    && row.system == system
            };
            rows.iter().find(found).with_context(|| {
                format!(
                    "no row `{}`, `{}` in the group `{}` for the README: if it was renamed, \
                     change bench/src/picks.rs",
                    pick.work, system, pick.group
                )
            })
        };
        let (ours, theirs) = (find(pick.ours)?, find(pick.theirs)?);
        let work = match at(pick.work, pick.size, pick.entries).as_str() {
            "" => pick.work.to_owned(),
            at => format!("{}; {at}", pick.work),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {work} | {}: {} {} | {}: {} {}{} |",
            pick.question,
            ours.system,
            figure(ours),
            ours.unit,
            theirs.system,
            figure(theirs),
            theirs.unit,
            against(ours, theirs),
        );
    }
    Ok(text)
}

/// Returns the ratio of their figure to ours, as text.
fn against(ours: &Row, theirs: &Row) -> String {
    let both = Row {
        ratio: Some(theirs.ratio.unwrap_or(f64::NAN) / ours.ratio.unwrap_or(f64::NAN)),
        ..theirs.clone()
    };
    match both.ratio.filter(|ratio| ratio.is_finite()) {
        Some(_) => format!(" · {}", ratio(&both).unwrap_or_default()),
        None => String::new(),
    }
}
