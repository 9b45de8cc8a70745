//! Clients of HTTP/2 that send hostile frames, written by hand. Others are served meanwhile.

mod peer;

use super::client::{Server, wait_for};
use peer::*;
use std::io::{ErrorKind, Write};
use std::thread;
use std::time::Duration;

/// Returns the resident memory of the server in bytes.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id()));
    let status = status.expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words = line.expect("its memory").split_whitespace().nth(1);
    let kib: u64 = words.expect("a number").parse().expect("a number");
    kib << 10
}

/// Asserts that a connection on which one of these is sent ends with its error, that each is named in
/// the log, and that others are served.
fn refuses(cases: &[(Vec<u8>, u32)]) {
    let server = Server::start(&[]);
    for (bytes, code) in cases {
        let mut peer = Peer::connect(&server, &[]);
        peer.send(bytes);
        peer.ends(*code);
        assert_eq!(server.text("/"), "hello\n");
    }
    let errors = || {
        let lines = server.lines().into_iter();
        let errors = lines.filter(|line| line.contains(" cause=\"HTTP/2: "));
        errors.collect::<Vec<_>>()
    };
    wait_for("the lines", || errors().len() == cases.len());
    for line in errors() {
        let named = line.split_once(" \"-\" - - id=- map=- cause=\"HTTP/2: ");
        let (_, name) = named.expect("a cause");
        let name = name.trim_end_matches('"');
        let names = cases.iter().map(|(_, code)| NAMES[*code as usize]);
        assert!(names.into_iter().any(|known| known == name), "{line}");
    }
}

#[test]
fn a_preface_that_is_none_is_a_request_of_http_1_that_is_invalid() {
    let server = Server::start(&[]);
    for preface in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r!"[..],
        b"PRI * HTTP/2.0\r\n\r\nSMSMSMSMSM",
        b"PRI * HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(preface);
        let refused = client.response(false);
        assert!([200, 400].contains(&refused.status), "{refused:?}");
    }
    // A client that begins and says no more holds up nobody.
    let mut begun = server.connect();
    begun.send(&PREFACE[..5]);
    assert_eq!(server.text("/"), "hello\n");
    begun.send(&PREFACE[5..]);
    begun.send(&frame(SETTINGS, 0, 0, &[]));
    let mut peer = Peer(begun.0.into_inner());
    peer.send(&get(1, "/"));
    peer.until(DATA);
}

#[test]
fn streams_with_wrong_numbers_end_the_connection() {
    let idle = frame(DATA, 0, 5, b"abc");
    let of_connection = frame(HEADERS, END_STREAM | END_HEADERS, 0, &request("GET", "/"));
    refuses(
        &[
            // Even numbers are those of the server.
            get(2, "/"),
            idle,
            of_connection,
            reset(7),
            frame(WINDOW_UPDATE, 0, 9, &1_u32.to_be_bytes()),
            frame(PING, 0, 1, &[0; 8]),
            frame(SETTINGS, 0, 1, &[]),
            // Headers of another stream between those of one.
            [frame(HEADERS, 0, 1, &[]), get(3, "/")].concat(),
            frame(CONTINUATION, END_HEADERS, 1, &[]),
            // Data after the end.
            [get(1, "/sleep/1000"), frame(DATA, 0, 1, b"abc")].concat(),
        ]
        .map(|bytes| (bytes, PROTOCOL_ERROR)),
    );
    // Numbers only increase.
    let server = Server::start(&[]);
    let mut peer = Peer::connect(&server, &[]);
    peer.send(&[get(5, "/"), get(3, "/")].concat());
    let mut code = None;
    while let Some(frame) = peer.frame() {
        if frame.kind == GOAWAY {
            code = Some(frame.code(4));
        }
    }
    assert!(
        [Some(PROTOCOL_ERROR), Some(STREAM_CLOSED)].contains(&code),
        "{code:?}"
    );
}

