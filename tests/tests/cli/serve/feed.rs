//! The example guest `http-feed`, whose responses are streams of WASI 0.3.

use super::client::{Client, Server};
use localmap_tests::guest;

fn feed() -> Server {
    Server::serving(&guest("http_feed"), &["--map-scope", "server"])
}

fn send(server: &Server, topic: &str, message: &[u8]) -> u16 {
    server.connect().ask("POST", topic, &[], message).status
}

/// Starts a stream of events.
fn follow(server: &Server, topic: &str, headers: &[(&str, &str)]) -> Client {
    let mut client = server.connect();
    client.begin("GET", topic, headers, 0);
    let head = client.head();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    client
}

/// Reads the next message. Returns its number and its lines.
fn event(client: &mut Client) -> (u64, String) {
    loop {
        let chunk = client.chunk().expect("an event");
        let chunk = String::from_utf8(chunk).expect("text");
        // A comment shows only that the connection is alive.
        if chunk == ":\n\n" {
            continue;
        }
        let event = chunk.strip_prefix("id: ").expect("an event has a number");
        let (id, data) = event.split_once('\n').expect("it has a message");
        return (id.parse().expect("a number"), data.to_owned());
    }
}

#[test]
fn a_client_gets_the_messages_from_before_and_those_that_come_while_it_waits() {
    let server = feed();
    assert_eq!(send(&server, "/news", b"one"), 202);
    assert_eq!(send(&server, "/other", b"not this"), 202);
    let mut first = follow(&server, "/news", &[]);
    let (one, data) = event(&mut first);
    assert_eq!(data, "data: one\n\n");
    assert_eq!(send(&server, "/news", b"two\nlines"), 202);
    let (two, data) = event(&mut first);
    assert_eq!(data, "data: two\ndata: lines\n\n");
    assert!(one < two);
    // One that comes back names the last message that it has.
    let mut second = follow(&server, "/news", &[("last-event-id", &one.to_string())]);
    assert_eq!(event(&mut second), (two, data));
}

#[test]
fn what_is_no_message_is_refused() {
    let server = feed();
    assert_eq!(send(&server, "/news", &vec![b'x'; 65_537]), 413);
    assert_eq!(send(&server, "/news", b"\xff"), 400);
    assert_eq!(send(&server, "/", b"one"), 404);
    assert_eq!(send(&server, &format!("/{}", "x".repeat(101)), b"one"), 404);
    let put = server.connect().ask("PUT", "/news", &[], b"one");
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, POST")));
    assert_eq!(send(&server, "/news", &vec![b'x'; 65_536]), 202);
}
