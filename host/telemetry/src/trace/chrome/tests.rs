//! What viewers rely on.

use crate::names::TenantId;
use crate::protocol::Protocol;
use crate::trace::chrome::Micros;
use crate::trace_parent::TraceParent;
use crate::{Telemetry, TelemetryOptions};
use localmap::{Host, LocalMap, MapOptions, TenantClass, Tenants, TenantsOptions, Ttl};
use serde_json::Value;
use std::collections::BTreeMap;

fn traced(spans: usize) -> TelemetryOptions {
    TelemetryOptions::new().trace_spans(spans)
}

fn map(telemetry: &Telemetry) -> LocalMap {
    let options = MapOptions::new().observer(telemetry.observer("test"));
    let host = Host::new().expect("it is created");
    host.map(&options).expect("it is created")
}

fn written(telemetry: &Telemetry) -> Value {
    let mut json = Vec::new();
    telemetry
        .write_trace(&mut json)
        .expect("a vector takes all");
    assert!(json.is_ascii());
    serde_json::from_slice(&json).expect("it is JSON")
}

fn events<'a>(trace: &'a Value, phase: &str, category: &str) -> Vec<&'a Value> {
    let all = trace["traceEvents"].as_array().expect("there are events");
    let wanted =
        |event: &&Value| event["ph"] == phase && (category.is_empty() || event["cat"] == category);
    all.iter().filter(wanted).collect()
}