#[test]
fn frames_with_wrong_sizes_end_the_connection() {
    refuses(&[
        (frame(DATA, 0, 1, &[0; 17_000]), FRAME_SIZE_ERROR),
        // The crate h2 says `PROTOCOL_ERROR` to these.
        (frame(PING, 0, 0, &[0; 7]), PROTOCOL_ERROR),
        (frame(SETTINGS, 0, 0, &[0; 5]), PROTOCOL_ERROR),
        (frame(WINDOW_UPDATE, 0, 0, &[0; 3]), PROTOCOL_ERROR),
    ]);
}

#[test]
fn windows_are_not_exceeded() {
    // More than a window can hold.
    let update = frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes());
    refuses(&[(update, FLOW_CONTROL_ERROR)]);
    // More than the server has room for, to a guest that does not read.
    let server = Server::start(&["-W", "timeout=60s"]);
    let mut peer = Peer::connect(&server, &[]);
    // The window of the connection grows at its beginning.
    peer.ping();
    let upload = frame(HEADERS, END_HEADERS, 1, &request("POST", "/sleep/60000"));
    let data = frame(DATA, 0, 1, &[0; 16_000]).repeat(5);
    peer.send(&[upload, data].concat());
    peer.resets(1, FLOW_CONTROL_ERROR);
    peer.send(&get(3, "/"));
    assert_eq!(peer.until(DATA).payload, b"hello\n");
}

#[test]
fn a_flood_of_headers_ends_the_connection() {
    let begun = frame(HEADERS, 0, 1, &request("GET", "/"));
    let empty = frame(CONTINUATION, 0, 1, &[]).repeat(1_000);
    // A header that does not end.
    let long = header("x", &"x".repeat(10_000_000));
    let parts = long.chunks(16_000);
    let endless = parts.flat_map(|part| frame(CONTINUATION, 0, 1, part));
    // A small block that becomes large: one header of the table, again and again.
    let mut block = request("GET", "/");
    block.push(0x40);
    block.extend(&header("x", &"x".repeat(3_000))[1..]);
    block.extend([0x80 | 62; 1_000]);
    let whole = END_STREAM | END_HEADERS;
    refuses(&[
        ([&begun[..], &empty].concat(), ENHANCE_YOUR_CALM),
        (
            begun.iter().copied().chain(endless).collect(),
            ENHANCE_YOUR_CALM,
        ),
        (frame(HEADERS, whole, 1, &block), ENHANCE_YOUR_CALM),
        // What is no compression.
        (frame(HEADERS, whole, 1, &[0xff; 100]), PROTOCOL_ERROR),
    ]);
}

#[test]
fn malformed_requests_fail_only_their_streams() {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(&server, &[]);
    let valid = request("GET", "/");
    let blocks = [
        // Headers of a connection of HTTP/1.
        [valid.clone(), header("connection", "close")].concat(),
        [valid.clone(), header("transfer-encoding", "chunked")].concat(),
        [valid.clone(), header("te", "gzip")].concat(),
        // Pseudo-headers that are missing, repeated, late, unknown or invalid.
        header(":method", "GET"),
        [valid.clone(), header(":path", "/other")].concat(),
        [header("x-first", "1"), valid.clone()].concat(),
        [header(":status", "200"), valid.clone()].concat(),
        request("GET", ""),
        // Lengths that are wrong.
        [valid.clone(), header("content-length", "x")].concat(),
        [valid.clone(), header("content-length", "5")].concat(),
    ];
    let mut stream = 1;
    for block in &blocks {
        peer.send(&frame(HEADERS, END_STREAM | END_HEADERS, stream, block));
        peer.resets(stream, PROTOCOL_ERROR);
        stream += 2;
    }
    // More data than was declared.
    for data in [&b"abc"[..], b"abcdefgh"] {
        let block = [request("POST", "/length"), header("content-length", "5")].concat();
        peer.send(&frame(HEADERS, END_HEADERS, stream, &block));
        peer.send(&frame(DATA, END_STREAM, stream, data));
        peer.resets(stream, PROTOCOL_ERROR);
        stream += 2;
    }
    // The connection is still of use.
    peer.send(&get(stream, "/"));
    assert_eq!(peer.until(DATA).payload, b"hello\n");
    assert_eq!(server.text("/"), "hello\n");
}

