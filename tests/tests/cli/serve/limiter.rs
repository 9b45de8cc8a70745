//! The example guest, `http-limiter`.

use super::client::{Response, Server};
use localmap_tests::guest;
use std::thread;

fn limiter(options: &[&str]) -> Server {
    Server::serving(&guest("http-limiter"), options)
}

fn ask(server: &Server, headers: &[(&str, &str)]) -> Response {
    server.connect().ask("GET", "/", headers, b"")
}

fn number(response: &Response, name: &str) -> u64 {
    let value = response.header(name).unwrap_or_default();
    value.parse().expect("the header is a number")
}

#[test]
fn each_client_may_send_requests_up_to_the_limit() {
    let options = [
        "--map-scope",
        "server",
        "--env",
        "LIMIT=5",
        "--env",
        "WINDOW=1h",
    ];
    let server = limiter(&options);
    for client in ["alice", "bob"] {
        let statuses: Vec<u16> = thread::scope(|scope| {
            let asking: Vec<_> = (0..10)
                .map(|_| scope.spawn(|| ask(&server, &[("x-client", client)]).status))
                .collect();
            let statuses = asking.into_iter().map(|asking| asking.join());
            statuses.map(|status| status.expect("no panic")).collect()
        });
        let count = |status| statuses.iter().filter(|other| **other == status).count();
        assert_eq!((count(200), count(429)), (5, 5), "{statuses:?}");
    }
    let refused = ask(&server, &[("x-client", "alice")]);
    let retry = number(&refused, "retry-after");
    assert!((1..=3_600).contains(&retry), "{refused:?}");
    assert_eq!(number(&refused, "ratelimit-reset"), retry);
    assert_eq!(number(&refused, "ratelimit-remaining"), 0);
    let allowed = ask(&server, &[]);
    assert_eq!(allowed.ok(), "go on\n");
    assert_eq!(number(&allowed, "ratelimit-remaining"), 4);
    assert_eq!(allowed.header("retry-after"), None);
    assert_eq!(ask(&server, &[("x-client", &"x".repeat(121))]).status, 400);
}

#[test]
fn tenants_are_limited_apart() {
    let options = ["--map-scope", "header:x-tenant", "--env", "LIMIT=1"];
    let server = limiter(&options);
    for tenant in ["a", "b"] {
        for status in [200, 429] {
            let headers = [("x-tenant", tenant), ("x-client", "alice")];
            assert_eq!(ask(&server, &headers).status, status, "{tenant}");
        }
    }
}

#[test]
fn a_client_that_cannot_be_counted_does_not_pass() {
    let server = limiter(&["--map-scope", "server", "--max-entries", "1"]);
    assert_eq!(ask(&server, &[("x-client", "alice")]).status, 200);
    let refused = ask(&server, &[("x-client", "bob")]);
    assert_eq!(refused.status, 503);
    assert_eq!(number(&refused, "retry-after"), 60);
    assert_eq!(ask(&server, &[("x-client", "alice")]).status, 200);
}

#[test]
fn a_wrong_option_is_reported_in_the_log() {
    let server = limiter(&["--env", "WINDOW=soon"]);
    assert_eq!(ask(&server, &[]).status, 500);
    server.line("WINDOW=soon");
}
