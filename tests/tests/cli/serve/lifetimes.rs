//! `--map-scope`: which requests share a map.

use super::client::{Response, Server, wait_for};
use localmap_tests::{guest, localmap};
use std::thread;

#[test]
fn each_request_has_its_own_map_by_default() {
    for options in [&[][..], &["--map-scope", "request"]] {
        let server = Server::start(options);
        let mut client = server.connect();
        for _ in 0..3 {
            assert_eq!(client.get("/count").ok(), "1\n");
            assert_eq!(server.text("/count"), "1\n");
        }
        assert!(server.line("/count").ends_with(" map=request"));
    }
}

#[test]
fn a_map_of_the_connection_ends_with_it() {
    let server = Server::start(&["--map-scope", "connection", "--max-maps", "2"]);
    let (mut one, mut other) = (server.connect(), server.connect());
    for n in 1..4 {
        assert_eq!(one.get("/count").ok(), format!("{n}\n"));
        assert_eq!(other.get("/count").ok(), format!("{n}\n"));
    }
    let mut third = server.connect();
    let refused = third.get("/count");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(server.line(" 503 ").contains("(max-maps)"));
    // Its place is free as soon as the connection has ended.
    drop(one);
    wait_for("a place", || third.get("/count").status == 200);
    assert_eq!(third.get("/count").ok(), "2\n");
    assert_eq!(other.get("/count").ok(), "4\n");
    assert!(server.line(" 200 ").ends_with(" map=connection"));
}

#[test]
fn one_map_of_the_server_counts_exactly_on_many_connections() {
    let server = Server::start(&["--map-scope", "server", "--quiet", "--stats"]);
    let mut counts: Vec<u32> = thread::scope(|scope| {
        let clients: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = server.connect();
                    let count = |_| client.get("/count").ok().trim().parse().expect("a count");
                    (0..25).map(count).collect::<Vec<u32>>()
                })
            })
            .collect();
        let counts = clients.into_iter().map(|client| client.join());
        counts
            .flat_map(|counts| counts.expect("no panic"))
            .collect()
    });
    counts.sort_unstable();
    assert!(counts.into_iter().eq(1..=400));
    let mut server = server;
    let lines = server.ended();
    assert!(
        !lines.iter().any(|line| line.contains("/count")),
        "it is quiet: {lines:?}"
    );
    let stats = server.line("map: entries=1 ");
    assert!(stats.contains(" writes=400 "), "{stats}");
}

fn ask_as(server: &Server, tenant: &str, path: &str) -> Response {
    let headers = [("X-Tenant", tenant)];
    server.connect().ask("GET", path, &headers, b"")
}

#[test]
fn each_value_of_a_header_has_a_map() {
    let options = ["--map-scope", "header:x-TENANT", "--entry", "seed=1"];
    let server = Server::start(&options);
    for n in 1..3 {
        for tenant in ["alice", "bob", "", "Alice"] {
            let counted = ask_as(&server, tenant, "/count");
            assert_eq!(counted.ok(), format!("{n}\n"), "{tenant}");
        }
    }
    assert_eq!(ask_as(&server, "carol", "/get/seed").ok(), "1");
    assert!(server.line("/get").ends_with(" map=x-tenant:carol"));
}

#[test]
fn a_header_that_is_missing_or_repeated_is_refused() {
    let server = Server::start(&["--map-scope", "header:x-tenant"]);
    let refused = server.get("/count");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("missing header `x-tenant`"));
    let twice = [("x-tenant", "a"), ("x-tenant", "b")];
    let refused = server.connect().ask("GET", "/count", &twice, b"");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("repeated header `x-tenant`"));
    let refused = ask_as(&server, &"a".repeat(257), "/count");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("too long"));
    assert_eq!(ask_as(&server, &"a".repeat(256), "/count").ok(), "1\n");
    // The whole header is one value, whatever it contains.
    assert_eq!(ask_as(&server, "a, b", "/count").ok(), "1\n");
    let tabs = "a\tmap=server\"";
    assert_eq!(ask_as(&server, tabs, "/count").ok(), "1\n");
    server.line("map=x-tenant:a\\x09map=server\\\"");
}

#[test]
fn header_values_that_name_a_client_are_not_in_the_log() {
    let server = Server::start(&["--map-scope", "header:authorization"]);
    let headers = [("authorization", "Bearer hidden")];
    let counted = server.connect().ask("GET", "/count", &headers, b"");
    assert_eq!(counted.ok(), "1\n");
    assert!(server.line("/count").ends_with(" map=authorization:*"));
}

#[test]
fn new_values_do_not_push_out_others() {
    let server = Server::start(&["--map-scope", "header:x-tenant", "--max-maps", "2"]);
    assert_eq!(ask_as(&server, "a", "/count").ok(), "1\n");
    assert_eq!(ask_as(&server, "b", "/count").ok(), "1\n");
    for n in 0..20 {
        let refused = ask_as(&server, &format!("flood-{n}"), "/count");
        assert_eq!(refused.status, 503);
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    assert_eq!(ask_as(&server, "a", "/count").ok(), "2\n");
    assert_eq!(ask_as(&server, "b", "/count").ok(), "2\n");
}

#[test]
fn a_map_that_is_idle_for_long_enough_is_dropped() {
    let options = ["--map-scope", "header:x-tenant", "--idle-timeout", "200ms"];
    let server = Server::start(&[&options[..], &["--max-maps", "1"]].concat());
    // A map that a request uses is not idle, however long the request takes.
    assert_eq!(ask_as(&server, "a", "/count").ok(), "1\n");
    assert_eq!(ask_as(&server, "a", "/sleep/1000").ok(), "slept");
    wait_for("its end", || ask_as(&server, "b", "/len").status == 200);
    wait_for("its end", || ask_as(&server, "a", "/len").status == 200);
    assert_eq!(ask_as(&server, "a", "/get/n").ok(), "(absent)");
}

#[test]
fn each_new_map_has_its_entries_and_limits() {
    let options = ["--entry", "a=1", "--entry", "b=2", "--max-value", "3"];
    let server = Server::start(&options);
    assert_eq!(server.text("/len"), "2");
    assert_eq!(server.text("/get/b"), "2");
    assert_eq!(server.text("/set/c/333"), "set\n");
    assert_eq!(server.get("/set/c/4444").status, 500);
}

#[test]
fn pins_end_with_their_request() {
    let server = Server::start(&["--map-scope", "server", "--max-pins", "2"]);
    assert_eq!(server.text("/set/k/v"), "set\n");
    // Each request leaves a pin.
    for _ in 0..10 {
        assert_eq!(server.text("/pin/k"), "true");
    }
}

/// The guest is served, and no map is created.
#[test]
fn a_guest_without_a_map_is_served_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugged = folder.path().join("plugged.wasm");
    localmap()
        .arg("plug")
        .arg(guest("served"))
        .arg("-o")
        .arg(&plugged)
        .run()
        .ok();
    let server = Server::serving(&plugged, &["--map-scope", "server", "--max-maps", "1"]);
    for _ in 0..3 {
        assert_eq!(server.text("/count"), "1\n");
    }
    assert!(server.line("/count").ends_with(" map=none"));
    localmap()
        .args(["serve", "--addr", "127.0.0.1:0", "--entry", "a=1"])
        .arg(&plugged)
        .run()
        .refused(&["the guest has no map", "localmap:core/local-map"]);
}