/// The crate h2 takes these for errors of the connection.
#[test]
fn headers_that_are_invalid_end_the_connection() {
    let valid = request("GET", "/");
    let blocks = [
        [valid.clone(), header("X-Upper", "1")].concat(),
        [valid.clone(), header("x", "a\r\nb")].concat(),
        [valid.clone(), header("x", "a\0b")].concat(),
        [header(":unknown", "1"), valid].concat(),
        request("", "/"),
        request("G T", "/"),
    ];
    let frames = blocks.map(|block| frame(HEADERS, END_STREAM | END_HEADERS, 1, &block));
    refuses(&frames.map(|bytes| (bytes, PROTOCOL_ERROR)));
}

/// A client may close its connection as soon as it has read the end.
#[test]
fn a_client_that_leaves_at_the_end_of_a_response_had_it_all() {
    let server = Server::start(&["--map-scope", "server"]);
    for path in ["/count", "/trailers", "/big/100000"] {
        for _ in 0..100 {
            // SETTINGS_INITIAL_WINDOW_SIZE
            let mut peer = Peer::connect(&server, &[(4, 1 << 20)]);
            let window = frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 20).to_be_bytes());
            peer.send(&[window, get(1, path)].concat());
            loop {
                let frame = peer.frame().expect("the connection is open");
                if frame.stream == 1 && frame.flags & END_STREAM != 0 {
                    break;
                }
            }
        }
    }
    let lines = || {
        let lines = server.lines().into_iter();
        lines.filter(|line| line.contains(" HTTP/2.0\""))
    };
    wait_for("the lines", || lines().count() == 300);
    let failed: Vec<_> = lines().filter(|line| line.contains(" cause=")).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn streams_beyond_the_limit_are_refused() {
    let server = Server::start(&["-W", "timeout=60s"]);
    let mut peer = Peer::connect(&server, &[]);
    for stream in 0..110 {
        peer.send(&get(2 * stream + 1, "/sleep/60000"));
    }
    for stream in 100..110 {
        peer.resets(2 * stream + 1, REFUSED_STREAM);
    }
    // Many more end the connection.
    for stream in 110..1_300 {
        peer.send(&get(2 * stream + 1, "/"));
    }
    peer.ends(ENHANCE_YOUR_CALM);
    assert_eq!(server.text("/"), "hello\n");
}

#[test]
fn a_burst_of_resets_ends_the_connection() {
    let burst: Vec<u8> = (0..200)
        .flat_map(|stream| [get(2 * stream + 1, "/"), reset(2 * stream + 1)].concat())
        .collect();
    refuses(&[(burst, ENHANCE_YOUR_CALM)]);
}

/// A guest continues when its client has left. A client that resets each stream at once gets no more
/// guests than one that does not.
#[test]
fn a_client_that_resets_its_streams_has_a_hundred_guests() {
    let server = Server::start(&["--map-scope", "server", "-W", "timeout=60s"]);
    let mut peer = Peer::connect(&server, &[]);
    for stream in 0..150 {
        peer.send(&get(2 * stream + 1, "/count-and-sleep/60000"));
        peer.ping();
        peer.send(&reset(2 * stream + 1));
        peer.ping();
    }
    let count = || i64::from_le_bytes(server.get("/get/n").body.try_into().unwrap_or_default());
    wait_for("the guests", || count() == 100);
    let waiting = "the client disconnected before the response";
    wait_for("the others", || {
        let lines = server.lines();
        let left = lines.iter().filter(|line| line.contains(waiting));
        left.count() == 50
    });
    assert_eq!(count(), 100);
    // Another connection is not affected.
    let mut other = Peer::connect(&server, &[]);
    other.send(&get(1, "/"));
    assert_eq!(other.until(DATA).payload, b"hello\n");
}

