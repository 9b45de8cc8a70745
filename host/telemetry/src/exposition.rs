//! The metrics as text: Prometheus' format, or OpenMetrics, as the reader accepts.

mod format;
mod text;

pub use format::RenderedMetrics;

use crate::exposition::format::Format;
use crate::exposition::text::Families;
use crate::families::families;
use crate::telemetry::Telemetry;
use prometheus_client::encoding::{prometheus_text, text as open_metrics_text};
use prometheus_client::registry::Registry;

impl Telemetry {
    /// Returns all metrics as text for Prometheus and others: the answer to `GET /metrics`. `accept` is
    /// the header `accept` of the request, or empty if it has none. It chooses between Prometheus' text
    /// format 0.0.4, which is the default, and OpenMetrics 1.0.
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
    /// assert!(metrics.body.ends_with("# EOF\n"));
    /// ```
    pub fn render_metrics(&self, accept: &str) -> RenderedMetrics {
        let format = Format::negotiate(accept);
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Families(families(&self.shared))));
        let mut body = String::new();
        let encoded = match format {
            Format::Prometheus => prometheus_text::encode(&mut body, &registry),
            Format::OpenMetrics => open_metrics_text::encode(&mut body, &registry),
        };
        debug_assert!(encoded.is_ok(), "text can be written to a string");
        RenderedMetrics {
            content_type: format.content_type(),
            body,
        }
    }
}

#[cfg(test)]
mod tests;
