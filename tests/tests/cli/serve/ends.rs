//! How the server shuts down.

use super::client::{Server, wait_for};
use std::net::TcpStream;
use std::thread;

#[test]
fn running_requests_finish_and_idle_connections_close() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&["-W", "timeout=60s", "--shutdown-grace", "60s"]);
        let mut idle = server.connect();
        assert_eq!(idle.get("/").ok(), "hello\n");
        let mut fresh = server.connect();
        let mut running = server.connect();
        running.begin("POST", "/echo", &[], 6);
        assert_eq!(running.head().status, 200);
        server.signal(signal);
        idle.closed();
        fresh.closed();
        wait_for("refusal", || TcpStream::connect(server.addr).is_err());
        running.send(b"abcdef");
        let mut echoed = Vec::new();
        while let Some(chunk) = running.chunk().filter(|chunk| !chunk.is_empty()) {
            echoed.extend(chunk);
        }
        assert_eq!(echoed, b"abcdef");
        running.closed();
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        assert!(server.line("/echo").contains(" 200 "));
    }
}

/// The server also waits for the work that guests do after their responses.
#[test]
fn guests_are_finished_too() {
    let mut server = Server::start(&[
        "--map-scope",
        "server",
        "--stats",
        "--shutdown-grace",
        "60s",
    ]);
    assert_eq!(server.text("/after/300"), "before");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    server.line("map: entries=1 ");
}

#[test]
fn requests_that_do_not_end_in_time_are_cut_off() {
    let mut server = Server::start(&["--shutdown-grace", "200ms", "-W", "timeout=60s"]);
    let mut spinning = server.connect();
    spinning.begin("GET", "/spin", &[], 0);
    let mut waiting = server.connect();
    waiting.begin("POST", "/length", &[], 10);
    assert_eq!(server.text("/"), "hello\n");
    server.signal("TERM");
    spinning.closed();
    waiting.closed();
    assert_eq!(server.wait().code(), Some(0));
    server.line("cut off");
}

#[test]
fn the_second_signal_ends_it_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut server = Server::start(&["--shutdown-grace", "10m", "-W", "timeout=10m"]);
        let mut running = server.connect();
        running.begin("GET", "/spin-late", &[], 0);
        assert_eq!(running.head().status, 200);
        server.signal("TERM");
        wait_for("refusal", || TcpStream::connect(server.addr).is_err());
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(code));
    }
}

#[test]
fn it_continues_when_nobody_reads_its_log() {
    let mut command = localmap_tests::localmap()
        .args(["serve", "--addr", "127.0.0.1:0"])
        .arg(localmap_tests::guest("served"))
        .into_command();
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut stderr = std::io::BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut line).expect("a line");
    let addr = line.trim().rsplit('/').next().unwrap_or_default();
    let addr = addr.parse().expect("an address");
    drop(stderr);
    let mut server = Server::at(child, addr);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(server.text("/print/hello"), "printed");
                }
            });
        }
    });
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}
