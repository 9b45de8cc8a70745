//! Guests that fail, which affects only their own requests.

use super::client::{Server, wait_for};
use std::thread;
use std::time::Instant;

const SERVER: [&str; 2] = ["--map-scope", "server"];

#[test]
fn a_trap_is_a_500_and_leaves_the_map() {
    let server = Server::start(&SERVER);
    for n in 1..4 {
        let failed = server.get("/count-and-trap");
        assert_eq!(failed.status, 500);
        // The response does not reveal details.
        assert_eq!(failed.text(), "the guest failed\n");
        assert_eq!(server.text("/get/n").as_bytes(), i64::to_le_bytes(n));
    }
    let line = server.line("/count-and-trap");
    assert!(line.contains(" 500 "), "{line}");
    assert!(line.contains("cause=\"the guest trapped: wasm `unreachable`"));
}

#[test]
fn a_guest_without_a_response_is_a_500() {
    let server = Server::start(&[]);
    for (path, cause) in [
        ("/nothing", "no response"),
        ("/error", "LoopDetected"),
        ("/exit/0", "exited"),
        ("/exit/1", "exited"),
        ("/no-body/10", "content-length of 10"),
        ("/status/101", "101 Switching Protocols"),
    ] {
        let mut client = server.connect();
        assert_eq!(client.get(path).status, 500, "{path}");
        let line = server.line(path);
        assert!(line.contains(cause), "{line}");
        // The connection stays open.
        assert_eq!(client.get("/").ok(), "hello\n");
    }
}

/// A client must not mistake a part for the whole.
#[test]
fn a_response_that_has_begun_is_cut_off() {
    let server = Server::start(&["-W", "timeout=500ms"]);
    for path in ["/trap-late", "/spin-late", "/short/10"] {
        let mut client = server.connect();
        let cut = client.get(path);
        assert_eq!(cut.status, 200, "{cut:?}");
        assert!(!cut.whole, "{cut:?}");
        client.closed();
        assert!(server.line(path).contains(" cause=\"the guest "));
    }
}

/// Whether the response has begun depends on how long the guest computes.
#[test]
fn a_body_that_is_longer_than_declared_is_a_500_or_cut_off() {
    let server = Server::start(&[]);
    for path in ["/status/200/5", "/short/2"] {
        let response = server.get(path);
        assert!(
            response.status == 500 || !response.whole,
            "{path}: {response:?}"
        );
        assert!(server.line(path).contains(" cause=\"the guest "));
    }
    // As many bytes as declared are a whole body.
    assert_eq!(server.get("/status/200/6").status, 200);
}

/// A guest that does not finish its body has not written all of it, also if it ends without a
/// failure.
#[test]
fn a_body_that_the_guest_has_not_finished_is_incomplete() {
    let server = Server::start(&[]);
    for path in ["/unfinished", "/dropped"] {
        let mut client = server.connect();
        let cut = client.get(path);
        assert!(!cut.whole, "{cut:?}");
        client.closed();
        let line = server.line(path);
        let cause = " cause=\"the guest did not finish its response\"";
        assert!(line.ends_with(cause), "{line}");
        assert_eq!(cut.status, 200);
        assert!(line.contains(" 200 "), "{line}");
    }
    // An older client sees only the end of the connection, which is then a reset.
    let mut client = server.connect();
    client.send(b"GET /unfinished HTTP/1.0\r\n\r\n");
    assert!(!client.response(false).whole);
}

/// A connection that is closed while a part of what has arrived is unread is reset.
#[test]
fn a_response_that_nobody_got_has_no_status_in_the_log() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.begin("GET", "/first", &[], 0);
    client.begin("GET", "/sleep/2000", &[], 0);
    let arrived = client.0.get_ref().peek(&mut [0]);
    assert_eq!(arrived.expect("a response"), 1);
    drop(client);
    assert!(server.line("/first").contains(" 200 "));
    let line = server.line("/sleep/2000");
    assert!(line.contains("HTTP/1.1\" - "), "{line}");
    let cause = " cause=\"the client disconnected before the response\"";
    assert!(line.ends_with(cause), "{line}");
}

