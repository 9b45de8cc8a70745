//! `--reuse`: which requests share an instance, and what that means for them.

use super::client::{Response, Server, wait_for};
use super::wasip3::start;
use localmap_tests::{guest, localmap};
use std::collections::{BTreeMap, BTreeSet};
use std::thread;

fn nth(response: &Response) -> u32 {
    response.ok().parse().expect("a number")
}

fn ask_as(server: &Server, tenant: &str, path: &str) -> Response {
    let headers = [("x-tenant", tenant)];
    server.connect().ask("GET", path, &headers, b"")
}

/// A request that arrives before the one before it has ended has another instance.
#[test]
fn an_instance_answers_as_many_requests_as_allowed_and_the_log_names_it() {
    let server = start(&["--map-scope", "server", "--reuse", "3"]);
    let order: Vec<u32> = (0..20).map(|_| nth(&server.get("/nth"))).collect();
    assert!(order.iter().all(|nth| *nth <= 3), "{order:?}");
    assert!(order.contains(&3), "{order:?}");
    wait_for("all lines", || server.lines().len() == 21);
    let mut requests = BTreeMap::<String, u32>::new();
    for line in &server.lines()[1..] {
        let (_, instance) = line.split_once(" map=server instance=").expect("a field");
        *requests.entry(instance.to_owned()).or_default() += 1;
    }
    assert!(
        requests.values().all(|requests| *requests <= 3),
        "{requests:?}"
    );
}

/// No request of a tenant is ever in an instance of another.
#[test]
fn tenants_share_no_instance() {
    let mut server = start(&["--map-scope", "header:x-tenant", "--reuse", "1000,16"]);
    thread::scope(|scope| {
        for tenant in ["a", "b", "c", "d"] {
            let server = &server;
            scope.spawn(move || {
                for n in 1..50 {
                    assert_eq!(ask_as(server, tenant, "/count").ok(), format!("{n}\n"));
                }
            });
        }
    });
    // The failure of one does not reach another.
    thread::scope(|scope| {
        let waits = scope.spawn(|| ask_as(&server, "a", "/sleep/500").status);
        assert_eq!(ask_as(&server, "b", "/trap").status, 500);
        assert_eq!(waits.join().expect("no panic"), 200);
    });
    let lines = server.ended();
    let mut owners = BTreeMap::<&str, BTreeSet<&str>>::new();
    for line in lines.iter().filter(|line| line.contains("/count")) {
        let field = |name: &str| {
            let fields = line.split(' ');
            let mut found = fields.filter_map(|field| field.strip_prefix(name));
            found.next().expect("a field")
        };
        owners
            .entry(field("instance="))
            .or_default()
            .insert(field("map="));
    }
    assert!(owners.len() >= 4, "{owners:?}");
    assert!(owners.values().all(|maps| maps.len() == 1), "{owners:?}");
}

#[test]
fn a_connection_has_instances_of_its_own() {
    let server = start(&[
        "--map-scope",
        "connection",
        "--reuse",
        "10",
        "--max-maps",
        "1",
    ]);
    for _ in 0..3 {
        let mut client = server.connect();
        // The map of the connection before has ended with its instances.
        wait_for("a place", || client.get("/nth").status == 200);
        for n in 1..4 {
            assert_eq!(client.get("/count").ok(), format!("{n}\n"));
        }
    }
}

/// 200 requests at a time, in instances of 16, one of which traps.
#[test]
fn a_trap_among_many_requests_ends_at_most_its_instance() {
    let server = start(&["--map-scope", "server", "--reuse", "1000,16", "--quiet"]);
    let failed = thread::scope(|scope| {
        let good: Vec<_> = (0..199)
            .map(|_| scope.spawn(|| server.get("/sleep/200").status))
            .collect();
        assert_eq!(server.get("/trap").status, 500);
        let statuses = good.into_iter().map(|good| good.join().expect("no panic"));
        statuses
            .filter(|status| *status != 200)
            .inspect(|status| assert_eq!(*status, 500))
            .count()
    });
    assert!(failed <= 15, "{failed}");
    assert_eq!(server.text("/count"), "1\n");
}

#[test]
fn a_guest_of_wasi_0_2_answers_one_request_after_the_other() {
    let server = Server::start(&["--map-scope", "server", "--reuse", "5"]);
    let mut client = server.connect();
    for n in 1..12 {
        assert_eq!(client.get("/count").ok(), format!("{n}\n"));
    }
    for (path, status) in [
        ("/trap", 500),
        ("/nothing", 500),
        ("/error", 500),
        ("/exit/0", 500),
    ] {
        assert_eq!(client.get(path).status, status, "{path}");
        assert_eq!(client.get("/").ok(), "hello\n");
    }
    for path in ["/unfinished", "/dropped", "/short/10", "/trap-late"] {
        let mut client = server.connect();
        assert!(!client.get(path).whole, "{path}");
        client.closed();
    }
    thread::scope(|scope| {
        let slow: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| server.text("/sleep/300")))
            .collect();
        for slow in slow {
            assert_eq!(slow.join().expect("no panic"), "slept");
        }
    });
    wait_for("lines", || {
        server
            .lines()
            .iter()
            .any(|line| line.contains(" instance=1"))
    });
}

#[test]
fn what_cannot_be_reused_is_refused_with_the_reason() {
    let serve = |guest: &std::path::Path, options: &[&str]| {
        let command = localmap()
            .args(["serve", "--addr", "127.0.0.1:0"])
            .args(options);
        command.arg(guest).run()
    };
    let new = guest("wasip3_handler");
    serve(&new, &["--reuse", "2"]).refused(&["--reuse requires --map-scope server"]);
    let request = ["--reuse", "2", "--map-scope", "request"];
    serve(&new, &request).refused(&["each request has its own map"]);
    let old = ["--reuse", "2,2", "--map-scope", "server"];
    serve(&guest("served"), &old).refused(&["one request at a time", "--reuse N"]);
    for bad in ["0", "2,3", "a", "1,0"] {
        let finished = serve(&new, &["--map-scope", "server", "--reuse", bad]);
        assert_eq!(finished.code, Some(2), "{bad}");
    }
}
