//! Handlers of WASI 0.3: what holds for those of 0.2 holds for them too, and bodies go both ways
//! while the handler runs.

use super::client::{Client, Server, wait_for};
use localmap_tests::guest;
use std::io::{Read, Write};
use std::thread;
use std::time::Instant;

pub(super) fn start(options: &[&str]) -> Server {
    Server::serving(&guest("wasip3_handler"), options)
}

#[test]
fn each_map_scope_means_the_same() {
    let server = start(&[]);
    for _ in 0..3 {
        assert_eq!(server.text("/count"), "1\n");
    }
    assert!(server.line("/count").ends_with(" map=request"));
    let server = start(&["--map-scope", "connection"]);
    let (mut one, mut other) = (server.connect(), server.connect());
    for n in 1..4 {
        assert_eq!(one.get("/count").ok(), format!("{n}\n"));
        assert_eq!(other.get("/count").ok(), format!("{n}\n"));
    }
    let server = start(&["--map-scope", "header:x-tenant"]);
    for n in 1..3 {
        for tenant in ["alice", "bob"] {
            let headers = [("x-tenant", tenant)];
            let counted = server.connect().ask("GET", "/count", &headers, b"");
            assert_eq!(counted.ok(), format!("{n}\n"), "{tenant}");
        }
    }
    assert_eq!(server.get("/count").status, 400);
    let server = start(&["--map-scope", "server"]);
    for n in 1..4 {
        assert_eq!(server.text("/count"), format!("{n}\n"));
        // Each request has an instance of its own.
        assert_eq!(server.text("/nth"), "1");
    }
}

/// 200 requests at a time, one of which traps, and then one that loops.
#[test]
fn a_guest_that_fails_fails_alone() {
    let server = start(&["--map-scope", "server", "-W", "timeout=20s", "--quiet"]);
    for (path, status) in [("/trap", 500), ("/spin", 504)] {
        thread::scope(|scope| {
            let bad = scope.spawn(|| server.get(path).status);
            let good: Vec<_> = (0..199)
                .map(|_| scope.spawn(|| server.get("/count").status))
                .collect();
            for good in good {
                assert_eq!(good.join().expect("no panic"), 200);
            }
            assert_eq!(bad.join().expect("no panic"), status);
        });
    }
    assert_eq!(server.text("/count"), "399\n");
}

#[test]
fn a_guest_without_a_response_is_an_error_of_the_server() {
    let server = start(&["-W", "timeout=500ms"]);
    for (path, status, cause) in [
        ("/trap", 500, "the guest trapped"),
        ("/trap-after/10", 500, "the guest trapped"),
        ("/error", 500, "LoopDetected"),
        ("/exit/0", 500, "exited with code 0"),
        ("/exit/3", 500, "exited with code 3"),
        ("/status/101", 500, "101 Switching Protocols"),
        ("/spin", 504, "timed out after 500ms"),
        ("/never", 504, "timed out after 500ms"),
    ] {
        let mut client = server.connect();
        assert_eq!(client.get(path).status, status, "{path}");
        let line = server.line(path);
        assert!(line.contains(cause), "{line}");
        // The connection stays open.
        assert_eq!(client.get("/").ok(), "hello\n");
    }
    let server = start(&["-W", "max-memory-size=8MiB"]);
    assert_eq!(server.get("/bomb").status, 500);
    assert_eq!(server.text("/"), "hello\n");
}

/// A client must not mistake a part for the whole.
#[test]
fn a_response_that_has_begun_is_cut_off() {
    let server = start(&["-W", "timeout=500ms"]);
    for (path, cause) in [
        ("/trap-late", "the guest trapped"),
        ("/spin-late", "the guest timed out after 500ms"),
        ("/unfinished", "the guest timed out after 500ms"),
        ("/broken", "the guest did not finish its response"),
    ] {
        let mut client = server.connect();
        let cut = client.get(path);
        assert_eq!((cut.status, cut.whole), (200, false), "{path}: {cut:?}");
        client.closed();
        let line = server.line(path);
        assert!(line.contains(" 200 ") && line.contains(cause), "{line}");
        // An older client sees only the end of the connection, which is then a reset.
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes());
        assert!(!client.response(false).whole, "{path}");
    }
}

