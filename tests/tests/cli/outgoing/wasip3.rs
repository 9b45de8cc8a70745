//! What a sandbox grants to guests of WASI 0.3: `wasi:http/client`, and the interfaces that are not
//! WASI's. The rules are those for guests of WASI 0.2.

use super::site::Site;
use localmap_tests::{Program, guest, localmap};

/// Returns a run of the guest of WASI 0.3, with these options and commands.
fn outside(options: &[&str], commands: &[&str]) -> Program {
    localmap()
        .arg("run")
        .args(options)
        .arg(guest("wasip3_outside"))
        .args(commands)
}

/// Sends a request for a path of a site at 127.0.0.1, which is allowed.
fn send(site: &Site, command: &[&str], path: &str) -> String {
    let url = site.url("http", "127.0.0.1", path);
    let allowed = site.addr.to_string();
    let commands = [&["send"], command, &[&url]].concat();
    let finished = outside(&["--allow-http", &allowed], &commands).run();
    assert_eq!(finished.stderr, "");
    finished.ok()
}

#[test]
fn no_request_is_sent_by_default_and_each_is_told_with_the_option_that_allows_it() {
    let site = Site::start();
    for (url, allows) in [
        (
            site.url("http", "127.0.0.1", "/secret?token"),
            site.addr.to_string(),
        ),
        (
            "https://EXAMPLE.com:8443/".to_owned(),
            "example.com:8443".to_owned(),
        ),
    ] {
        let finished = outside(&[], &["send", "get", &url]).run();
        assert_eq!(finished.ok(), "error: ErrorCode::HttpRequestDenied\n");
        let told = format!("the host is not allowed; --allow-http {allows} allows it\n");
        assert!(
            finished.stderr.starts_with("Warning: GET http"),
            "{finished:?}"
        );
        assert!(finished.stderr.ends_with(&told), "{finished:?}");
        assert!(!finished.stderr.contains("secret"), "{finished:?}");
    }
    assert_eq!(site.heads(), [""; 0]);
}

#[test]
fn an_allowed_host_answers_at_its_port_and_its_addresses_alone() {
    let (site, other) = (Site::start(), Site::start());
    assert_eq!(send(&site, &["get"], "/"), "200 hello\n");
    let allowed = site.addr.to_string();
    for url in [
        other.url("http", "127.0.0.1", "/"),
        site.url("http", "localhost", "/"),
    ] {
        let finished = outside(&["--allow-http", &allowed], &["send", "get", &url]).run();
        assert_eq!(finished.ok(), "error: ErrorCode::HttpRequestDenied\n");
    }
    assert_eq!(other.heads(), [""; 0]);
    let any = format!("*:{}", site.port());
    let url = site.url("http", "localhost", "/");
    let finished = outside(&["--allow-http", &any], &["send", "get", &url]).run();
    assert_eq!(finished.ok(), "error: ErrorCode::DestinationIpProhibited\n");
    assert!(finished.stderr.contains("leads to"), "{finished:?}");
}

#[test]
fn a_request_names_the_site_that_was_compared_and_no_other() {
    let site = Site::start();
    let echoed = send(&site, &["get"], "/echo?q=1");
    let expected = format!("200 GET /echo?q=1 HTTP/1.1\r\nhost: {}\r\n", site.addr);
    assert!(echoed.starts_with(&expected), "{echoed}");
    assert_eq!(echoed.matches("host:").count(), 1, "{echoed}");
    for header in ["host", "connection", "transfer-encoding", "upgrade"] {
        let refused = send(&site, &["header", header, "example.com"], "/");
        assert_eq!(refused, "error: header: HeaderError::Forbidden\n");
    }
    let sent = send(&site, &["header", "x-mine", "1"], "/echo");
    assert!(sent.contains("x-mine: 1\r\n"), "{sent}");
    let tunnel = send(&site, &["method", "CONNECT"], "/");
    assert_eq!(tunnel, "error: ErrorCode::HttpRequestMethodInvalid\n");
}

