//! Writes families with the encoders of `prometheus-client`.

use crate::family::{Family, Kind, Series, Unit, Value};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{self, Registry};
use std::fmt;

/// Returns the families in a format of the crate.
pub(crate) fn encode(
    families: Vec<Family>,
    format: fn(&mut String, &Registry) -> fmt::Result,
) -> Vec<u8> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    let encoded = format(&mut text, &registry);
    debug_assert!(encoded.is_ok(), "text can be written to a string");
    text.into_bytes()
}

/// All families, for the registry of the crate.
#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(families) = self;
        families
            .iter()
            .try_for_each(|family| encode_family(family, &mut encoder))
    }
}

fn encode_family(family: &Family, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let Family {
        name, help, unit, ..
    } = family;
    let unit = unit.as_ref().map(|unit| match unit {
        Unit::Bytes => &registry::Unit::Bytes,
        Unit::Seconds => &registry::Unit::Seconds,
    });
    let kind = match family.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
        Kind::Info => MetricType::Info,
    };
    let mut metric = encoder.encode_descriptor(name, help, unit, kind)?;
    for Series { labels, value } in &family.series {
        if family.kind == Kind::Info {
            metric.encode_info(labels)?;
        } else {
            encode_value(family.kind, value, metric.encode_family(labels)?)?;
        }
    }
    Ok(())
}

fn encode_value(kind: Kind, value: &Value, mut metric: MetricEncoder<'_>) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Count(count)) => {
            metric.encode_counter::<NoLabelSet, _, f64>(count, None)
        }
        (Kind::Counter, Value::Float(value)) => {
            metric.encode_counter::<NoLabelSet, _, f64>(value, None)
        }
        (_, Value::Count(count)) => metric.encode_gauge(count),
        (_, Value::Float(value)) => metric.encode_gauge(value),
        (_, Value::Durations(durations)) => {
            let (sum, count) = (durations.sum_seconds(), durations.count);
            metric.encode_histogram::<NoLabelSet>(sum, count, &durations.classic(), None)
        }
    }
}
