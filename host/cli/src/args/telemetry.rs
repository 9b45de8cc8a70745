//! The options for what operators see of a command: metrics, traces and an admin address.

use anyhow::bail;
use clap::ArgGroup;
use localmap_telemetry::{AdminAddress, TelemetryOptions};
use std::path::{Path, PathBuf};

/// The number of spans that are kept unless another is given.
const SPANS: usize = 256 << 10;
/// The maximum number of spans.
const MAX_SPANS: usize = 16 << 20;
/// The number of tenants with metrics of their own unless another is given, and its maximum.
const TENANTS: usize = 100;
const MAX_TENANTS: usize = 10_000;

/// What operators see. By default nothing is measured.
#[derive(clap::Args)]
#[command(
    next_help_heading = "Telemetry",
    group = any_of("shows_metrics", ["admin", "otlp"]),
    group = any_of("gives_spans", ["trace", "admin"]),
    group = any_of("keeps_spans", ["trace", "trace_spans"]),
)]
pub(crate) struct TelemetryArgs {
    /// Show metrics, tenants and a page with charts at this address, over HTTP: 127.0.0.1:9090, [::1]:9090
    /// or unix:PATH; port 0 picks a free port [default: nowhere]
    ///
    /// It asks for no password, so other machines cannot reach it. Its paths are / for people,
    /// /metrics for Prometheus, /healthz and /readyz for probes, /stats and /maps for JSON, and /trace.
    #[arg(long, value_name = "ADDRESS", value_parser = str::parse::<AdminAddress>)]
    admin: Option<AdminAddress>,

    /// Number of tenants that have metrics of their own, by name; the others are added up as `other`
    /// [default: 100]
    #[arg(long, value_name = "N", value_parser = tenants, requires = "shows_metrics")]
    metrics_tenants: Option<usize>,

    /// Write the last requests and operations to this file at the end, for https://ui.perfetto.dev
    ///
    /// SIGUSR1 writes it at any time. It is written as a whole, and only its owner can read it. If it
    /// cannot be written at the end, a line on standard error says so, and the exit code stays as it is.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Number of requests and operations that are kept for --trace, and for /trace of --admin; K is
    /// 1024 and M is 1024K [default: 256K with --trace, else 0]
    #[arg(long, value_name = "N", value_parser = spans, requires = "gives_spans")]
    trace_spans: Option<usize>,

    /// Keep the keys of operations, too, of which a trace otherwise has the lengths and hashes
    #[arg(long, requires = "keeps_spans")]
    trace_keys: bool,

    /// Export metrics, requests and operations to this collector, by OTLP over gRPC without TLS:
    /// http://127.0.0.1:4317 or unix:PATH; only if the program was built with the feature `otlp`
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
}

impl TelemetryArgs {
    /// Returns the options of a command that has only these: no requests and no operations that a trace
    /// would show.
    #[cfg(feature = "etcd")]
    pub(crate) fn of(admin: Option<AdminAddress>, otlp: Option<String>) -> Self {
        Self {
            admin,
            metrics_tenants: None,
            trace: None,
            trace_spans: None,
            trace_keys: false,
            otlp,
        }
    }

    /// Returns the options of telemetry; `None` if nothing is asked for.
    pub(crate) fn options(&self) -> anyhow::Result<Option<TelemetryOptions>> {
        let seen = self.admin.is_some() || self.otlp.is_some();
        if self.otlp.is_some() && !cfg!(feature = "otlp") {
            bail!(
                "--otlp: this program was built without the feature `otlp`: install it with `cargo \
                 install localmap-cli --features otlp`, or let a collector scrape /metrics of --admin"
            );
        }
        if !seen && self.trace.is_none() {
            return Ok(None);
        }
        let options = TelemetryOptions::new()
            .metrics(seen)
            .named_tenants(self.metrics_tenants.unwrap_or(TENANTS))
            .trace_spans(self.spans())
            .trace_keys(self.trace_keys);
        Ok(Some(options))
    }

    fn spans(&self) -> usize {
        let default = if self.trace.is_some() { SPANS } else { 0 };
        self.trace_spans.unwrap_or(default)
    }

    /// Returns the number of threads that it takes.
    pub(crate) fn threads(&self) -> usize {
        // One for SIGUSR1, one for the samples of a trace, and three for the admin address.
        usize::from(self.given().is_some())
            + usize::from(self.spans() > 0)
            + 3 * usize::from(self.admin.is_some())
            + usize::from(self.otlp.is_some())
    }

    /// Returns the first of the options that make the command measure anything, if one is given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        match self {
            Self { trace: Some(_), .. } => Some("--trace"),
            Self { admin: Some(_), .. } => Some("--admin"),
            Self { otlp: Some(_), .. } => Some("--otlp"),
            _ => None,
        }
    }

    /// Returns the admin address.
    pub(crate) fn admin(&self) -> Option<&AdminAddress> {
        self.admin.as_ref()
    }

    /// Returns the file of the trace.
    pub(crate) fn trace(&self) -> Option<&Path> {
        self.trace.as_deref()
    }

    /// Returns the address of the collector.
    #[cfg(feature = "otlp")]
    pub(crate) fn otlp(&self) -> Option<&str> {
        self.otlp.as_deref()
    }
}

/// Returns a group of options of which another one requires any.
fn any_of(name: &'static str, options: [&'static str; 2]) -> ArgGroup {
    ArgGroup::new(name).args(options).multiple(true)
}

fn tenants(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number <= MAX_TENANTS);
    number.ok_or_else(|| format!("expected a number from 0 to {MAX_TENANTS}"))
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
