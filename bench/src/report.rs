//! What was measured: rows, as a table to read and as JSON to compare.

use anyhow::{Context, Result};
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// One figure.
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// Bytes of a value; 0: does not apply.
    pub(crate) size: u32,
    /// Entries of the map; 0: does not apply.
    pub(crate) entries: u64,
    /// Who did it.
    pub(crate) system: String,
    /// Of `value`: ns, bytes, percent, fuel, count, times.
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    /// Half of the distance from the first to the third quartile, in parts of
    /// `value`; 0 where nothing varies.
    pub(crate) spread: f64,
    /// `value` in units of ours; `None` where there is nothing to compare.
    pub(crate) ratio: Option<f64>,
}

impl Row {
    /// A figure that does not vary and is compared with nothing.
    pub(crate) fn new(work: String, system: String, unit: &'static str, value: f64) -> Self {
        Self {
            work,
            size: 0,
            entries: 0,
            system,
            unit,
            value,
            spread: 0.0,
            ratio: None,
        }
    }

    /// Nanoseconds of one operation.
    pub(crate) fn time(
        work: &str,
        size: u32,
        entries: u32,
        system: String,
        median: &crate::measure::Median,
    ) -> Self {
        Self {
            size,
            entries: entries.into(),
            spread: median.spread,
            ratio: Some(median.ratio),
            ..Self::new(work.into(), system, "ns", median.nanos)
        }
    }
}

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!(
            "  {} {} {} {}: {:.1} {}{}",
            row.work,
            row.size,
            row.entries,
            row.system,
            row.value,
            row.unit,
            row.ratio
                .map_or_else(String::new, |ratio| format!(", {ratio:.2} x"))
        );
        self.rows.push(row);
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(
            "| work | value | entries | system | figure | spread | ratio to ours |\n\
             |---|---:|---:|---|---:|---:|---:|\n",
        );
        for row in &self.rows {
            let or_none = |number: u64| match number {
                0 => String::new(),
                number => number.to_string(),
            };
            let spread = match row.spread {
                0.0 => String::new(),
                spread => format!("± {:.0} %", spread * 100.0),
            };
            let ratio = row
                .ratio
                .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {:.1} {} | {spread} | {ratio} |",
                row.work,
                or_none(row.size.into()),
                or_none(row.entries),
                row.system,
                row.value,
                row.unit,
            );
        }
        text
    }

    /// Writes `target/bench/results.json`.
    pub(crate) fn save(&self) -> Result<()> {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "work": row.work,
                    "size": row.size,
                    "entries": row.entries,
                    "system": row.system,
                    row.unit: row.value,
                    "spread": row.spread,
                    "ratio_to_ours": row.ratio,
                })
            })
            .collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = folder.join("results.json");
        fs::write(&file, format!("{:#}\n", json!(rows)))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}
