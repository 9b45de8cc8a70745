//! The HTTP protocol.

use super::client::{Server, wait_for};
use localmap_tests::guest;
use std::io::Write;
use std::thread;

#[test]
fn large_bodies_go_both_ways() {
    let server = Server::start(&["-W", "timeout=60s"]);
    let body: Vec<u8> = (0..5_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
    // In both directions at once: the guest writes while it reads.
    let mut client = server.connect();
    client.begin("POST", "/echo", &[], body.len());
    let mut to = client.0.get_ref().try_clone().expect("a handle");
    let echoed = thread::scope(|scope| {
        scope.spawn(|| to.write_all(&body).expect("it is read"));
        client.response(false)
    });
    assert!(echoed.whole);
    assert_eq!(echoed.status, 200);
    assert!(echoed.body == body);
    // Too much was unread when the response began.
    assert_eq!(echoed.header("connection"), Some("close"));
    let mut client = server.connect();
    for _ in 0..2 {
        let length = client.ask("POST", "/length", &[], &body);
        assert_eq!(length.header("connection"), None);
        assert_eq!(length.ok(), "5000000");
    }
    assert_eq!(server.text("/big/3000000").len(), 3_000_000);
}

#[test]
fn a_body_is_sent_as_it_is_written() {
    let server = Server::start(&["-W", "timeout=60s"]);
    let mut client = server.connect();
    client.begin("POST", "/echo", &[("expect", "100-continue")], 6);
    assert_eq!(client.head().status, 200);
    client.send(b"abc");
    let mut echoed = client.chunk().expect("what is there already");
    client.send(b"def");
    while echoed.len() < 6 {
        echoed.extend(client.chunk().expect("the rest"));
    }
    assert_eq!(echoed, b"abcdef");
    assert_eq!(server.text("/stream/3/1"), "0\n1\n2\n");
}

/// The client gets its response, and the connection stays open.
#[test]
fn a_body_that_no_guest_wants_is_read_nevertheless() {
    let server = Server::start(&["--map-scope", "connection"]);
    let mut client = server.connect();
    for n in 1..4 {
        let counted = client.ask("POST", "/count", &[], &[b'x'; 300_000]);
        assert_eq!(counted.ok(), format!("{n}\n"));
    }
}

/// The client writes all of a body that nobody reads before it reads the response.
#[test]
fn a_large_body_that_no_guest_wants_does_not_cost_the_response() {
    let server = Server::start(&["--max-maps", "1"]);
    for (path, status) in [
        ("/", 200),
        ("/trap", 500),
        ("/after/50", 200),
        ("/big/300000", 200),
        ("/no-body/10", 500),
    ] {
        let mut client = server.connect();
        client.begin("POST", path, &[], 20_000_000);
        client.send(&[b'x'; 20_000_000]);
        let response = client.response(false);
        assert_eq!((response.status, response.whole), (status, true), "{path}");
        assert_eq!(response.header("connection"), Some("close"), "{path}");
        client.closed();
    }
    // Requests that no guest gets.
    for (line, status) in [("POST foo", 400), ("CONNECT a:1", 501)] {
        let mut client = server.connect();
        let head = format!("{line} HTTP/1.1\r\nhost: a\r\ncontent-length: 20000000\r\n\r\n");
        client.send(head.as_bytes());
        client.send(&[b'x'; 20_000_000]);
        let response = client.response(false);
        assert_eq!((response.status, response.whole), (status, true), "{line}");
        client.closed();
    }
    // The length of the body is unknown, or the client asks first.
    for header in [("transfer-encoding", "chunked"), ("expect", "100-continue")] {
        let mut client = server.connect();
        let length = if header.0 == "expect" { 6 } else { 0 };
        client.begin("POST", "/", &[header], length);
        let response = client.response(false);
        assert_eq!(response.header("connection"), Some("close"), "{header:?}");
        assert_eq!(response.ok(), "hello\n");
    }
}

#[test]
fn trailers_reach_a_client_that_takes_them() {
    let server = Server::start(&[]);
    for (te, trailers) in [("trailers", "x-sum: 6\r\n"), ("gzip", "")] {
        let mut client = server.connect();
        let headers = [("te", te), ("connection", "close")];
        client.begin("GET", "/trailers", &headers, 0);
        assert_eq!(client.head().status, 200);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut client.0, &mut rest).expect("text");
        assert_eq!(rest, format!("6\r\na body\r\n0\r\n{trailers}\r\n"));
    }
    let lines = || {
        server
            .lines()
            .into_iter()
            .filter(|line| line.contains("/trailers"))
    };
    wait_for("two lines", || lines().count() == 2);
    assert!(lines().all(|line| line.contains(" 200 ") && !line.contains("cause")));
}