#[test]
fn bodies_of_both_sides_are_streamed() {
    let site = Site::start();
    let url = site.url("http", "127.0.0.1", "/echo");
    let allowed = site.addr.to_string();
    let text = "tea ".repeat(20_000);
    let post = ["send", "post", &url, text.trim_end()];
    let posted = outside(&["--allow-http", &allowed], &post).run();
    assert!(posted.ok().starts_with("200 POST /echo HTTP/1.1\r\n"));
    // A response that is larger than the memory of the guest.
    let url = site.url("http", "127.0.0.1", "/big/40000000");
    let options = ["-W", "max-memory-size=8MiB", "--allow-http", &allowed];
    let big = outside(&options, &["send", "length", &url]).run();
    assert_eq!(big.ok(), "200 40000000\n");
}

#[test]
fn what_goes_wrong_has_its_code() {
    let site = Site::start();
    for (command, path, code) in [
        (
            &["get"][..],
            "/many-headers",
            "HttpResponseHeaderSectionSize(Some(65536))",
        ),
        (
            &["get"],
            "/short",
            "after 3 bytes: ErrorCode::HttpResponseIncomplete",
        ),
        (&["get"], "/not-http", "HttpProtocolError"),
        (&["within", "50"], "/silent", "ConnectionReadTimeout"),
        (
            &["within", "50"],
            "/stuck",
            "after 3 bytes: ErrorCode::ConnectionReadTimeout",
        ),
    ] {
        let said = send(&site, command, path);
        assert!(
            said.starts_with("error: ") && said.contains(code),
            "{path}: {said}"
        );
    }
}

#[test]
fn a_guest_has_sixteen_requests_at_a_time() {
    let site = Site::start();
    let url = site.url("http", "127.0.0.1", "/");
    let allowed = site.addr.to_string();
    let commands = ["send", "all", &url, "20", "then", "send", "all", &url, "16"];
    let said = outside(&["--allow-http", &allowed], &commands).run().ok();
    let (first, second) = said.split_once('\n').expect("two lines");
    assert_eq!(first.matches("hello").count(), 16, "{first}");
    assert_eq!(
        first.matches("ConnectionLimitReached").count(),
        4,
        "{first}"
    );
    assert_eq!(second.matches("hello").count(), 16, "{second}");
}

#[test]
fn the_time_of_the_guest_bounds_its_requests() {
    let site = Site::start();
    let url = site.url("http", "127.0.0.1", "/silent");
    let allowed = site.addr.to_string();
    let options = ["-W", "timeout=200ms", "--allow-http", &allowed];
    let finished = outside(&options, &["send", "get", &url]).run();
    assert_eq!(finished.code, Some(134), "{finished:?}");
    assert!(finished.stderr.contains("timed out"), "{finished:?}");
}

/// Libraries for WASI 0.2 work in it as they do elsewhere.
#[test]
fn it_may_send_requests_by_wasi_0_2_too() {
    let site = Site::start();
    let url = site.url("http", "127.0.0.1", "/");
    let allowed = site.addr.to_string();
    let finished = outside(&["--allow-http", &allowed], &["get", &url]).run();
    assert_eq!(finished.ok(), "200 hello\n");
    let denied = outside(&[], &["get", &url]).run();
    assert_eq!(denied.ok(), "error: ErrorCode::HttpRequestDenied\n");
    assert!(denied.stderr.starts_with("Warning: GET http"), "{denied:?}");
}

#[test]
fn it_reads_values_and_writes_messages() {
    let commands = [
        "config", "a", "then", "config", "b", "then", "log", "warn", "tea", "is hot",
    ];
    let finished = outside(&["--config", "a=1"], &commands).run();
    assert_eq!(finished.ok(), "Some(\"1\")\nNone\nlogged\n");
    assert_eq!(finished.stderr, "WARN tea: is hot\n");
}

#[test]
fn its_map_holds_buckets() {
    let options = ["--bucket-entry", "b/k=v", "--stats"];
    let commands = [
        "bucket",
        "get",
        "b",
        "k",
        "then",
        "bucket",
        "increment",
        "b",
        "n",
        "3",
        "then",
        "bucket",
        "get",
        "b",
        "none",
    ];
    let finished = outside(&options, &commands).run();
    assert_eq!(finished.ok(), "v\n3\nnone\n");
    assert!(
        finished.stderr.starts_with("map: entries=2 "),
        "{finished:?}"
    );
}