fn process_names(trace: &Value) -> BTreeMap<u64, String> {
    let names = events(trace, "M", "").into_iter();
    let names = names.filter(|event| event["name"] == "process_name");
    let name = |event: &Value| {
        event["args"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    names
        .map(|event| (event["pid"].as_u64().unwrap_or_default(), name(event)))
        .collect()
}

/// Returns when a slice began and ended, in nanoseconds.
fn times(event: &Value) -> (u64, u64) {
    let [at, lasted] = ["ts", "dur"].map(|field| {
        let text = event[field].to_string();
        // The reader has made a number of it, but not lost digits of one of this size.
        let (micros, nanos) = text.split_once('.').unwrap_or((&text, ""));
        format!("{micros}{nanos:0<3}")
            .parse::<u64>()
            .expect("it has three digits")
    });
    (at, at + lasted)
}

#[test]
fn there_is_a_span_for_each_operation() {
    let telemetry = Telemetry::new(traced(10_000));
    let mut map = map(&telemetry);
    for number in 0..1_000_u32 {
        map.set(&number.to_le_bytes(), b"value", Ttl::Never)
            .expect("there is room");
        assert!(
            map.get(&number.to_le_bytes())
                .expect("it answers")
                .is_some()
        );
    }
    assert!(!map.delete(b"other").expect("it answers"));
    let trace = written(&telemetry);
    let operations = events(&trace, "X", "operation");
    assert_eq!(operations.len(), 2_001);
    let gets = operations.iter().filter(|event| event["name"] == "get");
    assert_eq!(gets.count(), 1_000);
    assert_eq!(operations[0]["args"]["outcome"], "ok");
    assert_eq!(operations[1]["args"]["outcome"], "hit");
    assert_eq!(operations[1]["args"]["value_len"], 5);
    assert_eq!(operations[1]["args"]["key_len"], 4);
    assert_eq!(operations[2_000]["args"]["outcome"], "miss");
    assert_eq!(trace["otherData"]["lost_spans"], 0);
    assert_eq!(trace["otherData"]["spans"], 2_001);
}

#[test]
fn lost_spans_are_counted() {
    let telemetry = Telemetry::new(traced(100));
    let mut map = map(&telemetry);
    for _ in 0..250 {
        map.get(b"key").expect("it answers");
    }
    let trace = written(&telemetry);
    assert_eq!(events(&trace, "X", "operation").len(), 100);
    assert_eq!(trace["otherData"]["lost_spans"], 150);
}

#[test]
fn operations_lie_within_their_request_on_its_lane() {
    let telemetry = Telemetry::new(traced(1_000));
    let parent = TraceParent {
        trace: 0xabc,
        span: 0xdef,
        flags: 1,
    };
    let mut map = map(&telemetry);
    let mut other = telemetry.begin_request(Protocol::Grpc, "Get", None);
    other.set_tenant(b"other");
    let request = telemetry.begin_request(Protocol::Http, "GET", Some(parent));
    let own = request.to_pass_on().expect("there are spans");
    map.set_caller(request.caller());
    for _ in 0..10 {
        map.get(b"key").expect("it answers");
    }
    request.end(404);
    drop(other);
    map.set_caller(0);
    map.get(b"key").expect("it answers");

    let trace = written(&telemetry);
    let requests = events(&trace, "X", "request");
    let [first, second] = requests[..] else {
        unreachable!("there are two: {requests:?}");
    };
    assert_eq!(first["args"]["status"], "404");
    assert_eq!(first["args"]["protocol"], "http");
    assert_eq!(first["args"]["trace_id"], format!("{:032x}", 0xabc));
    assert_eq!(first["args"]["parent_span_id"], format!("{:016x}", 0xdef));
    assert_eq!(first["args"]["span_id"], format!("{:016x}", own.span));
    assert_eq!(second["args"]["status"], "cut_off");
    assert_ne!(first["pid"], second["pid"]);
    let (began, ended) = times(first);
    let operations = events(&trace, "X", "operation");
    let (alone, within) = operations.split_last().expect("there are operations");
    assert_eq!(within.len(), 10);
    let mut last = began;
    for operation in within {
        assert_eq!(
            (&operation["pid"], &operation["tid"]),
            (&first["pid"], &first["tid"])
        );
        assert_eq!(operation["args"]["request"], first["args"]["request"]);
        let (at, end) = times(operation);
        assert!(last <= at && at <= end && end <= ended);
        last = end;
    }
    assert_ne!(alone["tid"], first["tid"]);
    assert_eq!(alone["args"].get("request"), None);
}

#[test]
fn a_request_whose_tenant_is_not_told_belongs_to_that_of_its_operations() {
    let telemetry = Telemetry::new(traced(1_000));
    let host = Host::new().expect("it is created");
    let options = TenantsOptions::new()
        .class(TenantClass::new("all"))
        .observer(telemetry.tenants_observer());
    let tenants = Tenants::new(&host, options).expect("the options are valid");
    let request = telemetry.begin_request(Protocol::Http, "GET", None);
    let checkout = tenants.checkout(b"alice").expect("there is room");
    let checkout = checkout.with_caller(request.caller());
    checkout.get(b"key").expect("it answers");
    request.end(200);
    let trace = written(&telemetry);
    let pid = &events(&trace, "X", "request")[0]["pid"];
    assert_eq!(&events(&trace, "X", "operation")[0]["pid"], pid);
    let names = process_names(&trace);
    assert_eq!(
        names
            .get(&pid.as_u64().unwrap_or_default())
            .map(String::as_str),
        Some("alice")
    );
}

#[test]
fn a_tenant_without_a_name_has_one_in_traces() {
    let telemetry = Telemetry::new(traced(10));
    let mut request = telemetry.begin_request(Protocol::Http, "GET", None);
    request.set_tenant(b"");
    request.end(200);
    let names = process_names(&written(&telemetry));
    assert!(
        names.values().any(|name| name == "(empty name)"),
        "{names:?}"
    );
}

#[test]
fn hostile_names_and_keys_are_escaped() {
    let hostile: [(&[u8], &str); 6] = [
        (b"\"},{\"ph\":\"X\"", "%22},{%22ph%22:%22X%22"),
        (b"\\\\\\\"\\", "%5C%5C%5C%22%5C"),
        (b"\0\x1b[31m\r\n\x7f", "%00%1B[31m%0D%0A%7F"),
        (b"\xff\xfe\xc3\x28", "%FF%FE%C3("),
        (b"100%22 '", "100%2522 '"),
        (
            "</script>\u{202e}\u{2028}".as_bytes(),
            "</script>%E2%80%AE%E2%80%A8",
        ),
    ];
    let telemetry = Telemetry::new(traced(1_000).trace_keys(true));
    let mut map = map(&telemetry);
    for (name, _) in hostile {
        let mut request = telemetry.begin_request(Protocol::Http, "\"\\\n", None);
        request.set_tenant(name);
        map.get(name).expect("it answers");
        request.end(u16::MAX);
    }
    let trace = written(&telemetry);
    let names = process_names(&trace);
    for ((_, escaped), operation) in hostile.iter().zip(events(&trace, "X", "operation")) {
        assert!(names.values().any(|name| name == escaped));
        assert_eq!(operation["args"]["key"], *escaped);
    }
    assert_eq!(events(&trace, "X", "").len(), 12);
    // Perfetto does not read all escapes of JSON, so there are none.
    let mut json = Vec::new();
    telemetry
        .write_trace(&mut json)
        .expect("a vector takes all");
    assert!(!json.contains(&b'\\'));
}

#[test]
fn keys_are_hashes_unless_they_are_wanted_and_long_ones_are_cut() {
    let long = [b'k'; 100];
    let keys_of = |telemetry: &Telemetry| {
        let mut map = map(telemetry);
        for key in [&b"same"[..], b"same", &long] {
            map.get(key).expect("it answers");
        }
        map.len().expect("it answers");
        let trace = written(telemetry);
        let operations = events(&trace, "X", "operation").into_iter();
        operations
            .map(|event| event["args"].clone())
            .collect::<Vec<_>>()
    };
    let hashes = keys_of(&Telemetry::new(traced(100)));
    assert!(hashes.iter().all(|args| args.get("key").is_none()));
    assert_eq!(hashes[0]["key_hash"], hashes[1]["key_hash"]);
    assert_ne!(hashes[1]["key_hash"], hashes[2]["key_hash"]);
    assert_eq!(hashes[3].get("key_hash"), None);
    // The hash of a key is another one in other telemetry.
    let others = keys_of(&Telemetry::new(traced(100)));
    assert_ne!(hashes[0]["key_hash"], others[0]["key_hash"]);

    let keys = keys_of(&Telemetry::new(traced(100).trace_keys(true)));
    assert!(keys.iter().all(|args| args.get("key_hash").is_none()));
    assert_eq!(
        (&keys[1]["key"], keys[1].get("key_cut")),
        (&"same".into(), None)
    );
    assert_eq!(keys[2]["key"], "k".repeat(64));
    assert_eq!(
        (&keys[2]["key_cut"], &keys[2]["key_len"]),
        (&true.into(), &100.into())
    );
}

#[test]
fn times_have_three_digits_after_the_point() {
    for (nanos, text) in [
        (0, "0.000"),
        (7, "0.007"),
        (1_070, "1.070"),
        (999_999, "999.999"),
        (u64::MAX, "18446744073709551.615"),
    ] {
        assert_eq!(Micros(nanos).to_string(), text);
    }
}

#[test]
fn maps_of_no_tenant_are_a_process_of_their_own() {
    let telemetry = Telemetry::new(traced(100));
    map(&telemetry).get(b"key").expect("it answers");
    let names = process_names(&written(&telemetry));
    let none = u64::from(TenantId::default().0);
    assert_eq!(names.get(&none).map(String::as_str), Some("(no tenant)"));
}

#[test]
fn counters_tell_what_each_tenant_holds() {
    let telemetry = Telemetry::new(traced(100));
    let host = Host::new().expect("it is created");
    let options = TenantsOptions::new()
        .class(TenantClass::new("all"))
        .observer(telemetry.tenants_observer());
    let tenants = Tenants::new(&host, options).expect("the options are valid");
    telemetry.watch_tenants(&tenants);
    for (tenant, entries) in [("alice", 3), ("bob", 5_u8)] {
        let checkout = tenants.checkout(tenant.as_bytes()).expect("there is room");
        for key in 0..entries {
            checkout
                .set(&[key], b"value", Ttl::Never)
                .expect("there is room");
        }
    }
    // A sample may just have been taken, before the last entry was there.
    telemetry.shared.surveyor.forget();
    let trace = written(&telemetry);
    let names = process_names(&trace);
    let counters = events(&trace, "C", "");
    for (tenant, entries) in [("alice", 3), ("bob", 5)] {
        let of_tenant = |counter: &&&Value| {
            let pid = counter["pid"].as_u64().unwrap_or_default();
            names.get(&pid).is_some_and(|name| name == tenant)
        };
        let last = |name: &str| {
            let mut all = counters.iter().rev().filter(of_tenant);
            &all.find(|counter| counter["name"] == name)
                .expect("it is there")["args"]
        };
        assert_eq!(last("entries")["entries"], entries);
        assert_eq!(last("bytes")["payload"], 6 * entries);
        assert!(last("bytes")["overhead"].as_u64() > Some(0));
    }
}
