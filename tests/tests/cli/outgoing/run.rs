//! Outgoing HTTP of `localmap run`: which requests are sent, what is told of the others, and their
//! limits.

use super::outside;
use super::site::Site;

/// Fetches a path of a site at 127.0.0.1, which is allowed.
fn fetch(site: &Site, command: &[&str], path: &str) -> String {
    let url = site.url("http", "127.0.0.1", path);
    let allowed = site.addr.to_string();
    let finished = outside(&["--allow-http", &allowed], &[command, &[&url]].concat()).run();
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
        ("http://example.com/".to_owned(), "example.com".to_owned()),
        (
            "https://EXAMPLE.com.:8443/".to_owned(),
            "example.com:8443".to_owned(),
        ),
        ("https://[::1]/".to_owned(), "[::1]".to_owned()),
    ] {
        let finished = outside(&[], &["get", &url]).run();
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
fn a_guest_that_goes_on_is_told_of_ten_times() {
    let command = ["get", "http://example.com/", "then"].repeat(15);
    let finished = outside(&[], &command[..command.len() - 1]).run();
    assert_eq!(finished.ok().matches("HttpRequestDenied").count(), 15);
    assert_eq!(finished.stderr.matches("Warning").count(), 10);
}

#[test]
fn an_allowed_host_answers_at_its_port_alone() {
    let (site, other) = (Site::start(), Site::start());
    assert_eq!(fetch(&site, &["get"], "/"), "200 hello\n");
    let allowed = site.addr.to_string();
    let urls = [
        other.url("http", "127.0.0.1", "/"),
        site.url("http", "localhost", "/"),
        site.url("http", "127.0.0.2", "/"),
    ];
    for url in urls {
        let finished = outside(&["--allow-http", &allowed], &["get", &url]).run();
        assert_eq!(finished.ok(), "error: ErrorCode::HttpRequestDenied\n");
    }
    assert_eq!(other.heads(), [""; 0]);
}

#[test]
fn a_wildcard_does_not_lead_to_this_machine() {
    let site = Site::start();
    let any = format!("*:{}", site.port());
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let url = site.url("http", host, "/");
        let finished = outside(&["--allow-http", &any], &["get", &url]).run();
        assert_eq!(
            finished.ok(),
            "error: ErrorCode::DestinationIpProhibited\n",
            "{host}"
        );
        assert!(finished.stderr.contains("leads to"), "{finished:?}");
        let (_, rest) = finished.stderr.split_once("--allow-http ").expect("a hint");
        let hint = rest.split(' ').next().expect("a host");
        // The name, which allows less than its address.
        let narrowest = match host {
            "localhost" => "localhost",
            _ => "127.0.0.1",
        };
        assert_eq!(hint, format!("{narrowest}:{}", site.port()));
        let with = ["--allow-http", &any, "--allow-http", hint];
        assert_eq!(outside(&with, &["get", &url]).run().ok(), "200 hello\n");
    }
}

#[test]
fn localhost_leads_to_this_machine_if_it_is_named() {
    let site = Site::start();
    let allowed = format!("LOCALHOST:{}", site.port());
    for host in ["localhost", "LocalHost", "localhost."] {
        let url = site.url("http", host, "/echo");
        let finished = outside(&["--allow-http", &allowed], &["get", &url]).run();
        let named = format!("host: localhost:{}\r\n", site.port());
        assert!(finished.ok().contains(&named), "{finished:?}");
    }
}

#[test]
fn old_forms_of_an_address_are_refused() {
    for host in [
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "me@127.0.0.1",
    ] {
        let url = format!("http://{host}:80/");
        let finished = outside(&["--allow-http", "*"], &["get", &url]).run();
        let said = finished.ok();
        assert!(
            said == "error: ErrorCode::HttpRequestUriInvalid\n"
                || said.contains("DestinationIpProhibited"),
            "{host}: {said}"
        );
    }
}

#[test]
fn a_request_names_the_site_that_was_compared_and_no_other() {
    let site = Site::start();
    let echoed = fetch(&site, &["get"], "/echo?q=1");
    let expected = format!("200 GET /echo?q=1 HTTP/1.1\r\nhost: {}\r\n", site.addr);
    assert!(echoed.starts_with(&expected), "{echoed}");
    assert_eq!(echoed.matches("host:").count(), 1, "{echoed}");
    for header in ["host", "Host", "connection", "transfer-encoding", "upgrade"] {
        let refused = fetch(&site, &["header", header, "example.com"], "/");
        assert_eq!(refused, "error: header: HeaderError::Forbidden\n");
    }
    let sent = fetch(&site, &["header", "x-mine", "1"], "/echo");
    assert!(sent.contains("x-mine: 1\r\n"), "{sent}");
    let tunnel = fetch(&site, &["method", "CONNECT"], "/");
    assert_eq!(tunnel, "error: ErrorCode::HttpRequestMethodInvalid\n");
    assert_eq!(site.heads().len(), 2);
}

