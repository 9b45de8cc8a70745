//! What a collector receives.

use super::*;
use crate::{Protocol, TelemetryOptions};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use localmap::{Host, LocalMap, MapOptions, Ttl};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;
use tonic::{Code, Request, Response, Status};

/// The time that all have for what takes no time.
const LONG: Duration = Duration::from_secs(60);

/// A collector, which keeps all that it receives.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<Metric>>>,
    /// Whether it refuses spans.
    refuses: bool,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if self.refuses {
            return Err(Status::new(Code::InvalidArgument, "not these"));
        }
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        localmap::lock(&self.spans).extend(spans);
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_metrics);
        *localmap::lock(&self.metrics) = scopes.flat_map(|scope| scope.metrics).collect();
        Ok(Response::new(Default::default()))
    }
}

impl Collector {
    /// Serves on a thread, until the process ends.
    fn serve(&self, listener: TcpListener) {
        let collector = self.clone();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("it is created");
            runtime.block_on(collector.accept(listener));
        });
    }

    async fn accept(self, listener: TcpListener) {
        listener.set_nonblocking(true).expect("it is a socket");
        let listener = tokio::net::TcpListener::from_std(listener).expect("there is a runtime");
        loop {
            let (stream, _) = listener.accept().await.expect("it listens");
            let collector = self.clone();
            let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let collector = collector.clone();
                async move { Ok::<_, Infallible>(collector.answer(request).await) }
            });
            let stream = TokioIo::new(stream);
            let connection = http2::Builder::new(TokioExecutor::new());
            drop(tokio::spawn(connection.serve_connection(stream, answer)));
        }
    }

    async fn answer(
        self,
        request: hyper::Request<hyper::body::Incoming>,
    ) -> hyper::Response<tonic::body::Body> {
        // A body in memory is what both services take.
        let (head, body) = request.into_parts();
        let body: Bytes = body.collect().await.expect("it is complete").to_bytes();
        let body = http_body_util::Full::new(body);
        let request = hyper::Request::from_parts(head, body);
        let path = request.uri().path().to_owned();
        let response = if path.contains("trace") {
            let mut service = TraceServiceServer::new(self);
            tonic::codegen::Service::call(&mut service, request).await
        } else {
            let mut service = MetricsServiceServer::new(self);
            tonic::codegen::Service::call(&mut service, request).await
        };
        response.expect("it cannot fail")
    }
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("it is free");
    let address = listener.local_addr().expect("it is bound");
    (listener, format!("http://{address}"))
}

/// Creates a collector, telemetry that is exported to it, and a map.
fn exported(collector: &Collector) -> (Telemetry, OtlpExport, LocalMap) {
    let (listener, endpoint) = listener();
    collector.serve(listener);
    let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    let export = telemetry.export_otlp(&endpoint).expect("it starts");
    let map = map(&telemetry);
    (telemetry, export, map)
}

fn map(telemetry: &Telemetry) -> LocalMap {
    let options = MapOptions::new().observer(telemetry.observer("test"));
    let host = Host::new().expect("it is created");
    host.map(&options).expect("it is created")
}

fn attributes(list: &[KeyValue]) -> HashMap<&str, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = |attribute: &KeyValue| attribute.value.clone().and_then(|value| value.value);
    list.iter()
        .filter_map(|attribute| Some((&*attribute.key, text(&value(attribute)?))))
        .collect()
}

#[test]
fn a_collector_gets_each_request_and_each_operation_once_in_their_trace() {
    let collector = Collector::default();
    let (telemetry, export, mut map) = exported(&collector);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut request = telemetry.begin_request(Protocol::Http, "PUT", parent.parse().ok());
    request.set_tenant(b"ali\"ce\xff");
    let own = request.to_pass_on().expect("spans are exported");
    map.set_caller(request.caller());
    for _ in 0..2_500 {
        map.set(b"key", b"value", Ttl::Never)
            .expect("there is room");
    }
    request.end(503);
    map.set_caller(0);
    map.get(b"key").expect("it answers");
    telemetry.begin_request(Protocol::Grpc, "Get", None).end(0);
    drop(telemetry.begin_request(Protocol::Grpc, "Get", None));
    export.shutdown(LONG).expect("the collector takes all");

    let spans = localmap::lock(&collector.spans);
    let named = |name: &str| {
        spans
            .iter()
            .filter(|span| span.name == name)
            .collect::<Vec<_>>()
    };
    let [put] = named("PUT")[..] else {
        unreachable!("there is one PUT");
    };
    assert_eq!(put.trace_id, own.trace.to_be_bytes());
    assert_eq!(put.span_id, own.span.to_be_bytes());
    assert_eq!(put.parent_span_id, 0x00f067aa0ba902b7_u64.to_be_bytes());
    assert_eq!((put.kind, put.flags), (2, 0x301));
    assert_eq!(put.status.as_ref().map(|status| status.code), Some(2));
    let of_put = attributes(&put.attributes);
    assert_eq!(of_put["http.response.status_code"], "503");
    assert_eq!(of_put["localmap.tenant"], "ali\\\"ce\\xff");

    let sets = named("set");
    assert_eq!(sets.len(), 2_500);
    for set in &sets {
        assert_eq!(set.trace_id, put.trace_id);
        assert_eq!(set.parent_span_id, put.span_id);
        assert!(put.start_time_unix_nano <= set.start_time_unix_nano);
        assert!(set.start_time_unix_nano <= set.end_time_unix_nano);
        assert!(set.end_time_unix_nano <= put.end_time_unix_nano);
        let of_set = attributes(&set.attributes);
        assert_eq!(of_set["localmap.outcome"], "ok");
        assert_eq!(of_set["localmap.key.length"], "3");
        assert_eq!(of_set["localmap.value.length"], "5");
        assert!(of_set.contains_key("localmap.key.hash") && !of_set.contains_key("localmap.key"));
    }
    let [get] = named("get")[..] else {
        unreachable!("there is one get");
    };
    assert!(get.parent_span_id.is_empty());
    assert_ne!(get.trace_id, put.trace_id);
    let calls = named("Get");
    assert_eq!(calls.len(), 2);
    let failed = calls.iter().filter(|call| call.status.is_some());
    let failed: Vec<_> = failed.map(|call| attributes(&call.attributes)).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["error.type"], "cut_off");
    let ids: std::collections::HashSet<_> = spans.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), 2_504);
}