/// Whatever is answered waits for the client to read it, and nothing more is read meanwhile.
#[test]
fn a_flood_that_the_client_does_not_read_takes_bounded_memory() {
    let server = Server::start(&[]);
    assert_eq!(server.text("/"), "hello\n");
    let before = memory(&server);
    for flood in [
        frame(PING, 0, 0, &[1; 8]),
        frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]),
        [get(1, "/"), reset(1)].concat(),
    ] {
        let mut peer = Peer::connect(&server, &[]);
        peer.0.set_nonblocking(true).expect("it can be set");
        let flood = flood.repeat(1_000);
        let mut pauses = 0;
        let mut sent = 0;
        // Until the server reads no more, or has ended the connection.
        while pauses < 50 && sent < 64 << 20 {
            match peer.0.write(&flood[sent % flood.len()..]) {
                Ok(len) => {
                    sent += len;
                    pauses = 0;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    pauses += 1;
                    thread::sleep(Duration::from_millis(10));
                }
                Err(_) => break,
            }
        }
        assert_eq!(server.text("/"), "hello\n");
    }
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown}");
}

#[test]
fn a_flood_that_is_read_holds_up_nobody() {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(&server, &[]);
    let flood = frame(PING, 0, 0, &[1; 8]).repeat(100);
    for _ in 0..100 {
        peer.send(&flood);
        for _ in 0..100 {
            peer.until(PING);
        }
        assert_eq!(server.text("/"), "hello\n");
    }
    peer.send(&get(1, "/"));
    assert_eq!(peer.until(DATA).payload, b"hello\n");
}

/// The responses of 100 streams wait at the guests, not in the server.
#[test]
fn responses_without_a_window_take_bounded_memory() {
    let server = Server::start(&["-W", "timeout=60s"]);
    assert_eq!(server.text("/big/100000").len(), 100_000);
    // SETTINGS_INITIAL_WINDOW_SIZE
    let mut peer = Peer::connect(&server, &[(4, 0)]);
    for stream in 0..100 {
        peer.send(&get(2 * stream + 1, "/big/100000000"));
    }
    for _ in 0..100 {
        assert_eq!(peer.until(HEADERS).flags & END_STREAM, 0);
    }
    peer.ping();
    assert!(memory(&server) < 512 << 20, "{}", memory(&server));
    assert_eq!(server.text("/"), "hello\n");
    // A window of one byte gets one byte.
    peer.send(&frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()));
    let part = peer.until(DATA);
    assert_eq!((part.stream, part.payload.as_slice()), (1, &b"x"[..]));
    drop(peer);
    wait_for("the end of all", || {
        let lines = server.lines();
        let left = lines.iter().filter(|line| line.contains("/big/100000000"));
        left.count() == 100
    });
}

/// Frames of all kinds, with random flags, streams and payloads.
#[test]
fn random_frames_end_no_more_than_their_connection() {
    let mut server = Server::start(&[]);
    let mut random = fastrand::Rng::with_seed(9_113);
    for _ in 0..200 {
        let mut peer = Peer::connect(&server, &[(4, random.u32(..70_000))]);
        let mut frames = Vec::new();
        let mut stream = 1;
        for _ in 0..random.usize(1..40) {
            let mut payload: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..)).collect();
            let number = [0, stream, stream, random.u32(..9)][random.usize(..4)];
            let next = match random.u8(..4) {
                0 => {
                    stream += 2;
                    get(stream, "/big/100000")
                }
                1 => {
                    payload.resize(4, 0);
                    frame(random.u8(..10), random.u8(..), number, &payload)
                }
                _ => frame(random.u8(..12), random.u8(..), number, &payload),
            };
            frames.extend(next);
        }
        peer.send(&frames);
        drop(peer);
    }
    let mut peer = Peer::connect(&server, &[]);
    peer.send(&get(1, "/"));
    assert_eq!(peer.until(DATA).payload, b"hello\n");
    drop(peer);
    let lines = server.ended();
    let panicked = |line: &String| line.contains("panicked") || line.contains("the host failed");
    assert!(!lines.iter().any(panicked), "{lines:?}");
}

#[test]
fn an_idle_connection_is_told_of_the_end_of_the_server() {
    let mut server = Server::start(&["--shutdown-grace", "60s"]);
    let mut peer = Peer::connect(&server, &[]);
    peer.ping();
    server.signal("TERM");
    // It does not answer the ping of the server.
    peer.ends(NO_ERROR);
    drop(peer);
    assert_eq!(server.wait().code(), Some(0));
    assert!(!server.lines().iter().any(|line| line.contains("cut off")));
}
