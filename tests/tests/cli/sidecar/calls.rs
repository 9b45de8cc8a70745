//! The calls, as a client sees them. That their answers are those of every map is checked by the vectors.

use super::client::{Pipeline, Sidecar, get, set};
use localmap_sidecar_proto::maps_client::MapsClient;
use localmap_sidecar_proto::operation::Kind;
use localmap_sidecar_proto::operation_result::Kind as Found;
use localmap_sidecar_proto::rejection::Reason;
use localmap_sidecar_proto::{
    ApplyRequest, Change, Condition, ContainsRequest, DeleteRequest, GetManyRequest, GetRequest,
    IncrementRequest, Operation, PipelineRequest, ScanRequest, SetIfRequest, SetRequest,
    StatsRequest, TakeRequest, TouchRequest, Ttl, change, condition, delete_response,
    increment_response, set_if_response, set_response, touch_response, ttl,
};
use tonic::Code;
use tonic::transport::Channel;

const KEY: &[u8] = b"\x00\xff";

/// A value with every byte.
fn all_bytes() -> Vec<u8> {
    (0..=u8::MAX).collect()
}

fn tenant() -> String {
    "acme".to_owned()
}

#[tokio::test]
async fn each_call_does_what_it_says() {
    let sidecar = Sidecar::start(&[]);
    let client = &mut sidecar.client().await;
    let (key, value) = (KEY.to_vec(), all_bytes());
    let after = |nanos| {
        Some(Ttl {
            kind: Some(ttl::Kind::AfterNanos(nanos)),
        })
    };
    let set = SetRequest {
        tenant: tenant(),
        key: key.clone().into(),
        value: value.clone().into(),
        ttl: after(3_600_000_000_000),
    };
    let response = client.set(set).await.expect("a response").into_inner();
    let Some(set_response::Result::Version(version)) = response.result else {
        panic!("{response:?}");
    };

    let asked = GetRequest {
        tenant: tenant(),
        key: key.clone().into(),
    };
    let response = client.get(asked).await.expect("a response").into_inner();
    let entry = response.entry.expect("it is there");
    assert_eq!((&entry.key[..], &entry.value[..]), (KEY, &value[..]));
    assert_eq!(entry.version, version);
    let left = entry.expires_in_nanos.expect("a deadline");
    assert!((1..=3_600_000_000_000).contains(&left), "{left}");

    let set_if = SetIfRequest {
        tenant: tenant(),
        key: key.clone().into(),
        value: "w".into(),
        ttl: None,
        condition: Some(Condition {
            kind: Some(condition::Kind::Version(version)),
        }),
    };
    let again = client.set_if(set_if.clone()).await.expect("a response");
    assert!(matches!(
        again.into_inner().result,
        Some(set_if_response::Result::Version(newer)) if newer > version
    ));
    let conflict = client.set_if(set_if).await.expect("a response");
    let Some(set_if_response::Result::Rejected(rejected)) = conflict.into_inner().result else {
        panic!("the version has changed");
    };
    assert_eq!(rejected.reason(), Reason::Conflict);
    assert_eq!(rejected.current_version, Some(version + 1));
    assert!(rejected.message.contains("read it again"), "{rejected:?}");

    let touch = TouchRequest {
        tenant: tenant(),
        key: key.clone().into(),
        ttl: after(0),
    };
    let response = client.touch(touch).await.expect("a response").into_inner();
    let Some(touch_response::Result::Rejected(rejected)) = response.result else {
        panic!("{response:?}");
    };
    assert_eq!(rejected.reason(), Reason::InvalidTtl);

    let take = TakeRequest {
        tenant: tenant(),
        key: key.clone().into(),
    };
    let taken = client.take(take).await.expect("a response").into_inner();
    assert_eq!(taken.value.as_deref(), Some(&b"w"[..]));

    let contains = ContainsRequest {
        tenant: tenant(),
        key: key.clone().into(),
    };
    let contains = client.contains(contains).await.expect("a response");
    assert!(!contains.into_inner().present);

    let delete = DeleteRequest {
        tenant: tenant(),
        key: key.into(),
        version: None,
    };
    let response = client.delete(delete).await.expect("a response");
    assert_eq!(
        response.into_inner().result,
        Some(delete_response::Result::Present(false))
    );
}

