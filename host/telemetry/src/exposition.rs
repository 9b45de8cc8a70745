//! The metrics in the format that the reader prefers: Prometheus' text, OpenMetrics, or protobuf.

mod format;
mod message;
mod protobuf;
mod text;

pub use format::RenderedMetrics;

use crate::exposition::format::Format;
use crate::families::families;
use crate::telemetry::Telemetry;
use prometheus_client::encoding::{prometheus_text, text as open_metrics};

impl Telemetry {
    /// Returns all metrics for Prometheus and others: the answer to `GET /metrics`. `accept` is the header
    /// `accept` of the request, or empty if it has none. It chooses between Prometheus' text format 0.0.4,
    /// which is the default, OpenMetrics 1.0, and Prometheus' protobuf, which has native histograms.
    ///
    /// The number of series is bounded: at most
    /// [`named_tenants`](crate::TelemetryOptions::named_tenants) tenants have series of their own.
    /// Statistics of maps are read at most once a second, and no operation is waited for.
    ///
    /// ```
    /// use localmap_telemetry::{Telemetry, TelemetryOptions};
    ///
    /// let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    /// let metrics = telemetry.render_metrics("application/openmetrics-text");
    /// assert!(metrics.content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    /// assert!(metrics.body.ends_with(b"# EOF\n"));
    /// ```
    pub fn render_metrics(&self, accept: &str) -> RenderedMetrics {
        let format = Format::negotiate(accept);
        let families = families(&self.shared);
        RenderedMetrics {
            content_type: format.content_type(),
            body: match format {
                Format::Prometheus => text::encode(families, prometheus_text::encode),
                Format::OpenMetrics => text::encode(families, open_metrics::encode),
                Format::Protobuf => protobuf::encode(&families),
            },
        }
    }
}

#[cfg(test)]
mod tests;
