//! `sidecar --trace`: a call is a request, and so is a stream.

use super::trace::{Span, Trace};
use crate::serve::client::PATIENCE;
use crate::sidecar::client::{Pipeline, Sidecar, get, set};
use localmap_sidecar_client::{Client, Mirror, MirrorOptions};
use localmap_sidecar_proto::operation::Kind;
use localmap_sidecar_proto::{
    CallGuestRequest, GetManyRequest, GetRequest, Operation, PipelineRequest,
};
use localmap_tests::guest;
use std::path::PathBuf;
use tempfile::TempDir;
use tonic::Code;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn start(options: &[&str]) -> (TempDir, PathBuf, Sidecar) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.json");
    let trace = path.display().to_string();
    let sidecar = Sidecar::start(&[&["--trace", &trace], options].concat());
    (folder, path, sidecar)
}

fn end(mut sidecar: Sidecar, path: &std::path::Path) -> Trace {
    sidecar.signal("TERM");
    assert_eq!(sidecar.wait().code(), Some(0));
    Trace::read(path)
}

fn calls(trace: &Trace, name: &str) -> Vec<Span> {
    let requests = trace.requests().into_iter();
    requests.filter(|request| request.name == name).collect()
}

#[tokio::test]
async fn each_operation_is_in_its_call_on_the_track_of_its_tenant() {
    let (_folder, path, sidecar) = start(&[]);
    let client = &mut sidecar.client().await;
    set(client, "a", b"k").await;
    assert!(get(client, "a", b"k").await.expect("an answer").is_some());
    assert!(get(client, "b", b"k").await.expect("an answer").is_none());
    let many = GetManyRequest {
        tenant: "a".to_owned(),
        keys: vec!["k".into(), "l".into()],
    };
    client.get_many(many).await.expect("an answer");
    let malformed = get(client, "", b"k").await.expect_err("no tenant");
    assert_eq!(malformed.code(), Code::InvalidArgument);
    let trace = end(sidecar, &path);
    assert_eq!(trace.outcomes("a", "set"), ["ok"]);
    assert_eq!(trace.operations().len(), 5);
    for operation in trace.operations() {
        let request = trace.request_of(&operation);
        assert_eq!(request.tenant, operation.tenant);
        assert_eq!(request.args["status"], "OK");
    }
    let gets = calls(&trace, "Get").into_iter();
    let by_tenant = gets.map(|get| (get.tenant, get.args["status"].to_string()));
    let mut by_tenant: Vec<_> = by_tenant.collect();
    by_tenant.sort_unstable();
    let expected = [
        ("(no tenant)", "\"INVALID_ARGUMENT\""),
        ("a", "\"OK\""),
        ("b", "\"OK\""),
    ];
    assert_eq!(
        by_tenant,
        expected.map(|(tenant, status)| (tenant.to_owned(), status.to_owned()))
    );
    assert_eq!(calls(&trace, "GetMany").len(), 1);
}

#[tokio::test]
async fn a_pipeline_is_one_request_with_all_of_its_operations() {
    let (_folder, path, sidecar) = start(&[]);
    let client = &mut sidecar.client().await;
    let mut pipeline = Pipeline::open(client).await;
    let read = |key: &'static str| Operation {
        kind: Some(Kind::Get(key.into())),
    };
    for _ in 0..3 {
        let request = PipelineRequest {
            tenant: "a".to_owned(),
            operations: vec![read("x"), read("y")],
        };
        pipeline.ask(request).await.expect("results");
    }
    drop(pipeline.requests);
    assert!(
        pipeline
            .responses
            .message()
            .await
            .expect("an end")
            .is_none()
    );
    let trace = end(sidecar, &path);
    let operations = trace.operations();
    assert_eq!(operations.len(), 6);
    for operation in &operations {
        assert_eq!(trace.request_of(operation).name, "Pipeline");
    }
    assert_eq!(calls(&trace, "Pipeline").len(), 1);
}

#[tokio::test]
async fn a_mirror_is_one_request_with_its_scans() {
    let (_folder, path, sidecar) = start(&[]);
    set(&mut sidecar.client().await, "a", b"k").await;
    let client = Client::connect(sidecar.socket()).expect("a client");
    let mirror = Mirror::open(&client.tenant("a"), MirrorOptions::new()).await;
    let mirror = mirror.expect("a mirror");
    mirror.wait_until_synced(PATIENCE).await.expect("a copy");
    assert!(mirror.get(b"k").is_some());
    // A call in between is not taken for a part of the stream.
    set(&mut sidecar.client().await, "a", b"l").await;
    let trace = end(sidecar, &path);
    let streams = calls(&trace, "Mirror");
    assert_eq!(streams.len(), 1);
    assert_eq!(streams[0].args["status"], "UNAVAILABLE");
    assert_eq!(trace.outcomes("a", "scan"), ["ok"]);
    for operation in trace.operations() {
        let name = if operation.name == "scan" {
            "Mirror"
        } else {
            "Set"
        };
        assert_eq!(trace.request_of(&operation).name, name);
    }
}

#[tokio::test]
async fn a_call_goes_on_in_the_trace_of_its_peer() {
    let (_folder, path, sidecar) = start(&[]);
    let client = &mut sidecar.client().await;
    let mut request = tonic::Request::new(GetRequest {
        tenant: "a".to_owned(),
        key: "k".into(),
    });
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", PARENT.parse().expect("it is text"));
    client.get(request).await.expect("an answer");
    let trace = end(sidecar, &path);
    let call = &calls(&trace, "Get")[0];
    assert_eq!(call.args["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(call.args["parent_span_id"], "00f067aa0ba902b7");
}

#[tokio::test]
async fn the_operations_of_a_guest_are_those_of_its_call() {
    let handled = format!("handled={}", guest("handled").display());
    let (_folder, path, sidecar) = start(&["--guest", &handled]);
    let client = &mut sidecar.client().await;
    for request in ["count n", "get n"] {
        let request = CallGuestRequest {
            tenant: "a".to_owned(),
            guest: "handled".to_owned(),
            request: request.into(),
        };
        client.call_guest(request).await.expect("an answer");
    }
    let trace = end(sidecar, &path);
    let operations = trace.operations();
    assert_eq!(operations.len(), 2);
    for operation in &operations {
        assert_eq!(trace.request_of(operation).name, "CallGuest");
    }
}
