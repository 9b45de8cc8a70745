//! The headers of W3C Trace Context, which go through `serve` and its guest.

use super::site::Site;
use crate::serve::client::{Response, Server};
use crate::telemetry::trace::Trace;
use localmap_tests::guest;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Sends a command of the guest with these headers.
fn ask(server: &Server, headers: &[(&str, &str)], command: &[&str]) -> Response {
    let body = command.join("\n");
    let mut client = server.connect();
    client.ask("POST", "/path", headers, body.as_bytes())
}

/// Returns the values of a header in the last request that the site has received.
fn received(site: &Site, name: &str) -> Vec<String> {
    let head = site.heads().pop().expect("a request").to_ascii_lowercase();
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
        .collect()
}

#[test]
fn what_a_guest_sends_is_a_child_of_its_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.json");
    let trace = path.display().to_string();
    let site = Site::start();
    let (allowed, url) = (site.addr.to_string(), site.url("http", "127.0.0.1", "/"));
    let options = ["--trace", &trace, "--allow-http", &allowed];
    let mut server = Server::serving(&guest("outside-http"), &options);
    let get = ["get", &url];
    let incoming = [("traceparent", PARENT), ("tracestate", "a=1,b=2")];
    ask(&server, &incoming, &get).ok();
    let sent = received(&site, "traceparent");
    assert_eq!(received(&site, "tracestate"), ["a=1,b=2"]);
    // A trace of its own, without the state of another.
    ask(
        &server,
        &[("traceparent", "malformed"), ("tracestate", "a=1")],
        &get,
    )
    .ok();
    let begun = received(&site, "traceparent");
    assert_eq!(received(&site, "tracestate"), [""; 0]);
    // One that the guest has chosen.
    let own = ["header", "traceparent", "the guest's own", &url];
    ask(&server, &incoming, &own).ok();
    assert_eq!(received(&site, "traceparent"), ["the guest's own"]);
    assert_eq!(received(&site, "tracestate"), [""; 0]);
    server.ended();

    let requests = Trace::read(&path).requests();
    let parents = requests.iter().map(|request| {
        let (trace, span) = (&request.args["trace_id"], &request.args["span_id"]);
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        format!("00-{}-{}-01", text(trace), text(span))
    });
    let parents: Vec<_> = parents.collect();
    assert_eq!(sent, [parents[0].clone()]);
    assert!(sent[0].contains(TRACE));
    assert_eq!(requests[0].args["parent_span_id"], "00f067aa0ba902b7");
    assert_eq!(begun[0][..52], parents[1][..52]);
    assert!(!begun[0].contains(TRACE));
}

#[test]
fn a_guest_sees_the_span_of_its_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.json");
    let trace = path.display().to_string();
    let mut server = Server::start(&["--trace", &trace]);
    let seen = |headers: &[(&str, &str)]| {
        let mut client = server.connect();
        client.ask("GET", "/header/traceparent", headers, b"").ok()
    };
    let first = seen(&[("traceparent", PARENT)]);
    // Two of them are none.
    let second = seen(&[("traceparent", PARENT), ("traceparent", PARENT)]);
    server.ended();
    let requests = Trace::read(&path).requests();
    for (seen, request) in [first, second].iter().zip(&requests) {
        let span = request.args["span_id"].as_str().expect("text");
        let trace = request.args["trace_id"].as_str().expect("text");
        assert!(seen.starts_with(&format!("00-{trace}-{span}-")), "{seen}");
        assert_eq!(seen.len(), PARENT.len());
    }
    assert_eq!(requests[0].args["trace_id"], TRACE);
    assert_ne!(requests[1].args["trace_id"], TRACE);
}

#[test]
fn without_telemetry_the_headers_are_those_of_the_client_and_of_the_guest() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for value in [PARENT, "malformed"] {
        let headers = [("traceparent", value)];
        let seen = client.ask("GET", "/header/traceparent", &headers, b"");
        assert_eq!(seen.ok(), value);
    }
    let site = Site::start();
    let (allowed, url) = (site.addr.to_string(), site.url("http", "127.0.0.1", "/"));
    let server = Server::serving(&guest("outside-http"), &["--allow-http", &allowed]);
    ask(&server, &[("traceparent", PARENT)], &["get", &url]).ok();
    assert_eq!(received(&site, "traceparent"), [""; 0]);
}