#[test]
fn a_target_that_is_too_long_is_refused() {
    let server = Server::start(&[]);
    for (len, statuses) in [
        (60_000, &[200][..]),
        (66_000, &[414, 431]),
        (300_000, &[414, 431]),
    ] {
        let mut client = server.connect();
        let _ = client
            .0
            .get_mut()
            .write_all(format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(len)).as_bytes());
        let status = client.response(false).status;
        assert!(statuses.contains(&status), "{len}: {status}");
    }
}

#[test]
fn a_connection_is_kept_unless_the_client_wants_it_closed() {
    let server = Server::start(&["--map-scope", "connection"]);
    let mut client = server.connect();
    for n in 1..10 {
        assert_eq!(client.get("/count").ok(), format!("{n}\n"));
    }
    // Several pipelined requests are answered in order.
    client.send(b"GET /count HTTP/1.1\r\nhost: a\r\n\r\nGET /count HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(client.response(false).ok(), "10\n");
    assert_eq!(client.response(false).ok(), "11\n");
    let last = client.ask("GET", "/count", &[("connection", "close")], b"");
    assert_eq!(last.ok(), "12\n");
    client.closed();
}

/// The client closes its sending side, like `nc` at the end of its input.
#[test]
fn a_client_that_has_sent_all_is_answered() {
    let server = Server::start(&["-W", "timeout=60s"]);
    let mut client = server.connect();
    client.begin("GET", "/sleep/100", &[], 0);
    let stream = client.0.get_ref();
    stream.shutdown(std::net::Shutdown::Write).expect("open");
    assert_eq!(client.response(false).ok(), "slept");
    client.closed();
}

#[test]
fn old_clients_are_answered() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(b"GET /authority HTTP/1.0\r\n\r\n");
    assert_eq!(client.response(false).ok(), server.addr.to_string());
    client.closed();
    // HTTP/1.0 has no chunks: the end of the connection is the end of the body, even if the
    // client asked to keep it open.
    let mut client = server.connect();
    client.send(b"GET /stream/3/1 HTTP/1.0\r\nhost: old\r\nconnection: keep-alive\r\n\r\n");
    let streamed = client.response(false);
    assert_eq!(streamed.header("transfer-encoding"), None);
    assert_ne!(streamed.header("connection"), Some("keep-alive"));
    assert_eq!(streamed.ok(), "0\n1\n2\n");
    // A body with a length does not need the end of the connection.
    let mut client = server.connect();
    for _ in 0..2 {
        client.send(b"GET / HTTP/1.0\r\nhost: old\r\nconnection: keep-alive\r\n\r\n");
        let whole = client.response(false);
        assert_eq!(whole.header("connection"), Some("keep-alive"));
        assert_eq!(whole.ok(), "hello\n");
    }
}

#[test]
fn a_head_has_no_body() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for path in ["/", "/big/100000", "/status/404"] {
        let head = client.ask("HEAD", path, &[], b"");
        assert_eq!(head.status, if path == "/status/404" { 404 } else { 200 });
        assert!(!server.line(&format!("HEAD {path} ")).contains("cause"));
    }
    assert_eq!(
        client.ask("HEAD", "/", &[], b"").header("content-length"),
        Some("6")
    );
    assert_eq!(client.get("/").ok(), "hello\n");
    for status in [204, 304] {
        assert_eq!(client.get(&format!("/status/{status}")).status, status);
        assert_eq!(client.get("/").ok(), "hello\n");
    }
    let empty = client.get("/status/204/6");
    assert_eq!((empty.status, empty.header("content-length")), (204, None));
}

#[test]
fn the_request_arrives_as_it_was_sent() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let headers = [("x-a", "1"), ("X-A", "2"), ("x-b", "\u{e4}")];
    assert_eq!(client.ask("GET", "/header/x-a", &headers, b"").ok(), "1, 2");
    assert_eq!(
        client.ask("GET", "/header/x-b", &headers, b"").ok(),
        "\u{e4}"
    );
    assert_eq!(client.get("/authority").ok(), "test");
    assert!(
        client
            .ask("PURGE", "/method", &[], b"")
            .ok()
            .contains("PURGE")
    );
}