#[tokio::test]
async fn counters_batches_scans_and_statistics() {
    let sidecar = Sidecar::start(&[]);
    let client = &mut sidecar.client().await;
    for sum in [-5, -10] {
        let increment = IncrementRequest {
            tenant: tenant(),
            key: "count".into(),
            delta: -5,
            ttl: None,
        };
        let response = client.increment(increment).await.expect("a response");
        let result = response.into_inner().result;
        assert_eq!(result, Some(increment_response::Result::Sum(sum)));
    }
    let set = |key: &'static str| Change {
        kind: Some(change::Kind::Set(change::Set {
            key: key.into(),
            value: "v".into(),
            ttl: None,
            condition: None,
        })),
    };
    let delete = |version| Change {
        kind: Some(change::Kind::Delete(change::Delete {
            key: "absent".into(),
            version,
        })),
    };
    for (last, rejected_at) in [(delete(Some(7)), Some(2)), (delete(None), None)] {
        let apply = ApplyRequest {
            tenant: tenant(),
            changes: vec![set("a"), set("b"), last],
        };
        let applied = client.apply(apply).await.expect("a response").into_inner();
        let rejected = applied.rejected.map(|rejected| rejected.index);
        assert_eq!(rejected, rejected_at.map(Some));
        let outcomes = if rejected_at.is_some() { 0 } else { 3 };
        assert_eq!(applied.outcomes.len(), outcomes, "all or nothing");
    }

    let many = GetManyRequest {
        tenant: tenant(),
        keys: vec!["a".into(), "absent".into(), "b".into()],
    };
    let many = client
        .get_many(many)
        .await
        .expect("a response")
        .into_inner();
    let values: Vec<_> = many
        .values
        .iter()
        .map(|found| found.value.as_deref())
        .collect();
    assert_eq!(values, [Some(&b"v"[..]), None, Some(b"v")]);

    let (mut keys, mut cursor) = (Vec::new(), 0);
    loop {
        let scan = ScanRequest {
            tenant: tenant(),
            prefix: "".into(),
            cursor,
            limit: 1,
        };
        let page = client.scan(scan).await.expect("a response").into_inner();
        keys.extend(page.entries.into_iter().map(|entry| entry.key));
        let Some(next) = page.next else { break };
        cursor = next;
    }
    keys.sort();
    assert_eq!(keys, ["a", "b", "count"]);

    let stats = client.stats(StatsRequest { tenant: tenant() }).await;
    let stats = stats.expect("a response").into_inner();
    assert_eq!((stats.entries, stats.hits, stats.misses), (3, 2, 1));
    assert_eq!((stats.class.as_str(), stats.mirrors), ("default", 0));
}

#[tokio::test]
async fn a_pipeline_answers_each_operation_and_goes_on_after_a_rejection() {
    let sidecar = Sidecar::start(&[]);
    let client = &mut sidecar.client().await;
    let mut pipeline = Pipeline::open(client).await;
    let set = |key: &'static str| {
        Kind::Set(change::Set {
            key: key.into(),
            value: "v".into(),
            ttl: None,
            condition: None,
        })
    };
    let kinds = [
        set("a"),
        set(""),
        Kind::Get("a".into()),
        Kind::Contains("b".into()),
        Kind::Take("a".into()),
        Kind::GetEntry("a".into()),
    ];
    let operations = kinds.map(|kind| Operation { kind: Some(kind) }).to_vec();
    let request = PipelineRequest {
        tenant: tenant(),
        operations,
    };
    let response = pipeline.ask(request).await.expect("a response");
    let results: Vec<_> = response
        .results
        .into_iter()
        .map(|result| result.kind)
        .collect();
    let [
        Some(Found::Stored(_)),
        Some(Found::Rejected(rejected)),
        Some(Found::Value(value)),
        Some(Found::Present(false)),
        Some(Found::Value(taken)),
        Some(Found::Absent(true)),
    ] = &results[..]
    else {
        panic!("{results:?}");
    };
    assert_eq!(rejected.reason(), Reason::InvalidKey);
    assert_eq!((&value[..], &taken[..]), (&b"v"[..], &b"v"[..]));
    // Later requests need not name the tenant, but may not name another one.
    let empty = PipelineRequest::default();
    let response = pipeline.ask(empty).await.expect("a response");
    assert!(response.results.is_empty());
    let other = PipelineRequest {
        tenant: "other".to_owned(),
        operations: Vec::new(),
    };
    let status = pipeline.ask(other).await.expect_err("another tenant");
    assert_eq!(status.code(), Code::InvalidArgument);
}

