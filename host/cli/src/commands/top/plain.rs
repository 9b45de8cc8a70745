//! The same as lines of text, for pipes and files.

use super::address::Address;
use super::names::{escape, pad};
use super::numbers::span;
use super::sampler::{self, Query};
use super::summary;
use super::table::Column;
use super::view::View;
use crate::terminal::stdio::note;
use anyhow::{Context, Error};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use unicode_width::UnicodeWidthStr;

/// The most columns of a cell. A client may choose its tenant's name, but not how wide all rows are.
const MAX_CELL: usize = 60;

/// Writes a block of lines in each interval, or `once`. `view` has its first sample.
pub(super) fn run(
    address: &Address,
    view: &mut View,
    query: &Query,
    interval: Duration,
    once: bool,
    max_rows: usize,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    loop {
        thread::sleep(interval);
        match sampler::sample(address, query) {
            Ok(sample) => {
                view.failure = None;
                view.add(sample);
                let block = block(view, max_rows, SystemTime::now());
                out.write_all(block.as_bytes())
                    .and_then(|()| out.flush())
                    .context("cannot write to standard output")?;
            }
            Err(error) if once => {
                return Err(Error::new(error).context(unreadable(address)));
            }
            Err(error) => {
                if view.failure.is_none() {
                    let error = Error::new(error);
                    note(format_args!(
                        "{}: {error:#}; trying again",
                        unreadable(address)
                    ));
                }
                view.fail(Instant::now(), String::new());
            }
        }
        if once {
            return Ok(());
        }
    }
}

/// Returns the message of an error.
pub(super) fn unreadable(address: &Address) -> String {
    format!("cannot read the telemetry at {address}")
}

/// Returns the lines of a sample, with an empty one at the end.
pub(super) fn block(view: &View, max_rows: usize, now: SystemTime) -> String {
    let mut lines = Vec::new();
    if let Some(sample) = view.watch.sample() {
        let stats = &sample.stats;
        lines.push(format!(
            "{}  {}  localmap {}  up {}{}",
            humantime::format_rfc3339_seconds(now),
            escape(view.address.as_bytes()),
            escape(stats.version.as_bytes()),
            span(Duration::from_micros(stats.uptime_us)),
            if stats.ready { "" } else { "  not ready" },
        ));
    }
    for line in summary::lines(&view.watch) {
        let label = pad(line.label, 10, false);
        let value = pad(&line.value, 12, true);
        lines.push(format!("{label} {value}  {}", line.details));
    }
    let rows = view.rows();
    let shown = rows.iter().take(max_rows);
    let columns = Column::ALL.iter();
    let cells = columns.map(|column| {
        let title = [column.title().to_owned()].into_iter();
        let cells = title.chain(shown.clone().map(|row| column.text(row, &view.watch)));
        let cells: Vec<String> = cells.collect();
        let width = cells
            .iter()
            .map(|cell| cell.width())
            .max()
            .unwrap_or_default()
            .min(MAX_CELL);
        let cells = cells.iter().map(|cell| pad(cell, width, !column.is_text()));
        cells.collect::<Vec<_>>()
    });
    let cells: Vec<Vec<String>> = cells.collect();
    for row in 0..=shown.len() {
        let line: Vec<&str> = cells
            .iter()
            .filter_map(|cells| cells.get(row))
            .map(String::as_str)
            .collect();
        lines.push(line.join("  ").trim_end().to_owned());
    }
    let matched = view.watch.sample().map_or(0, |sample| sample.maps.matched);
    let left_out = matched.saturating_sub(shown.len() as u64);
    if left_out > 0 {
        lines.push(format!("and {left_out} more"));
    }
    lines.push(String::new());
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::example::Example;
    use super::super::table::Order;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_long_name_does_not_widen_all_lines() {
        let order = Order {
            column: Column::Name,
            reversed: false,
        };
        let mut view = View::new("127.0.0.1:1".to_owned(), order, String::new());
        let sample = Example::up(1.0).tenant(&[b'x'; 256], &json!({}));
        view.add(sample.tenant(b"bob", &json!({})).sample());
        let block = block(&view, 10, SystemTime::UNIX_EPOCH);
        assert!(block.contains("\nbob ") && block.contains("x… "), "{block}");
        assert!(block.lines().all(|line| line.width() < 150), "{block}");
    }
}