/// Whether the response has begun depends on how long the guest computes.
#[test]
fn a_body_of_another_length_than_declared_is_a_500_or_cut_off() {
    let server = start(&[]);
    for path in ["/short/10", "/no-body/10", "/short/2"] {
        let response = server.get(path);
        assert!(response.status == 500 || !response.whole, "{response:?}");
        assert!(server.line(path).contains(" content-length"));
    }
}

#[test]
fn large_bodies_go_both_ways_at_once() {
    let server = start(&["-W", "timeout=60s"]);
    let body: Vec<u8> = (0..5_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
    // With `relay`, the bytes do not pass through the guest.
    for path in ["/echo", "/relay"] {
        let mut client = server.connect();
        client.begin("POST", path, &[], body.len());
        let mut to = client.0.get_ref().try_clone().expect("a handle");
        let echoed = thread::scope(|scope| {
            scope.spawn(|| to.write_all(&body).expect("it is read"));
            client.response(false)
        });
        assert_eq!((echoed.status, echoed.whole), (200, true), "{path}");
        assert!(echoed.body == body, "{path}");
    }
    let length = server.connect().ask("POST", "/length", &[], &body);
    assert_eq!(length.ok(), "5000000");
    assert_eq!(server.text("/big/3000000").len(), 3_000_000);
}

/// The server knows the size of a body that is passed on, and of one that is complete when its
/// response begins. hyper reads neither to its end.
#[test]
fn a_body_of_known_size_is_complete_in_the_log() {
    let server = start(&[]);
    for (path, body) in [("/relay", "hi"), ("/echo", "hi"), ("/relay", "")] {
        let mut client = server.connect();
        let echoed = client.ask("POST", path, &[], body.as_bytes());
        assert_eq!(echoed.ok(), body);
        let line = server.line(path);
        assert!(line.contains(" 200 ") && !line.contains("cause="), "{line}");
    }
}

#[test]
fn a_body_is_sent_as_it_is_written() {
    let server = start(&["-W", "timeout=60s"]);
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
}

/// Such a client sends its body only then.
#[test]
fn a_client_that_asks_first_is_told_to_continue_if_its_body_is_that_of_the_response() {
    for options in [&[][..], &["--map-scope", "server", "--reuse", "9,3"]] {
        let server = start(&[&["-W", "timeout=60s"], options].concat());
        for path in ["/relay", "/echo", "/length"] {
            let mut client = server.connect();
            client.begin("POST", path, &[("expect", "100-continue")], 6);
            assert_eq!(client.any_head().status, 100, "{path}");
            client.send(b"abcdef");
            let text = if path == "/length" { "6" } else { "abcdef" };
            assert_eq!(client.response(false).ok(), text, "{path}");
        }
    }
}

/// The client leaves during its upload, which the guest passes on.
#[test]
fn a_request_that_ends_early_is_not_the_fault_of_its_guest() {
    for options in [&[][..], &["--map-scope", "server", "--reuse", "9,3"]] {
        let server = start(&[&["-W", "timeout=60s"], options].concat());
        for path in ["/relay", "/echo"] {
            let mut client = server.connect();
            client.begin("POST", path, &[], 1000);
            client.send(b"abc");
            let stream = client.0.get_ref();
            stream
                .shutdown(std::net::Shutdown::Write)
                .expect("it is open");
            let cut = client.response(false);
            assert_eq!((cut.status, cut.whole), (200, false), "{path}");
            let line = server.line(path);
            let cause = " cause=\"the body of the request ended early\"";
            assert!(line.contains(" 200 ") && line.contains(cause), "{line}");
        }
    }
}

/// Server-sent events: each arrives before the next is made.
#[test]
fn events_arrive_one_by_one() {
    let server = start(&["-W", "timeout=60s"]);
    let mut client = server.connect();
    client.begin("GET", "/events/3/200", &[], 0);
    let head = client.head();
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    for n in 0..3 {
        let event = client.chunk().expect("an event");
        let event = String::from_utf8_lossy(&event).into_owned();
        assert_eq!(event, format!("id: {n}\ndata: event {n}\n\n"));
    }
    assert_eq!(client.chunk().as_deref(), Some(&b""[..]));
    assert_eq!(server.text("/stream/3/1"), "0\n1\n2\n");
}

/// Reads all that the client sends, and sends all that the guest has.
#[test]
fn trailers_go_both_ways() {
    let server = start(&[]);
    for (te, trailers) in [("trailers", "x-sum: 6\r\n"), ("gzip", "")] {
        let mut client = server.connect();
        let headers = [("te", te), ("connection", "close")];
        client.begin("GET", "/trailers", &headers, 0);
        assert_eq!(client.head().status, 200);
        let mut rest = String::new();
        client.0.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, format!("6\r\na body\r\n0\r\n{trailers}\r\n"));
    }
    let mut client = server.connect();
    let headers = [("transfer-encoding", "chunked"), ("trailer", "x-end")];
    client.begin("POST", "/trailers-of", &headers, 0);
    client.send(b"3\r\nabc\r\n0\r\nx-end: yes\r\n\r\n");
    assert_eq!(client.response(false).ok(), "x-end: yes\n");
}

