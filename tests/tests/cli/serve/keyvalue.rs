//! Guests that use `wasi:keyvalue` and do not know localmap.

use super::client::Server;
use localmap_tests::{guest, localmap};

#[test]
fn their_buckets_live_as_long_as_the_map() {
    let guest = guest("kv-http");
    let server = Server::serving(&guest, &["--bucket-entry", "hits/b=41"]);
    assert_eq!(server.text("/a"), "1\n");
    assert_eq!(server.text("/a"), "1\n");

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
