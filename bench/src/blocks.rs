//! The blocks that a document can contain, each requested by a mark `<!-- bench:WHAT -->`.
//!
//! | WHAT | text |
//! |---|---|
//! | `run` | one line: which run it was, and a warning if its figures are not reliable |
//! | `machine` | a table of the machine and the run |
//! | `rows` | the rows that the README shows |
//! | `tables GROUP` | all rows of a group |
//! | `tables` | the rows of all groups that the document does not name |
//! | `chart NAME` | the chart with this file name |
//! | `charts` | all charts that the document does not name |
//! | `instructions` | the instruction counts of `bench/instructions.json` |

use crate::curves::CURVES;
use crate::machine::Machine;
use crate::report::{Report, Row, root};
use crate::{chart, picks, table};
use anyhow::{Context, Result, bail, ensure};
use std::fs;

/// Begins a block, before its name.
pub(crate) const BEGIN: &str = "<!-- bench:";

/// The heading of each group's tables.
pub(crate) const TITLES: &[(&str, &str)] = &[
    ("operations", "Each operation"),
    ("redis", "Each operation, compared with Redis"),
    ("mixed", "A mixed load at capacity"),
    ("by-size", "By value size"),
    ("plugged", "Plugged: a TTL, and a batch"),
    ("by-entries", "By number of entries"),
    ("by-maps", "By number of live maps"),
    ("by-threads", "By number of threads"),
    ("snapshot", "Snapshots"),
    ("tenants", "Tenants"),
    ("telemetry", "What telemetry costs"),
    ("get", "Reads"),
    ("set", "Writes"),
    ("counts", "Allocations and clock reads of a get"),
    ("memory", "Memory beyond keys and values"),
    ("call", "Calls from the host"),
    ("life", "The life of a map"),
    ("serve", "Serving HTTP, compared with `wasmtime serve`"),
    ("sidecar", "The sidecar, compared with Redis"),
    ("lease", "A guard in front of a service, and locks in etcd"),
    ("mirror", "A mirror of etcd, compared with requests to it"),
    ("hits", "Hit ratios"),
    ("fuel", "Fuel, and the longest pause"),
];

/// Returns the text of the block `what` of a document. `charts` is the path from the document to
/// the folder of the charts.
pub(crate) fn block(
    report: &Report,
    machine: &Machine,
    what: &str,
    document: &str,
    charts: &str,
) -> Result<String> {
    let rows = report.rows();
    let named = |kind: &str, name: &str| document.contains(&format!("{BEGIN}{kind} {name} -->"));
    Ok(match what.split_once(' ').unwrap_or((what, "")) {
        ("run", "") => machine.sentence(),
        ("machine", "") => machine.table(),
        ("rows", "") => picks::table(rows)?,
        ("instructions", "") => instructions()?,
        ("tables", "") => by_group(rows, |group| !named("tables", group)),
        ("tables", wanted) => {
            let group: Vec<&Row> = rows.iter().filter(|row| row.group == wanted).collect();
            ensure!(
                !group.is_empty(),
                "the run has no rows of the group `{wanted}`"
            );
            table::tables(&group)
        }
        ("charts", "") => {
            let mut text = String::new();
            for curve in CURVES {
                let name = chart::file_name(curve);
                if !named("chart", &name) && chart::draw(curve, rows)?.is_some() {
                    text += &format!("![{}]({charts}/{name}.svg)\n\n", curve.title);
                }
            }
            text
        }
        ("chart", name) => {
            let curve = CURVES.iter().find(|curve| chart::file_name(curve) == name);
            let curve =
                curve.with_context(|| format!("no chart `{name}`; see bench/src/curves.rs"))?;
            ensure!(
                chart::draw(curve, rows)?.is_some(),
                "the chart needs at least two rows `{}` of one system",
                curve.work
            );
            format!("![{}]({charts}/{name}.svg)", curve.title)
        }
        _ => bail!("no block `{what}`; see bench/src/blocks.rs"),
    })
}

/// Returns the tables of the groups that `wanted` accepts, each with a heading.
pub(crate) fn by_group(rows: &[Row], wanted: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut groups: Vec<&str> = rows.iter().map(|row| row.group.as_str()).collect();
    groups.dedup();
    for group in groups.into_iter().filter(|group| wanted(group)) {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.group == group).collect();
        let title = TITLES.iter().find(|(name, _)| *name == group);
        let title = title.map_or_else(
            || format!("`{group}`"),
            |(_, title)| format!("{title} (`{group}`)"),
        );
        text += &format!("### {title}\n\n{}", table::tables(&rows));
    }
    text
}

/// Returns the counts that `just instructions --write` stored, as a table.
fn instructions() -> Result<String> {
    let file = root().join("bench/instructions.json");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let stored: serde_json::Value = serde_json::from_str(&text)?;
    let counts = stored["counts"]
        .as_object()
        .with_context(|| format!("no counts in {}", file.display()))?;
    let mut text = String::from("| | instructions |\n|---|---:|\n");
    for (name, count) in counts {
        let count = count
            .as_u64()
            .with_context(|| format!("`{name}` is not a number in {}", file.display()))?;
        text += &format!("| {name} | {} |\n", table::thousands(count));
    }
    Ok(text)
}
