//! Guests that use `wasi:keyvalue` and do not know localmap.

use super::client::Server;
use localmap_tests::{guest, localmap};

#[test]
fn their_buckets_live_as_long_as_the_map() {
    let guest = guest("kv-http");
    let server = Server::serving(&guest, &["--map-scope", "request"]);
    assert_eq!(server.text("/a"), "1\n");
    assert_eq!(server.text("/a"), "1\n");
    assert!(server.line("/a").ends_with(" map=request"));

    let options = ["--map-scope", "server", "--bucket-entry", "hits//b=41"];
    let server = Server::serving(&guest, &options);
    for count in 1..4 {
        assert_eq!(server.text("/a"), format!("{count}\n"));
    }
    assert_eq!(server.text("/b"), "42\n");

    let server = Server::serving(&guest, &["--map-scope", "header:x-tenant"]);
    for (tenant, count) in [("a", "1\n"), ("b", "1\n"), ("a", "2\n")] {
        let asked = server
            .connect()
            .ask("GET", "/a", &[("x-tenant", tenant)], b"");
        assert_eq!(asked.ok(), count, "{tenant}");
    }
}

/// As in other hosts, a bucket outlives a request, also if no option asks for it.
#[test]
fn their_buckets_live_as_long_as_the_server_by_default() {
    let mut server = Server::serving(&guest("kv-http"), &["--stats"]);
    assert!(server.lines()[0].contains("--map-scope server"));
    for count in 1..4 {
        assert_eq!(server.text("/a"), format!("{count}\n"));
    }
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    server.line("map: entries=");
    // Another guest forgets.
    let server = Server::start(&[]);
    assert!(
        !server
            .lines()
            .iter()
            .any(|line| line.contains("--map-scope"))
    );
}

#[test]
fn options_for_buckets_are_for_them_alone() {
    localmap()
        .args(["serve", "--addr", "127.0.0.1:0", "--bucket-ttl", "a=1s"])
        .arg(guest("served"))
        .run()
        .refused(&["--bucket-ttl", "wasi:keyvalue"]);
    localmap()
        .args(["serve", "--addr", "127.0.0.1:0", "--entry", "a=1"])
        .arg(guest("kv-http"))
        .run()
        .refused(&["--entry", "--bucket-entry"]);
}