#[test]
fn spans_of_a_trace_that_is_not_sampled_are_left_out() {
    let collector = Collector::default();
    let (telemetry, export, mut map) = exported(&collector);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let request = telemetry.begin_request(Protocol::Http, "GET", parent.parse().ok());
    map.set_caller(request.caller());
    map.get(b"key").expect("it answers");
    request.end(200);
    assert_eq!(export.lost_spans(), 0);
    export.shutdown(LONG).expect("the collector takes all");
    assert_eq!(*localmap::lock(&collector.spans), []);
}

#[test]
fn a_collector_gets_the_metrics() {
    let collector = Collector::default();
    let (_telemetry, export, mut map) = exported(&collector);
    for _ in 0..7 {
        map.get(b"key").expect("it answers");
    }
    export.shutdown(LONG).expect("the collector takes all");
    let metrics = localmap::lock(&collector.metrics);
    let data = |name: &str| {
        let metric = metrics.iter().find(|metric| metric.name == name);
        metric
            .and_then(|metric| metric.data.clone())
            .expect("it is there")
    };
    let Data::Sum(operations) = data("localmap_operations") else {
        unreachable!("it is a counter");
    };
    assert!(operations.is_monotonic);
    let [point] = &operations.data_points[..] else {
        unreachable!("there is one operation with one outcome");
    };
    let labels = attributes(&point.attributes);
    assert_eq!(
        (&*labels["operation"], &*labels["outcome"]),
        ("get", "miss")
    );
    assert!(matches!(data("localmap_build_info"), Data::Gauge(_)));
    let Data::Histogram(durations) = data("localmap_operation_duration") else {
        unreachable!("it is a histogram");
    };
    let [point] = &durations.data_points[..] else {
        unreachable!("there is one operation");
    };
    assert_eq!((point.count, point.bucket_counts.iter().sum()), (7, 7_u64));
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert!(point.explicit_bounds.is_sorted());
}

#[test]
fn spans_that_a_collector_refuses_are_lost_and_counted() {
    let collector = Collector {
        refuses: true,
        ..Collector::default()
    };
    let (_telemetry, export, mut map) = exported(&collector);
    map.get(b"key").expect("it answers");
    let counts = Arc::clone(&export.counts);
    // If they were sent before, nothing is left.
    if let Err(error) = export.shutdown(LONG) {
        assert!(matches!(&error, OtlpError::Rejected { message } if message.contains("not these")));
    }
    assert_eq!(counts.lost.load(Ordering::Relaxed), 1);
    assert_eq!(counts.exported.load(Ordering::Relaxed), 0);
}

#[test]
fn nothing_waits_for_a_collector_that_does_not_answer() {
    // It accepts connections, but nobody reads from them.
    let (listener, endpoint) = listener();
    let telemetry = Telemetry::new(TelemetryOptions::new());
    let export = telemetry.export_otlp(&endpoint).expect("it starts");
    telemetry
        .begin_request(Protocol::Http, "GET", None)
        .end(200);
    let limit = Duration::from_millis(50);
    let error = export.shutdown(limit).expect_err("it does not answer");
    assert!(matches!(error, OtlpError::TimedOut { limit: of } if of == limit));
    drop(listener);
}

#[test]
fn endpoints_are_checked_and_there_is_one_export() {
    let telemetry = Telemetry::new(TelemetryOptions::new());
    for endpoint in ["", "collector", "https://127.0.0.1:4317", "http://", "\0"] {
        let error = telemetry.export_otlp(endpoint).err();
        let invalid = matches!(error, Some(OtlpError::InvalidEndpoint { .. }));
        assert!(invalid, "{endpoint:?}");
    }
    let (_listener, endpoint) = listener();
    let _export = telemetry.export_otlp(&endpoint).expect("it starts");
    let error = telemetry.export_otlp(&endpoint).expect_err("there is one");
    assert!(matches!(error, OtlpError::AlreadyExported));
}

#[test]
fn operations_whose_request_is_not_known_yet_wait_once() {
    let telemetry = Telemetry::new(TelemetryOptions::new());
    let shared = &telemetry.shared;
    assert!(shared.trace.start_export());
    shared.looks.store(true, Ordering::Relaxed);
    let mut converter = spans::Converter::new(shared);
    let mut waiting = Vec::new();
    let mut map = map(&telemetry);
    let mut operation = |caller| {
        map.set_caller(caller);
        map.get(b"key").expect("it answers");
    };
    // The first request begins after its operation was taken; the other one is never seen.
    operation(1);
    operation(2);
    assert_eq!(converter.take(shared, &mut waiting), 0);
    assert_eq!(waiting, []);
    let request = telemetry.begin_request(Protocol::Http, "GET", None);
    assert_eq!(request.caller(), 1);
    assert_eq!(converter.take(shared, &mut waiting), 1);
    assert_eq!(waiting.len(), 1);
    // Operations that come just after the end of their request still belong to it.
    request.end(200);
    assert_eq!(converter.take(shared, &mut waiting), 0);
    operation(1);
    assert_eq!(converter.take(shared, &mut waiting), 0);
    assert_eq!(waiting.len(), 2);
}
