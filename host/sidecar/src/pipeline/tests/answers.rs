//! What a pipeline answers, and with which status it ends.

use super::super::{MAX_OPERATIONS, Pipeline};
use crate::call::Call;
use crate::options::{MAX_MESSAGE_LEN, MAX_VALUE_LEN, SidecarOptions};
use crate::state::State;
use localmap::{
    Host, Limits, MapOptions, RateLimit, TenantClass, Tenants, TenantsOptions, Ttl, WriteRule,
    WriteViolation,
};
use localmap_sidecar_proto::operation::Kind;
use localmap_sidecar_proto::operation_result::Kind as Found;
use localmap_sidecar_proto::rejection::Reason;
use localmap_sidecar_proto::{Operation, PipelineRequest, PipelineResponse, change};
use prost::Message;
use std::sync::Arc;
use tonic::{Code, Status};

fn class() -> TenantClass {
    let limits = Limits::default().max_value(MAX_VALUE_LEN);
    TenantClass::new("all").map(MapOptions::new().limits(limits))
}

fn state(class: TenantClass, options: SidecarOptions) -> Call {
    let host = Host::new().expect("a host");
    let tenants = Tenants::new(&host, TenantsOptions::new().class(class));
    let state = State::new(tenants.expect("tenants"), options);
    Call::new(&Arc::new(state), None)
}

fn pipeline() -> Pipeline {
    Pipeline::new(state(class(), SidecarOptions::new()))
}

fn set(key: &'static str, value: Vec<u8>) -> Kind {
    Kind::Set(change::Set {
        key: key.into(),
        value: value.into(),
        ..change::Set::default()
    })
}

fn encoded(tenant: &str, kinds: Vec<Kind>) -> Vec<u8> {
    let operations = kinds.into_iter().map(|kind| Operation { kind: Some(kind) });
    let request = PipelineRequest {
        tenant: tenant.into(),
        operations: operations.collect(),
    };
    request.encode_to_vec()
}

/// Sends a request, and returns what its operations have found.
fn send(pipeline: &mut Pipeline, request: &[u8]) -> Result<Vec<Found>, Status> {
    let bytes = pipeline.answer(request)?.into_bytes();
    assert!(bytes.len() <= MAX_MESSAGE_LEN);
    let response = PipelineResponse::decode(&bytes[..]).expect("a response");
    let results = response.results.into_iter();
    Ok(results
        .map(|result| result.kind.expect("a result"))
        .collect())
}

#[test]
fn the_first_request_names_the_tenant_of_all() {
    let state = state(class(), SidecarOptions::new());
    let mut first = Pipeline::new(state.clone());
    let get = || vec![Kind::Get("k".into())];
    let unnamed = send(&mut first, &encoded("", get())).expect_err("no tenant");
    assert_eq!(unnamed.code(), Code::InvalidArgument);
    let mut pipeline = Pipeline::new(state.clone());
    let stored = send(&mut pipeline, &encoded("a", vec![set("k", vec![1])]));
    assert_eq!(stored.expect("it is stored"), [Found::Stored(1)]);
    for tenant in ["", "a"] {
        let found = send(&mut pipeline, &encoded(tenant, get())).expect("the same tenant");
        assert_eq!(found, [Found::Value(vec![1].into())]);
    }
    let other = send(&mut pipeline, &encoded("b", get())).expect_err("another tenant");
    assert_eq!(other.code(), Code::InvalidArgument);
    assert!(state.tenants.stats(b"b").is_none());
}

#[test]
fn nothing_is_performed_of_a_request_that_is_refused() {
    let mut pipeline = pipeline();
    send(&mut pipeline, &encoded("a", vec![])).expect("no operations");
    let good = encoded("", vec![set("k", vec![1])]);
    let refused = |pipeline: &mut Pipeline, rest: &[u8]| {
        let status = send(pipeline, &[&good, rest].concat()).expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument);
        status.message().to_owned()
    };
    let empty = refused(&mut pipeline, b"\x12\x00");
    assert!(empty.starts_with("operation 1"), "{empty}");
    // `ttl.never` is false.
    refused(&mut pipeline, b"\x12\x06\x12\x04\x1a\x02\x08\x00");
    let malformed = refused(&mut pipeline, b"\x12\x02\x0a\x05");
    assert!(
        malformed.contains("PipelineRequest.operations"),
        "{malformed}"
    );
    refused(&mut pipeline, &b"\x12\x00".repeat(MAX_OPERATIONS));
    let found = send(&mut pipeline, &encoded("", vec![Kind::Get("k".into())]));
    assert_eq!(found.expect("it goes on"), [Found::Absent(true)]);
}