#[test]
fn bodies_of_both_sides_are_streamed() {
    let site = Site::start();
    let url = site.url("http", "127.0.0.1", "/echo");
    let allowed = site.addr.to_string();
    let text = "tea ".repeat(20_000);
    let posted = outside(
        &["--allow-http", &allowed],
        &["post", &url, text.trim_end()],
    )
    .run();
    assert!(posted.ok().starts_with("200 POST /echo HTTP/1.1\r\n"));
    assert_eq!(site.heads().len(), 1);
    // A response that is larger than the memory of the guest.
    let url = site.url("http", "127.0.0.1", "/big/40000000");
    let options = ["-W", "max-memory-size=8MiB", "--allow-http", &allowed];
    let big = outside(&options, &["length", &url]).run();
    assert_eq!(big.ok(), "200 40000000\n");
}

#[test]
fn a_redirect_is_a_response() {
    let site = Site::start();
    assert_eq!(fetch(&site, &["get"], "/redirect"), "302 \n");
}

#[test]
fn what_goes_wrong_has_its_code() {
    let site = Site::start();
    for (path, code) in [
        (
            "/many-headers",
            "HttpResponseHeaderSectionSize(Some(65536))",
        ),
        ("/short", "after 3 bytes: incomplete HTTP response"),
        ("/not-http", "HttpProtocolError"),
    ] {
        let said = fetch(&site, &["get"], path);
        assert!(
            said.starts_with("error: ") && said.contains(code),
            "{path}: {said}"
        );
    }
    for (path, code) in [
        ("/silent", "ConnectionReadTimeout"),
        ("/stuck", "after 3 bytes: connection read timeout"),
    ] {
        let said = fetch(&site, &["within", "50"], path);
        assert!(
            said.starts_with("error: ") && said.contains(code),
            "{path}: {said}"
        );
    }
    // A port that nobody listens on.
    let free = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("it is bound").to_string()
    };
    let url = format!("http://{free}/");
    let finished = outside(&["--allow-http", &free], &["get", &url]).run();
    assert_eq!(finished.ok(), "error: ErrorCode::ConnectionRefused\n");
    let url = "http://does-not-exist.invalid/";
    let finished = outside(&["--allow-http", "*"], &["get", url]).run();
    assert!(finished.ok().contains("DnsError"), "{finished:?}");
    let url = site.url("ftp", "127.0.0.1", "/");
    let finished = outside(&["--allow-http", "*"], &["get", &url]).run();
    assert_eq!(finished.ok(), "error: ErrorCode::HttpProtocolError\n");
}

#[test]
fn a_guest_has_sixteen_requests_at_a_time() {
    let site = Site::start();
    let url = site.url("http", "127.0.0.1", "/");
    let allowed = site.addr.to_string();
    let commands = ["all", &url, "20", "then", "all", &url, "16"];
    let finished = outside(&["--allow-http", &allowed], &commands).run();
    let said = finished.ok();
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
    let finished = outside(&options, &["get", &url]).run();
    assert_eq!(finished.code, Some(134), "{finished:?}");
    assert!(finished.stderr.contains("timed out"), "{finished:?}");
}

#[test]
fn other_texts_are_no_hosts() {
    for (text, told) in [
        ("", "expected HOST or HOST:PORT"),
        ("https://example.com", "leave out the scheme"),
        ("example.com/path", "leave out everything after"),
        ("10.0.0.0/8", "leave out everything after"),
        ("me@example.com", "user name"),
        ("::1", "[::1]"),
        ("example.com:http", "not a number from 1 to 65535"),
        ("127.1", "not an IPv4 address"),
        ("a.*.com", "*.example.com"),
        ("bücher.de", "xn--"),
    ] {
        let finished = outside(&["--allow-http", text], &["config-all"]).run();
        assert_eq!(finished.code, Some(2), "{text}: {finished:?}");
        assert!(finished.stderr.contains(told), "{text}: {finished:?}");
    }
}
