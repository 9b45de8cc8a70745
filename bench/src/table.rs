//! Formats rows as tables: one table for each work, with a line for each system and a column
//! for each size. Works with a single column are lines of one table.

use crate::curves::{Axis, CURVES};
use crate::report::Row;
use std::fmt::Write as _;

/// Returns the tables of these rows, in order. Each table has one unit.
pub(crate) fn tables(rows: &[&Row]) -> String {
    let mut works: Vec<Work<'_>> = Vec::new();
    for row in rows {
        let same = |work: &&mut Work<'_>| work.name == row.work && work.unit() == row.unit;
        match works.iter_mut().find(same) {
            Some(work) => work.rows.push(row),
            None => works.push(Work {
                name: &row.work,
                rows: vec![row],
            }),
        }
    }
    let mut text = String::new();
    let mut rest = &works[..];
    while let Some(first) = rest.first() {
        let together = rest.iter().take_while(|work| first.goes_with(work));
        let count = together.count().max(1);
        let systems = first.systems().len();
        if first.columns().len() == 1 && (count > 1 || systems < 3) {
            by_work(&mut text, &rest[..count]);
        } else {
            by_system(&mut text, first);
        }
        rest = &rest[count..];
    }
    text
}

struct Work<'a> {
    name: &'a str,
    rows: Vec<&'a Row>,
}

impl Work<'_> {
    fn unit(&self) -> &str {
        &self.rows[0].unit
    }

    /// Returns sizes and entries, in the order of the rows.
    fn columns(&self) -> Vec<(u32, u64)> {
        distinct(self.rows.iter().map(|row| (row.size, row.entries)))
    }

    fn systems(&self) -> Vec<&str> {
        distinct(self.rows.iter().map(|row| row.system.as_str()))
    }

    /// Returns `true` if both have the same single column and the same systems, so that they can
    /// be lines of one table.
    fn goes_with(&self, other: &Self) -> bool {
        const MOST: usize = 5;
        let columns = self.columns();
        columns.len() == 1
            && columns == other.columns()
            && self.unit() == other.unit()
            && self.systems() == other.systems()
            && self.systems().len() <= MOST
    }

    fn find(&self, system: &str, (size, entries): (u32, u64)) -> Option<&Row> {
        let found =
            |row: &&&Row| row.system == system && row.size == size && row.entries == entries;
        self.rows.iter().find(found).copied()
    }
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}

// Writing to a string cannot fail, here and below.
fn by_system(text: &mut String, work: &Work<'_>) {
    let columns = work.columns();
    let sizes = distinct(columns.iter().map(|column| column.0));
    let entries = distinct(columns.iter().map(|column| column.1));
    // The heading has what all columns share, and each column what differs.
    let one_size = (sizes.len() == 1).then(|| sizes[0]);
    let one_number = (entries.len() == 1).then(|| entries[0]);
    let same = at(work.name, one_size.unwrap_or(0), one_number.unwrap_or(0));
    let unit = in_words(work.unit());
    let _ = match same.as_str() {
        "" => writeln!(text, "**{}**: {unit}", work.name),
        same => writeln!(text, "**{}**: {unit}; {same}", work.name),
    };
    text.push_str("\n| system |");
    for &(size, entries) in &columns {
        let size = if one_size.is_none() { size } else { 0 };
        let entries = if one_number.is_none() { entries } else { 0 };
        let head = match at(work.name, size, entries) {
            // There is only one column.
            none if none.is_empty() => "figure".into(),
            head => head,
        };
        let _ = write!(text, " {head} |");
    }
    let _ = writeln!(text, "\n|---|{}", "---:|".repeat(columns.len()));
    for system in work.systems() {
        let _ = write!(text, "| {system} |");
        for &column in &columns {
            let found = work.find(system, column);
            let _ = write!(text, " {} |", found.map(cell).unwrap_or_default());
        }
        text.push('\n');
    }
    text.push('\n');
}

fn by_work(text: &mut String, works: &[Work<'_>]) {
    let column = works[0].columns()[0];
    let systems = works[0].systems();
    let unit = in_words(works[0].unit());
    let _ = match at(works[0].name, column.0, column.1).as_str() {
        "" => writeln!(text, "Unit: {unit}"),
        same => writeln!(text, "Unit: {unit}; {same}"),
    };
    text.push_str("\n| work |");
    for system in &systems {
        let _ = write!(text, " {system} |");
    }
    let _ = writeln!(text, "\n|---|{}", "---:|".repeat(systems.len()));
    for work in works {
        let _ = write!(text, "| {} |", work.name);
        for system in &systems {
            let found = work.find(system, column);
            let _ = write!(text, " {} |", found.map(cell).unwrap_or_default());
        }
        text.push('\n');
    }
    text.push('\n');
}

fn in_words(unit: &str) -> &str {
    match unit {
        "ns" => "nanoseconds",
        "percent" => "per cent",
        "count" => "count",
        "times" => "ratio",
        "requests/s" => "requests a second",
        other => other,
    }
}

/// Returns a text such as `64 B, 1,000 entries`, without the parts that are 0.
pub(crate) fn at(work: &str, size: u32, entries: u64) -> String {
    let size = (size > 0).then(|| bytes(size.into()));
    let entries = (entries > 0).then(|| {
        let curve = CURVES.iter().find(|curve| curve.work == work);
        let what = match curve {
            Some(curve) if curve.x == Axis::Entries => curve.along,
            _ => "entries",
        };
        let what = match (entries, what) {
            (1, "entries") => "entry",
            (1, what) => what.trim_end_matches('s'),
            (_, what) => what,
        };
        format!("{} {what}", thousands(entries))
    });
    [size, entries]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// Formats a size, such as `8 B` or `4 KiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) {
        format!("{} KiB", bytes >> 10)
    } else {
        format!("{} B", thousands(bytes))
    }
}

pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a figure, its spread and its ratio to ours.
fn cell(row: &Row) -> String {
    let mut cell = figure(row);
    if row.spread > 0.0 {
        let _ = write!(cell, " ±{:.0}%", row.spread * 100.0);
    }
    if let Some(ratio) = ratio(row) {
        let _ = write!(cell, " · {ratio}");
    }
    cell
}

/// Formats a ratio, such as `1.98×`. Returns `None` if there is nothing to compare.
pub(crate) fn ratio(row: &Row) -> Option<String> {
    let ratio = row.ratio.filter(|_| row.value.is_finite())?;
    Some(match ratio {
        100.0.. => format!("{}×", number(ratio)),
        10.0.. => format!("{ratio:.0}×"),
        _ => format!("{ratio:.2}×"),
    })
}

/// Formats a figure with three digits and without its unit, or `–` if it could not be
/// measured.
pub(crate) fn figure(row: &Row) -> String {
    let whole = matches!(row.unit.as_ref(), "count" | "fuel");
    match row.value {
        value if !value.is_finite() => "–".into(),
        value if whole || value.abs() >= 100.0 => number(value),
        value if value.abs() >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// Formats a number rounded to a whole one.
fn number(value: f64) -> String {
    let whole = value.round();
    if whole < 0.0 {
        return format!("{whole:.0}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    thousands(whole as u64)
}
