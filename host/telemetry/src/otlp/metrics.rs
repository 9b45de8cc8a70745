//! The metrics as OTLP has them: the families of the text for Prometheus, under the same names but
//! without their suffixes, which a collector adds when it passes them on to Prometheus.

use crate::families::families;
use crate::family::{Family, Kind, Label, Series, Unit, Value};
use crate::otlp::counts::Counts;
use crate::shared::Shared;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, process};

/// Returns what the spans and metrics are of. The environment variable `OTEL_SERVICE_NAME` names the
/// service.
pub(super) fn resource(shared: &Shared) -> Resource {
    let service = env::var("OTEL_SERVICE_NAME").ok();
    let service = service.filter(|name| !name.is_empty());
    let instance = shared.ids.number("service.instance.id");
    Resource {
        attributes: vec![
            attribute("service.name", service.unwrap_or("localmap".to_owned())),
            attribute("service.version", env!("CARGO_PKG_VERSION")),
            attribute("service.instance.id", format!("{instance:016x}")),
            attribute("process.pid", i64::from(process::id())),
        ],
        ..Resource::default()
    }
}

/// Reads all metrics.
pub(super) fn read(shared: &Shared, counts: &Counts) -> Vec<Metric> {
    let read = |count: &AtomicU64| Value::Count(count.load(Ordering::Relaxed));
    let spans = Family::counters("localmap_otlp_spans", "Spans that were to be exported.")
        .with([("result", "exported")], read(&counts.exported))
        .with([("result", "lost")], read(&counts.lost));
    let times = Times {
        began: unix_nanos(shared.clock.started_at()),
        now: unix_nanos(SystemTime::now()),
    };
    let all = families(shared).into_iter().chain([spans]);
    all.map(|family| times.metric(&family)).collect()
}

/// Returns an attribute of a span, of a series or of the resource.
pub(super) fn attribute(key: &str, value: impl Into<Attribute>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(value.into().0),
        }),
        ..KeyValue::default()
    }
}

/// The value of an attribute.
pub(super) struct Attribute(any_value::Value);

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self(any_value::Value::StringValue(text.to_owned()))
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self(any_value::Value::StringValue(text))
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Self {
        Self(any_value::Value::IntValue(number))
    }
}

/// When counters were 0, and when they were read, in nanoseconds of Unix time.
#[derive(Clone, Copy)]
struct Times {
    began: u64,
    now: u64,
}

impl Times {
    /// Converts a family.
    fn metric(self, family: &Family) -> Metric {
        let series = family.series.iter();
        let temporality = AggregationTemporality::Cumulative.into();
        let data = match family.kind {
            Kind::Counter => Data::Sum(Sum {
                data_points: series.map(|series| self.number(series)).collect(),
                aggregation_temporality: temporality,
                is_monotonic: true,
            }),
            Kind::Gauge | Kind::Info => Data::Gauge(Gauge {
                data_points: series.map(|series| self.number(series)).collect(),
            }),
            Kind::Histogram => Data::Histogram(Histogram {
                data_points: series.filter_map(|series| self.durations(series)).collect(),
                aggregation_temporality: temporality,
            }),
        };
        let unit = match family.unit {
            None => "1",
            Some(Unit::Bytes) => "By",
            Some(Unit::Seconds) => "s",
        };
        // OTLP has no such kind, so a collector would not add this suffix.
        let suffix = if family.kind == Kind::Info {
            "_info"
        } else {
            ""
        };
        Metric {
            name: format!("{}{suffix}", family.name),
            description: family.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        }
    }

    fn number(self, series: &Series) -> NumberDataPoint {
        let value = match &series.value {
            Value::Count(count) => Number::AsInt(i64::try_from(*count).unwrap_or(i64::MAX)),
            Value::Float(value) => Number::AsDouble(*value),
            Value::Durations(durations) => Number::AsDouble(durations.sum_seconds()),
        };
        NumberDataPoint {
            attributes: attributes(&series.labels),
            start_time_unix_nano: self.began,
            time_unix_nano: self.now,
            value: Some(value),
            ..NumberDataPoint::default()
        }
    }

    fn durations(self, series: &Series) -> Option<HistogramDataPoint> {
        let Value::Durations(durations) = &series.value else {
            return None;
        };
        let (mut bounds, counts): (Vec<_>, _) = durations.classic().into_iter().unzip();
        // The last bound, which is infinite, is not written.
        bounds.pop();
        Some(HistogramDataPoint {
            attributes: attributes(&series.labels),
            start_time_unix_nano: self.began,
            time_unix_nano: self.now,
            count: durations.count,
            sum: Some(durations.sum_seconds()),
            bucket_counts: counts,
            explicit_bounds: bounds,
            ..HistogramDataPoint::default()
        })
    }
}

fn attributes(labels: &[Label]) -> Vec<KeyValue> {
    let labels = labels.iter();
    labels
        .map(|(name, value)| attribute(name, &**value))
        .collect()
}

fn unix_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