/// The guest sees the authority that also selects the map and that the log shows.
#[test]
fn the_authority_of_a_request_is_the_same_everywhere() {
    let server = Server::start(&["--map-scope", "header:host"]);
    let mut client = server.connect();
    for (target, host, authority, count) in [
        ("/", "a.test", "a.test", "1\n"),
        ("http://b.test:80/", "a.test", "b.test:80", "1\n"),
        ("http://a.test/", "b.test:80", "a.test", "2\n"),
    ] {
        for (path, body) in [("authority", authority), ("count", count)] {
            let request = format!("GET {target}{path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
            client.send(request.as_bytes());
            assert_eq!(client.response(false).ok(), body, "{request}");
        }
        server.line(&format!("\"GET {target}count HTTP/1.1\" 200 "));
        server.line(&format!("map=host:{authority}"));
    }
    // The target of a URL without a path is `/`, and `*` stands for the server.
    for request in [
        "GET http://a.test HTTP/1.1\r\nhost: a.test\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: a.test\r\n\r\n",
    ] {
        client.send(request.as_bytes());
        assert_eq!(client.response(false).ok(), "hello\n", "{request}");
    }
}

/// A framework such as wstd fails if it gets an authority or a target that is none.
#[test]
fn what_a_framework_cannot_take_is_refused_before_the_guest_is_made() {
    let mut server = Server::serving(&guest("http-limiter"), &["--map-scope", "request"]);
    for host in [
        "", "a b/c", "[::1", "[a]", "u@a", "a:x", "a:65536", "a%20b", "a/b", ":1",
    ] {
        for target in ["GET /", "GET http://a/", "OPTIONS *", "CONNECT a:1"] {
            let mut client = server.connect();
            client.send(format!("{target} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes());
            let refused = client.response(false);
            assert_eq!(refused.status, 400, "{target} {host}");
            assert_eq!(
                refused.text(),
                "the header `host` must be HOST or HOST:PORT\n"
            );
        }
    }
    for target in [
        "foo",
        "foo:80",
        "*",
        "http://",
        "http://u@a/",
        "http://a:x/",
        "ftp://a/",
    ] {
        for host in ["a", "b"] {
            let mut client = server.connect();
            client.send(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes());
            assert_eq!(client.response(false).status, 400, "{target}");
        }
    }
    let mut client = server.connect();
    for target in ["GET /", "GET http://b:80/", "GET http://b?c", "OPTIONS *"] {
        for host in ["a", "a:80", "[::1]:80", "127.0.0.1"] {
            client.send(format!("{target} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes());
            assert_eq!(client.response(false).status, 200, "{target} {host}");
        }
    }
    drop(client);
    assert!(!server.ended().iter().any(|line| line.contains(" 500 ")));
}

#[test]
fn invalid_requests_are_refused() {
    let server = Server::start(&[]);
    for (bytes, status) in [
        (&b"hello\r\n\r\n"[..], 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: \xff\r\n\r\n", 400),
        (
            b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
            400,
        ),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 501),
    ] {
        let mut client = server.connect();
        client.send(bytes);
        let refused = client.response(false);
        assert_eq!(refused.status, status, "{}", String::from_utf8_lossy(bytes));
    }
    let mut client = server.connect();
    client.send(b"GET / HTTP/1.1\r\nhost: a\r\nx-long: ");
    // The request may be refused before all of it is sent.
    let _ = client.0.get_mut().write_all(&[b'x'; 300_000]);
    let _ = client.0.get_mut().write_all(b"\r\n\r\n");
    assert_eq!(client.response(false).status, 431);
    assert_eq!(server.text("/"), "hello\n");
}

#[test]
fn a_request_cannot_forge_the_log() {
    let server = Server::start(&[]);
    assert_eq!(server.text("/a\"b\\c?d=\u{e4}"), "hello\n");
    let line = server.line("?d=");
    assert!(
        line.contains("\"GET /a\\\"b\\\\c?d=\\xc3\\xa4 HTTP/1.1\" 200 "),
        "{line}"
    );
}