#[test]
fn results_that_do_not_fit_end_the_pipeline_after_those_that_do() {
    let mut pipeline = pipeline();
    let half = vec![7; 2 << 20];
    send(&mut pipeline, &encoded("a", vec![set("k", half.clone())])).expect("stored");
    for last in [
        Kind::Get("k".into()),
        Kind::Take("k".into()),
        Kind::GetEntry("k".into()),
    ] {
        let kinds = vec![Kind::Get("k".into()), last, set("k", vec![])];
        let found = send(&mut pipeline, &encoded("", kinds)).expect("one result");
        assert_eq!(found, [Found::Value(half.clone().into())]);
        let status = pipeline.end.take().expect("it ends");
        assert_eq!(status.code(), Code::OutOfRange);
        assert!(
            status
                .message()
                .contains("of 3 operations the first 1 were"),
            "{status}"
        );
    }
    let found = send(&mut pipeline, &encoded("", vec![Kind::Take("k".into())]));
    assert_eq!(
        found.expect("it is still there"),
        [Found::Value(half.into())]
    );
}

#[test]
fn the_longest_key_and_value_fit() {
    let longest = usize::try_from(MAX_VALUE_LEN).expect("it fits");
    let limits = Limits::default().max_value(MAX_VALUE_LEN).max_key(512);
    let class = TenantClass::new("all").map(MapOptions::new().limits(limits));
    let state = state(class, SidecarOptions::new());
    let map = state.checkout("a").expect("a map");
    map.set(&[b'k'; 512], &vec![1; longest], Ttl::Never)
        .expect("stored");
    let mut pipeline = Pipeline::new(state.clone());
    let request = encoded("a", vec![Kind::GetEntry(vec![b'k'; 512].into())]);
    let found = send(&mut pipeline, &request).expect("it fits");
    assert!(matches!(&found[..], [Found::Entry(entry)] if entry.value.len() == longest));
    assert!(pipeline.end.is_none());
}

#[test]
fn each_operation_counts_towards_the_rate_of_the_tenant() {
    let class = class().rate_limit(RateLimit::per_second(1).burst(3));
    let mut pipeline = Pipeline::new(state(class, SidecarOptions::new()));
    let two = encoded("a", vec![Kind::Contains("k".into()), Kind::Get("k".into())]);
    send(&mut pipeline, &two).expect("within the burst");
    let status = send(&mut pipeline, &two).expect_err("beyond it");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.metadata().get("grpc-retry-pushback-ms").is_some());
}

/// Accepts only the value 1.
struct One;

impl WriteRule for One {
    fn check(&self, change: &localmap::Change<'_>, ttl: Ttl) -> Result<Ttl, WriteViolation> {
        match change {
            localmap::Change::Set { value: [1], .. } => Ok(ttl),
            _ => Err(WriteViolation::InvalidKey),
        }
    }
}

#[test]
fn writes_follow_the_rule_of_the_sidecar() {
    let options = SidecarOptions::new().write_rule(Arc::new(One));
    let mut pipeline = Pipeline::new(state(class(), options));
    let kinds = vec![
        set("k", vec![2]),
        set("k", vec![1]),
        Kind::Delete(change::Delete::default()),
    ];
    let found = send(&mut pipeline, &encoded("a", kinds)).expect("results");
    let [
        Found::Rejected(rejection),
        Found::Stored(1),
        Found::Present(false),
    ] = &found[..]
    else {
        panic!("{found:?}");
    };
    assert_eq!(rejection.reason(), Reason::InvalidKey);
}
