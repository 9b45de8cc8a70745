//! The options for what operators see of a command: metrics, traces and an admin address.

use anyhow::bail;
use localmap_telemetry::TelemetryOptions;
use std::path::{Path, PathBuf};

/// The number of spans that are kept unless another is given.
const SPANS: usize = 256 << 10;
/// The maximum number of spans.
const MAX_SPANS: usize = 16 << 20;
/// What operators see. By default nothing is measured.
#[derive(clap::Args)]
#[command(next_help_heading = "Telemetry")]
pub(crate) struct TelemetryArgs {
    /// Write the last requests and operations to this file at the end, for https://ui.perfetto.dev
    ///
    /// SIGUSR1 writes it at any time. It is written as a whole, and only its owner can read it. If it
    /// cannot be written at the end, a line on standard error says so, and the exit code stays as it is.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Number of requests and operations that are kept for --trace; K is 1024 and M is 1024K
    /// [default: 256K]
    #[arg(long, value_name = "N", value_parser = spans)]
    trace_spans: Option<usize>,

    /// Keep the keys of operations, too, of which a trace otherwise has the lengths and hashes
    #[arg(long)]
    trace_keys: bool,
}

impl TelemetryArgs {
    /// Returns the options of telemetry; `None` if nothing is asked for.
    pub(crate) fn options(&self) -> anyhow::Result<Option<TelemetryOptions>> {
        for (option, given) in [
            ("--trace-spans", self.trace_spans.is_some()),
            ("--trace-keys", self.trace_keys),
        ] {
            if given && self.trace.is_none() {
                bail!("{option} requires --trace FILE");
            }
        }
        Ok(self.trace.as_ref().map(|_| {
            TelemetryOptions::new()
                .trace_spans(self.trace_spans.unwrap_or(SPANS))
                .trace_keys(self.trace_keys)
        }))
    }

    /// Returns the file of the trace.
    pub(crate) fn trace(&self) -> Option<&Path> {
        self.trace.as_deref()
    }
}

fn spans(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((end, 'K')) => (&text[..end], 1 << 10),
        Some((end, 'M')) => (&text[..end], 1 << 20),
        _ => (text, 1),
    };
    let number = digits.parse::<usize>().ok();
    let number = number.and_then(|number| number.checked_mul(unit));
    let number = number.filter(|number| (1..=MAX_SPANS).contains(number));
    number.ok_or_else(|| "expected a number from 1 to 16M, such as 5000, 256K or 1M".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_spans_may_have_a_unit() {
        assert_eq!(spans("1"), Ok(1));
        assert_eq!(spans("256K"), Ok(SPANS));
        assert_eq!(spans("16M"), Ok(MAX_SPANS));
        for bad in [
            "",
            "K",
            "0",
            "0K",
            "-1",
            "17M",
            "1k",
            "1 K",
            "99999999999999999999M",
            "ä",
        ] {
            assert!(spans(bad).is_err(), "{bad}");
        }
    }
}