/// Sends one operation on a new pipeline, and returns the status.
async fn pipelined(client: &mut MapsClient<Channel>, request: PipelineRequest) -> tonic::Status {
    let mut pipeline = Pipeline::open(client).await;
    pipeline.ask(request).await.expect_err("it is refused")
}

#[tokio::test]
async fn names_of_tenants_are_checked_and_shown_without_control_characters() {
    let sidecar = Sidecar::start(&[]);
    let client = &mut sidecar.client().await;
    let longest = "x".repeat(63);
    for good in ["A-Z_a.z-09", "..", &longest] {
        assert_eq!(get(client, good, b"k").await.expect("a response"), None);
    }
    let too_long = "x".repeat(64);
    let huge = "\u{202e}".repeat(100_000);
    for bad in ["", "a b", "../x", "a\r\nb: c", "\0", "ä", &too_long, &huge] {
        let status = get(client, bad, b"k").await.expect_err("it is invalid");
        assert_eq!(status.code(), Code::InvalidArgument, "{bad}");
        let shown = status.message();
        assert!(shown.contains("1 to 63"), "{shown}");
        assert!(
            shown.len() < 1_000 && !shown.contains(char::is_control),
            "{shown}"
        );
        let request = PipelineRequest {
            tenant: bad.to_owned(),
            operations: Vec::new(),
        };
        let status = pipelined(client, request).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{bad}");
    }
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let sidecar = Sidecar::start(&["--max-maps", "2"]);
    let client = &mut sidecar.client().await;
    set(client, "a", b"k").await;
    assert_eq!(get(client, "b", b"k").await.expect("a response"), None);
    let status = get(client, "c", b"k").await.expect_err("one too many");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("--max-maps"), "{status}");
    let found = get(client, "a", b"k").await.expect("a response");
    assert_eq!(found.as_deref(), Some(&b"v"[..]));
}

#[tokio::test]
async fn malformed_messages_are_invalid_and_the_connection_goes_on() {
    let sidecar = Sidecar::start(&[]);
    let client = &mut sidecar.client().await;
    let no_condition = SetIfRequest {
        tenant: tenant(),
        key: "k".into(),
        ..SetIfRequest::default()
    };
    let refused = client.set_if(no_condition).await.expect_err("no condition");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let never = SetRequest {
        tenant: tenant(),
        key: "k".into(),
        value: "v".into(),
        ttl: Some(Ttl {
            kind: Some(ttl::Kind::Never(false)),
        }),
    };
    let refused = client.set(never).await.expect_err("it means nothing");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("ttl.never"), "{refused}");
    let no_kind = ApplyRequest {
        tenant: tenant(),
        changes: vec![Change { kind: None }],
    };
    let refused = client.apply(no_kind).await.expect_err("it is empty");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let no_kind = PipelineRequest {
        tenant: tenant(),
        operations: vec![Operation { kind: None }],
    };
    let refused = pipelined(client, no_kind).await;
    assert_eq!(refused.code(), Code::InvalidArgument);
    set(client, "acme", b"k").await;
}
