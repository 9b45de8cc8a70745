//! The same grants in `localmap serve`: the log has what the guests did not see.

use super::site::Site;
use crate::serve::client::{Response, Server};
use localmap_tests::guest;

fn start(options: &[&str]) -> Server {
    Server::serving(&guest("outside-http"), options)
}

/// Runs a command of the guest.
fn ask(server: &Server, command: &[&str]) -> Response {
    let body = command.join("\n");
    let mut client = server.connect();
    client.ask("POST", "/path", &[], body.as_bytes())
}

#[test]
fn a_denied_request_is_in_the_log_with_the_option_that_allows_it() {
    let site = Site::start();
    let server = start(&[]);
    let url = site.url("http", "127.0.0.1", "/?token");
    let denied = ask(&server, &["get", &url]).ok();
    assert_eq!(denied, "error: ErrorCode::HttpRequestDenied");
    let line = server.line("sent=");
    let told = format!(
        "\"POST /path HTTP/1.1\" id=1 sent=\"GET http://{0}\" cause=\"the host is not allowed; \
         --allow-http {0} allows it\"",
        site.addr
    );
    assert!(line.ends_with(&told), "{line}");
    assert_eq!(site.heads(), [""; 0]);
    // The line of the request itself follows.
    server.line("\" 200 ");
}

#[test]
fn an_allowed_request_is_sent_and_is_not_in_the_log() {
    let site = Site::start();
    let server = start(&["--allow-http", &site.addr.to_string()]);
    let url = site.url("http", "127.0.0.1", "/");
    for _ in 0..3 {
        assert_eq!(ask(&server, &["get", &url]).ok(), "200 hello");
    }
    let lines = server.lines();
    assert!(
        !lines.iter().any(|line| line.contains("sent=")),
        "{lines:?}"
    );
}

/// Every request of an instance has lines of its own, and its own limit on their number.
#[test]
fn a_reused_instance_reports_for_the_request_that_it_has_begun_last() {
    let options = ["--map-scope", "server", "--reuse", "30"];
    for guest_name in ["outside-http", "wasip3_handler"] {
        let server = Server::serving(&guest(guest_name), &options);
        let mut client = server.connect();
        for id in 1..=12 {
            let path = format!("/upstream/127.0.0.1:9/{id}");
            client.ask("POST", &path, &[], b"get\nhttp://127.0.0.1:9/");
            let sent = server.line(&format!("\"POST {path} HTTP/1.1\" id={id} "));
            let told = "sent=\"GET http://127.0.0.1:9\" cause=\"the host is not allowed;";
            assert!(sent.contains(told), "{sent}");
        }
        let reused = |line: &String| line.contains(" id=2 ") && line.contains(" instance=1");
        assert!(server.lines().iter().any(reused), "{:?}", server.lines());
        let sent = server.lines();
        let sent = sent.iter().filter(|line| line.contains(" sent=")).count();
        assert_eq!(sent, 12, "{guest_name}");
    }
}

/// The site breaks off, and its response is that of the guest.
#[test]
fn a_response_that_is_passed_on_and_ends_early_is_not_the_fault_of_the_guest() {
    let site = Site::start();
    let allowed = site.addr.to_string();
    let shared = ["--map-scope", "server", "--reuse", "9,3"];
    for options in [&[][..], &shared] {
        let options = [&["--allow-http", &allowed], options].concat();
        let server = Server::serving(&guest("wasip3_handler"), &options);
        let passed = server.text(&format!("/upstream/{allowed}/hello"));
        assert_eq!(passed, "hello");
        let cut = server.get(&format!("/upstream/{allowed}/short"));
        assert_eq!((cut.status, cut.whole), (200, false));
        let line = server.line("/short HTTP");
        let cause = " cause=\"the response that the guest passes on ended early\"";
        assert!(line.contains(" 200 ") && line.contains(cause), "{line}");
    }
}

#[test]
fn the_timeout_of_a_request_ends_what_its_guest_has_sent() {
    let site = Site::start();
    let allowed = site.addr.to_string();
    let server = start(&["-W", "timeout=200ms", "--allow-http", &allowed]);
    let url = site.url("http", "127.0.0.1", "/silent");
    assert_eq!(ask(&server, &["get", &url]).status, 504);
}

#[test]
fn values_and_messages_are_those_of_run() {
    let server = start(&["--config", "a=1"]);
    assert_eq!(ask(&server, &["config", "a"]).ok(), "Some(\"1\")");
    assert_eq!(
        ask(&server, &["log", "warn", "x", "a message"]).ok(),
        "logged"
    );
    let line = server.line("WARN x: a message");
    // With the number of its request, as every line that a guest prints.
    assert_eq!(line, "[2] WARN x: a message");
}
