use super::*;
use crate::Protocol;
use crate::admin::host_header::Reached;
use crate::admin::route::Routes;
use http_body_util::BodyExt;
use hyper::Request;
use serde_json::Value;

#[test]
fn each_path_has_its_response_and_the_headers_of_all() {
    let fixture = Fixture::with_options(TelemetryOptions::new().metrics(true).trace_spans(1_000));
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/healthz", "text/plain; charset=utf-8"),
        ("/stats", "application/json"),
        ("/maps?limit=1", "application/json"),
        ("/trace", "application/json"),
        ("/metrics", "text/plain; version="),
    ] {
        let response = fixture.get(path);
        assert!(response.is(200), "{path}: {}", response.head);
        let content_type = format!("content-type: {content_type}");
        assert!(
            response.head.contains(&content_type),
            "{path}: {}",
            response.head
        );
        for header in [
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(response.has(header), "{path}: {}", response.head);
        }
        assert!(
            response
                .head
                .contains("default-src 'none'; script-src 'self';")
        );
        assert!(
            !response.head.contains("access-control"),
            "{path}: {}",
            response.head
        );
        assert!(!response.body.is_empty(), "{path}");

        let head = fixture.request("HEAD", path, "host: localhost\r\n");
        assert!(
            head.is(200) && head.body.is_empty(),
            "{path}: {}",
            head.head
        );
    }
}

#[test]
fn a_page_refers_only_to_its_own_files() {
    let fixture = Fixture::new();
    let page = fixture.get("/");
    let mut references = Vec::new();
    for part in [" src=\"", " href=\""] {
        let found = page.text().split(part).skip(1);
        references.extend(found.filter_map(|rest| rest.split('"').next()));
    }
    assert!(references.len() > 5, "{references:?}");
    for reference in references
        .iter()
        .filter(|reference| !reference.starts_with('#'))
    {
        let response = fixture.get(&format!("/{reference}"));
        let is_trace = *reference == "trace" && response.is(404);
        assert!(
            response.is(200) || is_trace,
            "{reference}: {}",
            response.head
        );
    }
    for forbidden in ["<style", "style=", "onclick", "http:", "https:", "//"] {
        assert!(!page.text().contains(forbidden), "{forbidden}");
    }
}

#[test]
fn readiness_is_that_of_the_telemetry() {
    let fixture = Fixture::new();
    assert!(fixture.get("/readyz").is(503) && fixture.get("/healthz").is(200));
    fixture.telemetry.set_ready(true);
    assert!(fixture.get("/readyz").is(200));
    fixture.telemetry.set_ready(false);
    assert!(fixture.get("/readyz").is(503) && fixture.get("/healthz").is(200));
}

#[test]
fn metrics_are_negotiated() {
    let fixture = Fixture::new();
    let text = fixture.get("/metrics");
    assert!(text.has("vary: accept") && text.text().contains("localmap_"));
    let accept = "host: localhost\r\naccept: application/openmetrics-text; version=1.0.0\r\n";
    let open = fixture.request("GET", "/metrics", accept);
    assert!(
        open.is(200) && open.head.contains("application/openmetrics-text"),
        "{}",
        open.head
    );
    assert!(open.text().ends_with("# EOF\n"));
}

#[test]
fn other_methods_and_paths_are_refused_with_a_hint() {
    let fixture = Fixture::new();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
        for path in ["/", "/metrics", "/absent"] {
            let headers = "host: localhost\r\ncontent-length: 0\r\n";
            let response = fixture.request(method, path, headers);
            assert!(response.is(405), "{method} {path}: {}", response.head);
            assert!(
                response.has("allow: get, head"),
                "{method}: {}",
                response.head
            );
        }
    }
    for path in [
        "/absent",
        "/metrics/",
        "//",
        "/../etc/passwd",
        "/%6detrics",
        "/page/main.js",
    ] {
        let response = fixture.get(path);
        assert!(response.is(404), "{path}: {}", response.head);
        assert!(response.text().contains("/metrics, /stats, /maps"));
    }
    let trace = fixture.get("/trace");
    assert!(
        trace.is(404) && trace.text().contains("--trace"),
        "{}",
        trace.text()
    );
    let query = fixture.get("/maps?limit=5000");
    assert!(
        query.is(400) && query.text().contains("1 to 1000"),
        "{}",
        query.text()
    );
}

#[test]
fn a_trace_is_rendered_while_other_requests_are_answered() {
    let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true).trace_spans(20_000));
    for _ in 0..20_000 {
        telemetry.begin_request(Protocol::Http, "GET", None);
    }
    let routes = Routes::new(&telemetry, Reached::ByUnixSocket);
    let ask = async |method, path| {
        let request = Request::builder().method(method).uri(path).body(());
        routes.answer(&request.expect("a request")).await
    };
    let status = async |method, path| ask(method, path).await.status().as_u16();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        // It is longer than what waits to be sent, so it is rendered until somebody reads it.
        let first = ask("GET", "/trace").await;
        assert_eq!(first.status().as_u16(), 200);
        let disposition = first.headers().get("content-disposition");
        let disposition = disposition.and_then(|value| value.to_str().ok());
        assert!(disposition.is_some_and(|text| text.contains(".json")));
        for path in ["/healthz", "/metrics", "/stats", "/maps"] {
            assert_eq!(status("GET", path).await, 200, "{path}");
        }
        assert_eq!(status("GET", "/trace").await, 503, "one at a time");
        assert_eq!(status("HEAD", "/trace").await, 200, "nothing is rendered");
        // The client of the first one is gone.
        drop(first);
        let mut next = ask("GET", "/trace").await;
        while next.status().as_u16() == 503 {
            tokio::task::yield_now().await;
            next = ask("GET", "/trace").await;
        }
        let whole = next.into_body().collect().await.expect("a trace");
        let trace: Value = serde_json::from_slice(&whole.to_bytes()).expect("JSON");
        assert_eq!(trace["otherData"]["spans"], 20_000);
    });
}