/// The guest waits until its client has read, so the host keeps only a little.
#[test]
fn a_client_that_reads_slowly_is_waited_for() {
    let server = start(&["-W", "timeout=3s", "-W", "max-memory-size=64MiB"]);
    let before = resident(&server);
    let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.begin("GET", "/big/300000000", &[], 0);
        assert_eq!(client.head().status, 200);
    }
    let cut = server.line("/big/300000000");
    assert!(cut.contains("the guest timed out after 3s"), "{cut}");
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 100 << 20, "{grown}");
    for mut client in clients {
        assert!(!client.rest(), "it is cut off");
    }
}

/// Returns the resident memory of a server in bytes, or 0 where it is unknown.
fn resident(server: &Server) -> u64 {
    let status = format!("/proc/{}/statm", server.child.id());
    let pages = std::fs::read_to_string(status).unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4_096
}

#[test]
fn a_client_that_leaves_is_noticed_by_the_guest_and_the_log() {
    let server = start(&["--map-scope", "server", "-W", "timeout=60s"]);
    let mut client = server.connect();
    client.begin("GET", "/events/100000/5", &[], 0);
    assert_eq!(client.head().status, 200);
    assert!(client.chunk().is_some());
    drop(client);
    wait_for("the guest", || server.text("/get/left") != "(absent)");
    let line = server.line("/events/");
    let cause = " cause=\"the client disconnected before the end of the response\"";
    assert!(line.ends_with(cause), "{line}");
    assert_eq!(server.text("/count"), "1\n");
}

/// The future that the guest got with its response resolves when the last byte has been sent, or when
/// that is no longer possible.
#[test]
fn a_guest_is_told_whether_its_response_was_sent() {
    let server = start(&["--map-scope", "server", "-W", "timeout=60s"]);
    assert_eq!(server.text("/sent/100000").len(), 100_000);
    wait_for("the guest", || server.text("/get/sent") == "Ok(())");
    let mut client = server.connect();
    client.begin("GET", "/sent/100000000", &[], 0);
    assert_eq!(client.head().status, 200);
    drop(client);
    wait_for("the guest", || {
        server.text("/get/sent").contains("ConnectionTerminated")
    });
}

#[test]
fn the_streams_of_a_guest_are_limited() {
    let server = start(&[]);
    assert_eq!(server.text("/streams/1000"), "1000");
    assert_eq!(server.get("/streams/20000").status, 500);
    assert_eq!(server.text("/streams/1000"), "1000");
}

/// The request ends with its guest, which does more after its response.
#[test]
fn a_guest_finishes_the_work_that_it_does_after_its_response() {
    let server = start(&["--map-scope", "server"]);
    let began = Instant::now();
    assert_eq!(server.text("/after/200"), "before");
    assert!(server.lines().iter().all(|line| !line.contains("/after/")));
    let line = server.line("/after/");
    assert!(began.elapsed().as_millis() >= 200, "{line}");
    assert_eq!(server.text("/get/after"), "done");
    assert_eq!(server.text("/trap-after-response/20"), "before");
    let line = server.line("/trap-after-response/");
    assert!(line.contains(" 200 "), "{line}");
    assert!(line.contains(" cause=\"the guest trapped: "), "{line}");
    let server = start(&["--map-scope", "server", "-W", "timeout=300ms"]);
    assert_eq!(server.text("/after/60000"), "before");
    let line = server.line("/after/");
    assert!(line.contains("the guest timed out after 300ms"), "{line}");
}

