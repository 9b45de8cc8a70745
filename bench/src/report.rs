//! The rows of a run, which are printed as they are measured and written as JSON.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

/// One figure.
#[derive(Clone)]
pub(crate) struct Row {
    /// The benchmark group; set by [`Report::add`].
    pub(crate) group: String,
    /// The work that was measured.
    pub(crate) work: String,
    /// Bytes of a value, or 0 if that does not apply.
    pub(crate) size: u32,
    /// Entries of the map, or 0 if that does not apply.
    pub(crate) entries: u64,
    /// The system that did the work.
    pub(crate) system: String,
    /// The unit of `value`: ns, bytes, percent, fuel, count, times or requests/s.
    pub(crate) unit: Cow<'static, str>,
    /// The figure, or not a number if it could not be measured on this machine.
    pub(crate) value: f64,
    /// Half the interquartile range, as a fraction of `value`; 0 if the figure does not vary.
    pub(crate) spread: f64,
    /// The ratio of `value` to localmap's, or `None` if there is nothing to compare.
    pub(crate) ratio: Option<f64>,
}

impl Row {
    /// Creates a row whose figure does not vary and is compared with nothing.
    pub(crate) fn new(work: String, system: String, unit: &'static str, value: f64) -> Self {
        Self {
            group: String::new(),
            work,
            size: 0,
            entries: 0,
            system,
            unit: unit.into(),
            value,
            spread: 0.0,
            ratio: None,
        }
    }

    /// Creates a row for the nanoseconds of one operation.
    #[cfg(feature = "guests")]
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

    fn to_json(&self) -> Value {
        json!({
            "group": self.group,
            "work": self.work,
            "size": self.size,
            "entries": self.entries,
            "system": self.system,
            // `null` if it is not a number.
            self.unit.as_ref(): self.value,
            "spread": self.spread,
            "ratio_to_ours": self.ratio,
        })
    }

    fn from_json(row: &Value) -> Option<Self> {
        const OTHERS: [&str; 7] = [
            "group",
            "work",
            "size",
            "entries",
            "system",
            "spread",
            "ratio_to_ours",
        ];
        let fields: &Map<String, Value> = row.as_object()?;
        let text = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
        let (unit, value) = fields
            .iter()
            .find(|(name, _)| !OTHERS.contains(&name.as_str()))?;
        Some(Self {
            group: text("group")?,
            work: text("work")?,
            size: u32::try_from(fields.get("size")?.as_u64()?).ok()?,
            entries: fields.get("entries")?.as_u64()?,
            system: text("system")?,
            unit: unit.clone().into(),
            value: value.as_f64().unwrap_or(f64::NAN),
            spread: fields.get("spread")?.as_f64()?,
            ratio: fields.get("ratio_to_ours")?.as_f64(),
        })
    }
}

/// All rows of a run.
#[derive(Default)]
pub(crate) struct Report {
    group: String,
    rows: Vec<Row>,
}

impl Report {
    /// Starts a group: rows added from now on belong to it.
    pub(crate) fn begin(&mut self, group: &str) {
        group.clone_into(&mut self.group);
    }

    pub(crate) fn add(&mut self, mut row: Row) {
        row.group.clone_from(&self.group);
        row.value = rounded(row.value);
        // A row without a figure has no spread.
        row.spread = Some(rounded(row.spread))
            .filter(|spread| spread.is_finite())
            .unwrap_or(0.0);
        row.ratio = row.ratio.map(rounded).filter(|ratio| ratio.is_finite());
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

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the rows as a JSON list.
    pub(crate) fn to_json(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(Row::to_json).collect();
        format!("{:#}\n", json!(rows))
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    pub(crate) fn load(file: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let rows: Vec<Value> = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a list of rows", file.display()))?;
        let rows = rows.iter().enumerate().map(|(at, row)| {
            Row::from_json(row).with_context(|| {
                format!(
                    "row {at} of {} lacks fields: another version of this program wrote it",
                    file.display()
                )
            })
        });
        Ok(Self {
            group: String::new(),
            rows: rows.collect::<Result<_>>()?,
        })
    }
}

/// Rounds to six digits, more than are significant, so that a row reads back unchanged.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Returns the root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
