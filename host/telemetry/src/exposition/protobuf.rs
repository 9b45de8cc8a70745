//! Writes families as Prometheus' protobuf, whose histograms have native buckets next to the classic ones:
//! [`metrics.proto`](https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto),
//! a `MetricFamily` after the other, each with its length before it.
//!
//! The generated code of `prometheus-client` would need a compiler of protobuf in each build.

use crate::exposition::message::Message;
use crate::family::{Family, Kind, Series, Value};
use crate::metrics::durations::{Durations, MIN_EXPONENT, SCHEMA, power_of_two};

const COUNTER: u64 = 0;
const GAUGE: u64 = 1;
const HISTOGRAM: u64 = 4;

/// Returns the families as protobuf.
pub(crate) fn encode(families: &[Family]) -> Vec<u8> {
    let mut body = Message::default();
    for family in families {
        body.delimited(&encode_family(family));
    }
    body.into_bytes()
}

fn encode_family(family: &Family) -> Message {
    let Family {
        name,
        help,
        unit,
        kind,
        series,
    } = family;
    let unit = unit.map(|unit| unit.name());
    let mut full_name = (*name).to_owned();
    let suffix = match kind {
        Kind::Counter => Some("total"),
        Kind::Info => Some("info"),
        Kind::Gauge | Kind::Histogram => None,
    };
    for part in unit.into_iter().chain(suffix) {
        full_name.push('_');
        full_name.push_str(part);
    }
    let kind = match kind {
        Kind::Counter => COUNTER,
        Kind::Gauge | Kind::Info => GAUGE,
        Kind::Histogram => HISTOGRAM,
    };
    let mut message = Message::default();
    message.text(1, &full_name);
    message.text(2, help);
    message.varint(3, kind);
    for series in series {
        message.message(4, &encode_series(kind, series));
    }
    if let Some(unit) = unit {
        message.text(5, unit);
    }
    message
}

fn encode_series(kind: u64, series: &Series) -> Message {
    let mut message = Message::default();
    for (name, value) in &series.labels {
        let mut label = Message::default();
        label.text(1, name);
        label.text(2, value);
        message.message(1, &label);
    }
    let value = match &series.value {
        // Prometheus has floats alone.
        Value::Count(count) => *count as f64,
        Value::Float(value) => *value,
        Value::Durations(durations) => {
            message.message(7, &encode_durations(durations));
            return message;
        }
    };
    let mut number = Message::default();
    number.double(1, value);
    message.message(if kind == COUNTER { 3 } else { 2 }, &number);
    message
}

fn encode_durations(durations: &Durations) -> Message {
    let mut message = Message::default();
    message.varint(1, durations.count);
    message.double(2, durations.sum_seconds());
    let mut cumulative = 0;
    for (bound, count) in durations.classic() {
        cumulative += count;
        let mut bucket = Message::default();
        bucket.varint(1, cumulative);
        bucket.double(2, bound);
        message.message(3, &bucket);
    }
    let native = durations.native();
    message.sint(5, SCHEMA.into());
    message.double(6, power_of_two(MIN_EXPONENT));
    message.varint(7, native.zero_count);
    for (offset, length) in native.spans {
        let mut span = Message::default();
        span.sint(1, offset.into());
        span.varint(2, length.into());
        message.message(12, &span);
    }
    for delta in native.deltas {
        message.sint(13, delta);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Unit;

    /// The bytes were written down by hand.
    #[test]
    fn a_family_is_written_as_its_definition_says() {
        let mut family = Family::counters("a", "B.");
        family = family
            .unit(Unit::Seconds)
            .with([("l", "v")], Value::Count(1));
        let series = b"\x0a\x06\x0a\x01l\x12\x01v\x1a\x09\x09\0\0\0\0\0\0\xf0\x3f";
        let mut expected = b"\x35\x0a\x0fa_seconds_total\x12\x02B.\x18\0\x22\x13".to_vec();
        expected.extend_from_slice(series);
        expected.extend_from_slice(b"\x2a\x07seconds");
        assert_eq!(encode(&[family]), expected);
    }
}
