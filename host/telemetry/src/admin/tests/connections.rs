use super::*;
use crate::admin::server::MAX_CONNECTIONS;
use std::net::Shutdown;
use std::thread;
use std::time::Instant;

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Reads one response to [`REQUEST`] of an open connection.
fn read_one(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut byte = [0];
    while !all.ends_with(b"\r\n\r\nok\n") && stream.read(&mut byte).is_ok_and(|len| len > 0) {
        all.push(byte[0]);
    }
    String::from_utf8(all).expect("ASCII")
}

#[test]
fn a_connection_is_used_for_many_requests() {
    let fixture = Fixture::new();
    let mut stream = fixture.connect();
    for _ in 0..100 {
        stream.write_all(REQUEST).expect("written");
        assert!(read_one(&mut stream).starts_with("HTTP/1.1 200"));
    }
    // Its other direction may be closed before the response.
    stream.write_all(REQUEST).expect("written");
    stream.shutdown(Shutdown::Write).expect("shut down");
    assert!(read(&mut stream).is(200));
}

#[test]
fn more_clients_than_connections_are_served_in_turn() {
    let fixture = Fixture::new();
    thread::scope(|scope| {
        for _ in 0..2 * MAX_CONNECTIONS {
            scope.spawn(|| {
                for _ in 0..20 {
                    let mut stream = fixture.connect();
                    stream.write_all(REQUEST).expect("written");
                    assert!(read_one(&mut stream).starts_with("HTTP/1.1 200"));
                }
            });
        }
    });
}

#[test]
fn idle_connections_make_room_for_others() {
    let fixture = Fixture::new();
    // Some have sent nothing, and some have had a response.
    let mut idle: Vec<_> = (0..MAX_CONNECTIONS).map(|_| fixture.connect()).collect();
    for stream in &mut idle[..MAX_CONNECTIONS / 2] {
        stream.write_all(REQUEST).expect("written");
        read_one(stream);
    }
    let start = Instant::now();
    for _ in 0..3 {
        assert!(fixture.get("/healthz").is(200));
    }
    let mut kept = fixture.connect();
    for _ in 0..3 * MAX_CONNECTIONS {
        idle.push(fixture.connect());
        kept.write_all(REQUEST).expect("written");
        assert!(read_one(&mut kept).starts_with("HTTP/1.1 200"));
    }
    assert!(start.elapsed() < Duration::from_secs(60));
    // The first of them were closed for others, long before they were idle for too long.
    assert_eq!(idle[MAX_CONNECTIONS / 2].read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn broken_requests_end_their_connection_and_nothing_else() {
    let fixture = Fixture::new();
    let long = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "y".repeat(100_000)
    );
    assert!(fixture.send(long.as_bytes()).is(431));
    let many = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
        "x: y\r\n".repeat(1_000)
    );
    assert!(fixture.send(many.as_bytes()).is(431));
    let path = format!(
        "GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "a".repeat(100_000)
    );
    let path = fixture.send(path.as_bytes());
    assert!(path.is(414) || path.is(431), "{}", path.head);
    for broken in [
        b"\0\0\0\0\0\0\0\0\r\n\r\n".as_slice(),
        b"GET / HTTP/9.9\r\nhost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello of TLS\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let response = fixture.send(broken);
        let refused = response.head.is_empty() || response.is(400);
        assert!(refused, "{broken:?}: {}", response.head);
    }
    // A body is not read, however long it says that it is.
    let body = fixture.request(
        "GET",
        "/healthz",
        "host: localhost\r\ncontent-length: 99999999999\r\n",
    );
    assert!(body.is(200), "{}", body.head);
    // A client that is gone before its response.
    for _ in 0..50 {
        let mut stream = fixture.connect();
        stream
            .write_all(b"GET /maps HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .expect("written");
        drop(stream);
    }
    assert!(fixture.get("/healthz").is(200));
}

#[test]
fn slow_clients_do_not_hold_up_others_and_are_cut_off() {
    let fixture = Fixture::new();
    let mut silent = fixture.connect();
    let mut slow = fixture.connect();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nho")
        .expect("written");
    // It asks for more than the buffers of the sockets hold, and reads nothing.
    let mut deaf = fixture.connect();
    deaf.set_nonblocking(true).expect("a mode");
    let asks = b"GET /page.css HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        match deaf.write(&asks) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(fixture.get("/healthz").is(200));
    let mut rest = Vec::new();
    // Both are closed after some time, by the timer of the headers.
    let _ = silent.read_to_end(&mut rest);
    let _ = slow.read_to_end(&mut rest);
    assert!(start.elapsed() < Duration::from_secs(40));
    // The one that does not read is reset, or closed.
    deaf.set_nonblocking(false).expect("a mode");
    let _ = deaf.read_to_end(&mut rest);
    assert!(fixture.get("/healthz").is(200));
}

#[test]
fn a_server_that_is_dropped_cuts_its_connections() {
    let fixture = Fixture::new();
    let mut idle = fixture.connect();
    idle.write_all(REQUEST).expect("written");
    read_one(&mut idle);
    let address = fixture.address();
    let start = Instant::now();
    drop(fixture.server);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(idle.read(&mut [0]).unwrap_or(0), 0);
    assert!(TcpStream::connect(address).is_err());
    let again = AdminServer::bind(
        &address.to_string().parse().expect("an address"),
        &fixture.telemetry,
    );
    again.expect("the address is free");
}

#[test]
fn an_address_in_use_is_an_error_that_names_it() {
    let fixture = Fixture::new();
    let address = fixture.server.local_addr();
    let error = AdminServer::bind(address, &fixture.telemetry).expect_err("it is in use");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