#[test]
fn too_much_memory_is_a_500() {
    let server = Server::start(&["--map-scope", "server", "-W", "max-memory-size=8MiB"]);
    assert_eq!(server.text("/count"), "1\n");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(server.get("/bomb").status, 500));
        }
    });
    assert_eq!(server.text("/count"), "2\n");
}

/// More guests loop than there are threads.
#[test]
fn guests_that_loop_are_a_504_and_hold_up_nobody() {
    let server = Server::start(&["--map-scope", "server", "-W", "timeout=15s"]);
    let loops = thread::available_parallelism().map_or(2, usize::from) * 2 + 1;
    thread::scope(|scope| {
        let spinning: Vec<_> = (0..loops)
            .map(|_| scope.spawn(|| (server.get("/spin"), Instant::now())))
            .collect();
        let mut answered = Vec::new();
        for n in 1..6 {
            assert_eq!(server.text("/count"), format!("{n}\n"));
            answered.push(Instant::now());
        }
        for spun in spinning {
            let (response, ended) = spun.join().expect("no panic");
            assert_eq!(response.status, 504);
            assert_eq!(response.text(), "the guest ran out of time\n");
            assert!(answered.iter().all(|answered| *answered < ended));
        }
    });
    assert!(server.line(" 504 ").contains("timed out after 15s"));
}

#[test]
fn a_guest_that_waits_is_a_504_too() {
    let server = Server::start(&["-W", "timeout=300ms"]);
    assert_eq!(server.get("/sleep/60000").status, 504);
    // The guest waits for a body that never arrives.
    let mut client = server.connect();
    client.begin("POST", "/length", &[], 10);
    assert_eq!(client.response(false).status, 504);
}

/// Nothing reads a body before its response is set.
#[test]
fn a_guest_that_writes_too_much_before_its_response_is_a_504() {
    let server = Server::start(&["-W", "timeout=3s"]);
    assert_eq!(server.text("/before/131072").len(), 131_072);
    assert_eq!(server.get("/before/200000").status, 504);
}

/// A guest that prints into a pipe that is not read waits, and no other guest does.
#[test]
fn output_that_nobody_reads_holds_up_nobody_else() {
    let mut command = localmap_tests::localmap()
        .args(["serve", "--addr", "127.0.0.1:0", "-W", "timeout=1s"])
        .arg(localmap_tests::guest("served"))
        .into_command();
    let mut server = Server::of(command.stdout(std::process::Stdio::piped()));
    let unread = server.child.stdout.take();
    assert_eq!(server.get("/flood/100").status, 504);
    assert_eq!(server.text("/"), "hello\n");
    // Output that can no longer be written is lost, and the server continues.
    drop(unread);
    wait_for("a print", || server.get("/print/x").status == 200);
    wait_for("a flood", || server.get("/flood/1").status == 200);
}

#[test]
fn a_client_that_leaves_ends_nothing_but_its_own() {
    let server = Server::start(&SERVER);
    for _ in 0..5 {
        let mut client = server.connect();
        client.begin("GET", "/sleep/100", &[], 0);
        drop(client);
        let mut client = server.connect();
        client.begin("GET", "/big/10000000", &[], 0);
        assert_eq!(client.head().status, 200);
        drop(client);
    }
    assert_eq!(server.text("/count"), "1\n");
    server.line("the client disconnected before the end of the response");
    // Guests finish the work that they do after their responses.
    assert_eq!(server.text("/after/50"), "before");
    wait_for("the rest", || server.text("/get/after") == "done");
}

#[test]
fn more_requests_than_there_is_room_for_are_a_503() {
    let server = Server::start(&["--max-maps", "3", "-W", "timeout=60s"]);
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
