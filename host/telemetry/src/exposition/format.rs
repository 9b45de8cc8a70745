//! The formats of metrics, and which of them a reader prefers.

/// Metrics as text, with its type: see [`Telemetry::render_metrics`](crate::Telemetry::render_metrics).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderedMetrics {
    /// The header `content-type` of the response.
    pub content_type: &'static str,
    /// The body of the response.
    pub body: String,
}

/// A format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// Returns the format that a header `accept` prefers. If it prefers neither, or accepts neither,
    /// that is Prometheus' text.
    pub(crate) fn negotiate(accept: &str) -> Self {
        let (mut prometheus, mut open_metrics) = (0, 0);
        for range in accept.split(',') {
            let range = Range::parse(range);
            if range.accepts("application", "openmetrics-text", &["1.0.0", "0.0.1"]) {
                open_metrics = open_metrics.max(range.weight);
            }
            if range.accepts("text", "plain", &["0.0.4"]) {
                prometheus = prometheus.max(range.weight);
            }
        }
        if open_metrics > prometheus {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// One of the types that a header accepts.
struct Range<'a> {
    kind: &'a str,
    subkind: &'a str,
    version: Option<&'a str>,
    /// In thousandths.
    weight: u16,
}

impl<'a> Range<'a> {
    fn parse(range: &'a str) -> Self {
        let mut parts = range.split(';').map(str::trim);
        let (kind, subkind) = parts
            .next()
            .and_then(|name| name.split_once('/'))
            .unwrap_or_default();
        let (mut version, mut weight) = (None, 1_000);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "q" | "Q" => weight = parse_weight(value),
                name if name.eq_ignore_ascii_case("version") => version = Some(value),
                _ => {}
            }
        }
        Self {
            kind,
            subkind,
            version,
            weight,
        }
    }

    /// Returns `true` if a type is in the range. A range without a version has all versions.
    fn accepts(&self, kind: &str, subkind: &str, versions: &[&str]) -> bool {
        let is = |range: &str, name: &str| range == "*" || range.eq_ignore_ascii_case(name);
        let version = self
            .version
            .is_none_or(|version| versions.contains(&version));
        is(self.kind, kind) && is(self.subkind, subkind) && version
    }
}

/// Returns a weight from 0 to 1 in thousandths. One that is none counts as 0.
fn parse_weight(value: &str) -> u16 {
    let weight = value
        .parse()
        .ok()
        .filter(|weight| (0.0..=1.0).contains(weight));
    #[expect(clippy::cast_possible_truncation, reason = "it is at most 1,000")]
    let thousandths = (weight.unwrap_or(0.0_f32) * 1_000.0) as u16;
    thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_format_is_chosen() {
        // What Prometheus 2.53 and 3 send.
        let two = "application/openmetrics-text;version=1.0.0;q=0.5,\
                   application/openmetrics-text;version=0.0.1;q=0.4,\
                   text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let three = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for accept in [
            two,
            three,
            "application/openmetrics-text",
            "APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.9, text/plain; q=0.5",
            "text/*;q=0.1, application/*;q=0.2",
        ] {
            assert_eq!(Format::negotiate(accept), Format::OpenMetrics, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/html, */*",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=0.3, text/plain;q=0.4",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=-1",
            "application/openmetrics-text;q=NaN",
            "application/json",
            ";;,,=/\u{0}",
        ] {
            assert_eq!(Format::negotiate(accept), Format::Prometheus, "{accept}");
        }
    }
}
