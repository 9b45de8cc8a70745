//! Tests of requests.

use super::*;
use crate::{Telemetry, TelemetryOptions};

fn parent(flags: u8) -> TraceParent {
    TraceParent {
        trace: 5,
        span: 6,
        flags,
    }
}

#[test]
fn without_spans_the_parent_is_passed_on_unchanged() {
    let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    for parent in [None, Some(parent(0xff))] {
        let request = telemetry.begin_request(Protocol::Http, "GET", parent);
        assert_eq!(request.to_pass_on(), parent);
    }
}

#[test]
fn nothing_is_passed_on_while_nothing_is_measured() {
    let telemetry = Telemetry::default();
    let request = telemetry.begin_request(Protocol::Http, "GET", Some(parent(1)));
    assert_eq!(request.to_pass_on(), None);
}

#[test]
fn with_spans_the_own_span_is_passed_on_in_the_same_trace() {
    let telemetry = Telemetry::new(TelemetryOptions::new().trace_spans(10));
    for flags in [0, 1, 0xfe, 0xff] {
        let request = telemetry.begin_request(Protocol::Grpc, "Get", Some(parent(flags)));
        let passed_on = request.to_pass_on().expect("there are spans");
        assert_eq!(passed_on.trace, 5);
        assert_ne!(passed_on.span, 6);
        assert_eq!(passed_on.flags, flags & 1);
    }
}

#[test]
fn a_request_without_parent_begins_a_trace_of_its_own() {
    let telemetry = Telemetry::new(TelemetryOptions::new().trace_spans(10));
    let spans: Vec<_> = (0..2)
        .map(|_| telemetry.begin_request(Protocol::Http, "GET", None))
        .map(|request| request.to_pass_on().expect("there are spans"))
        .collect();
    assert!(spans.iter().all(TraceParent::is_sampled));
    assert_ne!(spans[0].trace, spans[1].trace);
    assert_ne!(spans[0].span, spans[1].span);
}

#[test]
fn a_request_has_a_number_of_its_own_that_is_not_0() {
    let telemetry = Telemetry::new(TelemetryOptions::new());
    let mut last = 0;
    for _ in 0..3 {
        let request = telemetry.begin_request(Protocol::Http, "GET", None);
        assert!(request.caller() > last);
        last = request.caller();
    }
}
