//! The formats of metrics, and which of them a reader prefers.

/// Metrics in the format that a reader prefers, and its type: see [`Telemetry::render_metrics`](crate::Telemetry::render_metrics).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderedMetrics {
    /// The header `content-type` of the response.
    pub content_type: &'static str,
    /// The body of the response.
    pub body: Vec<u8>,
}

/// A format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' protobuf, which has native histograms.
    Protobuf,
}

impl Format {
    /// Returns the format that a header `accept` prefers. If it prefers none, or accepts none, that is
    /// Prometheus' text.
    pub(crate) fn negotiate(accept: &str) -> Self {
        let ranges: Vec<_> = accept.split(',').map(Range::parse).collect();
        let (mut best, mut weight) = (Self::Prometheus, 0);
        for format in [Self::Prometheus, Self::OpenMetrics, Self::Protobuf] {
            let accepting = ranges.iter().filter(|range| range.accepts(format));
            let found = accepting.map(|range| range.weight).max().unwrap_or(0);
            if found > weight {
                (best, weight) = (format, found);
            }
        }
        best
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                 encoding=delimited"
            }
        }
    }
}

/// One of the types that a header accepts.
struct Range<'a> {
    kind: &'a str,
    subkind: &'a str,
    version: Option<&'a str>,
    /// The message of protobuf, and what is around it.
    proto: Option<&'a str>,
    encoding: Option<&'a str>,
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
        let (mut version, mut proto, mut encoding, mut weight) = (None, None, None, 1_000);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "q" | "Q" => weight = parse_weight(value),
                name if name.eq_ignore_ascii_case("version") => version = Some(value),
                name if name.eq_ignore_ascii_case("proto") => proto = Some(value),
                name if name.eq_ignore_ascii_case("encoding") => encoding = Some(value),
                _ => {}
            }
        }
        Self {
            kind,
            subkind,
            version,
            proto,
            encoding,
            weight,
        }
    }

    /// Returns `true` if a format is in the range. A range without a version has all versions.
    fn accepts(&self, format: Format) -> bool {
        let is = |range: &str, name: &str| range == "*" || range.eq_ignore_ascii_case(name);
        let version = |versions: &[&str]| self.version.is_none_or(|it| versions.contains(&it));
        match format {
            Format::Prometheus => {
                is(self.kind, "text") && is(self.subkind, "plain") && version(&["0.0.4"])
            }
            Format::OpenMetrics => {
                is(self.kind, "application")
                    && is(self.subkind, "openmetrics-text")
                    && version(&["1.0.0", "0.0.1"])
            }
            // A reader must name the message.
            Format::Protobuf => {
                self.subkind.eq_ignore_ascii_case("vnd.google.protobuf")
                    && self.proto == Some("io.prometheus.client.MetricFamily")
                    && self.encoding == Some("delimited")
            }
        }
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
        let native = "application/vnd.google.protobuf;\
                      proto=io.prometheus.client.MetricFamily;encoding=delimited";
        let accept = format!("{native},{two}");
        assert_eq!(Format::negotiate(&accept), Format::Protobuf);
        assert_eq!(
            Format::negotiate(&format!("{native};q=0.3,{two}")),
            Format::OpenMetrics
        );
        for accept in [
            "",
            "*/*",
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf;proto=other;encoding=delimited",
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