#[test]
fn a_response_that_has_no_body_ends_with_its_headers() {
    let server = start(&[]);
    let mut client = server.connect();
    for path in [
        "/",
        "/big/100000",
        "/status/404",
        "/no-body/10",
        "/trailers",
    ] {
        let head = client.ask("HEAD", path, &[], b"");
        assert_eq!(head.status, if path == "/status/404" { 404 } else { 200 });
        let line = server.line(&format!("HEAD {path} "));
        assert!(!line.contains("cause"), "{line}");
    }
    let length = client.ask("HEAD", "/", &[], b"");
    assert_eq!(length.header("content-length"), Some("6"));
    for status in [204, 304] {
        assert_eq!(client.get(&format!("/status/{status}")).status, status);
        assert_eq!(client.get("/").ok(), "hello\n");
    }
}

/// The client writes all of a body that nobody reads before it reads the response.
#[test]
fn an_upload_that_no_guest_wants_does_not_cost_the_response() {
    let server = start(&["--map-scope", "server"]);
    for (path, status) in [
        ("/", 200),
        ("/ignore", 200),
        ("/trap", 500),
        ("/first/9", 200),
    ] {
        let mut client = server.connect();
        client.begin("POST", path, &[], 20_000_000);
        client.send(&[b'x'; 20_000_000]);
        let response = client.response(false);
        assert_eq!((response.status, response.whole), (status, true), "{path}");
        client.closed();
    }
    let mut client = server.connect();
    for _ in 0..3 {
        let ignored = client.ask("POST", "/ignore", &[], &[b'x'; 300_000]);
        assert_eq!(ignored.ok(), "ignored");
    }
    // The client ends its body early.
    let mut client = server.connect();
    client.begin("POST", "/length", &[], 10);
    client.send(b"abc");
    client
        .0
        .get_ref()
        .shutdown(std::net::Shutdown::Write)
        .expect("open");
    assert_eq!(client.response(false).status, 500);
}

#[test]
fn the_request_arrives_as_it_was_sent() {
    let server = start(&[]);
    let mut client = server.connect();
    let headers = [("x-a", "1"), ("X-A", "2")];
    assert_eq!(client.ask("GET", "/header/x-a", &headers, b"").ok(), "1, 2");
    assert_eq!(client.get("/authority").ok(), "test");
    assert_eq!(client.get("/path/a?b=c").ok(), "/path/a?b=c");
    assert!(
        client
            .ask("PURGE", "/method", &[], b"")
            .ok()
            .contains("PURGE")
    );
    assert!(client.get("/scheme").ok().contains("Http"));
    // The authority and the headers of the connection are not among the headers.
    let hop = [("connection", "keep-alive"), ("x-b", "c")];
    assert_eq!(client.ask("GET", "/headers-of", &hop, b"").ok(), "x-b: c\n");
}

/// The headers of a connection belong to the host.
#[test]
fn a_guest_cannot_set_the_headers_of_the_connection() {
    let server = start(&[]);
    assert_eq!(server.text("/set-header/x-a"), "Ok(())");
    for name in [
        "connection",
        "transfer-encoding",
        "upgrade",
        "host",
        "keep-alive",
    ] {
        let refused = server.text(&format!("/set-header/{name}"));
        assert!(refused.contains("Forbidden"), "{name}: {refused}");
    }
    assert!(server.text("/set-header/a@b").contains("InvalidSyntax"));
}

#[test]
fn more_requests_than_there_is_room_for_are_a_503() {
    let server = start(&["--max-maps", "3", "-W", "timeout=60s"]);
    let mut waiting: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.begin("POST", "/echo", &[], 3);
        assert_eq!(client.head().status, 200);
    }
    let refused = server.get("/");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    for client in &mut waiting {
        client.send(b"abc");
        assert_eq!(client.chunk().as_deref(), Some(&b"abc"[..]));
        assert_eq!(client.chunk().as_deref(), Some(&b""[..]));
    }
    wait_for("room", || server.get("/").status == 200);
}

#[test]
fn a_server_that_stops_lets_the_guest_finish() {
    let mut server = start(&["--map-scope", "server", "--stats"]);
    let mut client = server.connect();
    client.begin("GET", "/late-body/300", &[], 0);
    assert_eq!(client.head().status, 200);
    server.signal("TERM");
    assert_eq!(client.chunk().as_deref(), Some(&b"late\n"[..]));
    assert_eq!(server.wait().code(), Some(0));
    server.line("map: entries=0 ");
}
