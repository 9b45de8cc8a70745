//! The grants of the guest, and options that are refused before anything is served.

use super::client::Server;
use localmap_tests::{guest, localmap};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;

#[test]
fn a_guest_has_what_it_is_granted_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "of the host").expect("a file");
    let dir = format!("{}::/granted", folder.path().display());
    let options = ["--env", "A=1", "--env", "HOME", "--dir", &dir];
    let server = Server::start(&options);
    assert_eq!(server.text("/env/A"), "1");
    assert_eq!(server.text("/env/PATH"), "");
    assert_eq!(
        server.text("/env/HOME"),
        std::env::var("HOME").expect("it is set")
    );
    assert_eq!(server.text("/cat/granted/file"), "of the host");
    assert_eq!(server.text("/cat/etc/passwd"), "");
    assert!(server.text("/fetch").contains("HttpRequestDenied"));
}

/// Starts a server whose standard output is read. Returns the lines that the guest prints for one
/// request, on standard output and on standard error.
fn printed(handler: &str, options: &[&str]) -> (String, String) {
    let mut command = localmap()
        .args(["serve", "--addr", "127.0.0.1:0"])
        .args(options)
        .arg(guest(handler))
        .into_command();
    let mut server = Server::of(command.stdout(std::process::Stdio::piped()));
    let mut stdout = BufReader::new(server.child.stdout.take().expect("it is piped"));
    assert_eq!(server.get("/status/200").status, 200);
    assert_eq!(server.text("/print/hello"), "printed");
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    (line, server.line("hello!"))
}

#[test]
fn what_a_guest_prints_names_its_request() {
    let pair = |out: &str, err: &str| (out.to_owned(), err.to_owned());
    for handler in ["served", "wasip3_handler"] {
        let named = printed(handler, &[]);
        assert_eq!(named, pair("[2] hello\n", "[2] hello!"), "{handler}");
        let plain = printed(handler, &["--no-logging-prefix"]);
        assert_eq!(plain, pair("hello\n", "hello!"), "{handler}");
    }
}

#[test]
fn each_request_has_a_number_in_the_log() {
    let server = Server::start(&[]);
    for id in 1..4 {
        assert_eq!(server.text(&format!("/{id}")), "hello\n");
        let line = server.line(&format!("\"GET /{id} "));
        assert!(line.ends_with(&format!("ms id={id} map=request")), "{line}");
    }
}

#[test]
fn the_backtrace_of_a_trap_is_written_on_request() {
    for (options, wanted) in [
        (&[][..], false),
        (&["--backtrace"], true),
        (&["--backtrace", "--quiet"], true),
    ] {
        let mut server = Server::start(options);
        assert_eq!(server.get("/trap").status, 500);
        assert_eq!(server.get("/exit/1").status, 500);
        let lines = server.ended();
        let frames = |id: &str| {
            let frames = lines
                .iter()
                .filter(|line| line.starts_with(id) && line.contains("0x"));
            frames.collect::<Vec<_>>()
        };
        let of_trap = frames("[1]");
        assert_eq!(of_trap.len() > 1, wanted, "{lines:?}");
        // The name of a function of the guest.
        let named = of_trap.iter().any(|line| line.contains("served"));
        assert_eq!(named, wanted, "{lines:?}");
        assert!(frames("[2]").is_empty(), "an exit is no trap: {lines:?}");
    }
}

fn refused(options: &[&str], words: &[&str]) {
    localmap()
        .args(["serve", "--addr", "127.0.0.1:0"])
        .args(options)
        .run()
        .refused(words);
}

#[test]
fn guests_that_cannot_be_served_are_refused_with_a_reason() {
    let command = guest("probe");
    let command = command.to_str().expect("UTF-8");
    refused(&[command], &["cannot serve", "a command", "localmap run"]);
    refused(
        &["host/localmap/src/artifact/map.wasm"],
        &["cannot serve", "wasi:http/incoming-handler"],
    );
    refused(&["README.md"], &["cannot serve", "README.md"]);
    refused(&["no-such-file.wasm"], &["no-such-file.wasm"]);
    localmap()
        .arg("run")
        .arg(guest("served"))
        .run()
        .refused(&["cannot run", "localmap serve"]);
}

#[test]
fn options_that_are_impossible_are_refused_with_a_reason() {
    let served = guest("served");
    let served = served.to_str().expect("UTF-8");
    refused(
        &["--idle-timeout", "1m", served],
        &["--idle-timeout requires --map-scope header:NAME"],
    );
    refused(
        &["--stats", served],
        &["--stats requires --map-scope server"],
    );
    refused(
        &["--max-bytes", "1", served],
        &["cannot configure the map", "max-bytes"],
    );
    refused(
        &["--max-value", "1", "--entry", "k=22", served],
        &["--entry `k`"],
    );
    refused(
        &["--dir", "no-such-folder", served],
        &["--dir no-such-folder"],
    );
    for bad in ["header:", "header:a b", "tenant"] {
        let finished = localmap().args(["serve", "--map-scope", bad, served]).run();
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(
            finished.stderr.contains("--map-scope"),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn an_unavailable_address_is_an_error_that_says_what_to_do() {
    let serve = |addr: &str| {
        let program = localmap().args(["serve", "--addr", addr]);
        program.arg(guest("served")).run()
    };
    for addr in ["nonsense", "127.0.0.1", "127.0.0.1:99999"] {
        serve(addr).refused(&["--addr", addr, "ADDRESS:PORT"]);
    }
    serve("192.0.2.1:8080").refused(&["cannot listen on 192.0.2.1:8080", "no such address"]);
}

#[test]
fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("an address").to_string();
    localmap()
        .args(["serve", "--addr", &addr])
        .arg(guest("served"))
        .run()
        .refused(&["cannot listen on", &addr, "another program", "--addr"]);
}

/// The options are `--map-per`, `--idle` and `--grace`, which the help does not show.
#[test]
fn old_spellings_of_options_still_work() {
    let options = ["--map-per", "header:x-tenant", "--idle", "1m"];
    let server = Server::start(&[&options[..], &["--grace", "1s"]].concat());
    for count in ["1\n", "2\n"] {
        let headers = [("x-tenant", "a")];
        let counted = server.connect().ask("GET", "/count", &headers, b"");
        assert_eq!(counted.ok(), count);
    }
    let help = localmap().args(["serve", "--help"]).run().ok();
    for (old, new) in [
        ("--map-per", "--map-scope"),
        ("--idle ", "--idle-timeout "),
        ("--grace", "--shutdown-grace "),
    ] {
        assert!(help.contains(new) && !help.contains(old), "{help}");
    }
}

/// Without an option, it has the number that `doctor` says.
#[cfg(target_os = "linux")]
#[test]
fn it_has_as_many_threads_as_it_is_told_to_have() {
    let workers = |options: &[&str]| {
        let server = Server::start(options);
        let tasks = format!("/proc/{}/task", server.child.id());
        let tasks = std::fs::read_dir(tasks).expect("a folder").flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.trim() == "localmap-serve").count()
    };
    assert_eq!(workers(&["--workers", "5"]), 5);
    let doctor = localmap().args(["doctor", "--json", "--no-cache"]).run();
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).expect("JSON");
    assert_eq!(report["serve"]["workers"], workers(&[]));
}
