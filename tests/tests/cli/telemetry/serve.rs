//! `serve --trace`.

use super::trace::Trace;
use crate::serve::client::{Response, Server, wait_for};
use localmap_tests::{guest, localmap};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn trace_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.json");
    (folder, path)
}

fn start(trace: &Path, options: &[&str]) -> Server {
    let trace = trace.display().to_string();
    Server::start(&[&["--trace", &trace], options].concat())
}

fn ask(server: &Server, tenant: &str, path: &str) -> Response {
    let headers = [("x-tenant", tenant)];
    server.connect().ask("GET", path, &headers, b"")
}

#[test]
fn each_operation_is_in_its_request_on_the_track_of_its_tenant() {
    let (_folder, path) = trace_file();
    let mut server = start(&path, &["--map-scope", "header:x-tenant"]);
    for (tenant, request, body) in [
        ("a", "/set/k/v", "set\n"),
        ("a", "/get/k", "v"),
        ("b", "/get/k", "(absent)"),
        ("a", "/get/other", "(absent)"),
        ("b", "/len", "0"),
    ] {
        assert_eq!(ask(&server, tenant, request).ok(), body);
    }
    // Without an operation, and without a tenant.
    assert_eq!(ask(&server, "a", "/hello").ok(), "hello\n");
    assert_eq!(server.get("/get/k").status, 400);
    assert!(!path.exists());
    server.ended();
    let trace = Trace::read(&path);
    assert_eq!(trace.outcomes("a", "set"), ["ok"]);
    assert_eq!(trace.outcomes("a", "get"), ["hit", "miss"]);
    assert_eq!(trace.outcomes("b", "get"), ["miss"]);
    assert_eq!(trace.outcomes("b", "len"), ["ok"]);
    let operations = trace.operations();
    assert_eq!(operations.len(), 5);
    let mut of: Vec<_> = operations
        .iter()
        .map(|operation| {
            let request = trace.request_of(operation);
            assert_eq!(request.tenant, operation.tenant);
            assert_eq!(
                (&*request.name, &request.args["status"]),
                ("GET", &"200".into())
            );
            request.args["request"].as_u64()
        })
        .collect();
    of.sort_unstable();
    of.dedup();
    assert_eq!(of.len(), 5);
    assert_eq!(trace.requests().len(), 7);
    let refused = trace.requests().into_iter();
    let refused: Vec<_> = refused
        .filter(|request| request.args["status"] == "400")
        .collect();
    assert_eq!(refused.len(), 1);
    // By the same number as in the log.
    let id = format!(" id={} ", refused[0].args["request"]);
    let lines = server.lines();
    assert!(
        lines
            .iter()
            .any(|line| line.contains(" 400 ") && line.contains(&id)),
        "{lines:?}"
    );
    assert_eq!(refused[0].tenant, "(no tenant)");
}

#[test]
fn keys_are_hashed_unless_they_are_asked_for() {
    for (option, has_key) in [(&[][..], false), (&["--trace-keys"], true)] {
        let (_folder, path) = trace_file();
        let options = [&["--map-scope", "server"], option].concat();
        let mut server = start(&path, &options);
        server.text("/get/secret");
        server.ended();
        let text = std::fs::read_to_string(&path).expect("it was written");
        assert_eq!(text.contains("secret"), has_key);
        let operation = &Trace::read(&path).operations()[0];
        assert_eq!(operation.args["key_len"], 6);
        assert_eq!(operation.args["key_hash"].is_string(), !has_key);
        assert_eq!(operation.tenant, "(no tenant)");
    }
}

/// Only what is known is said: of an instance with several requests at a time, it is not known of which
/// of them an operation is.
#[test]
fn a_reused_instance_works_for_the_request_that_it_has() {
    for (guest_name, reuse, known) in [
        ("served", "10", true),
        ("wasip3_handler", "10", true),
        ("wasip3_handler", "10,2", false),
    ] {
        let (_folder, path) = trace_file();
        let trace = path.display().to_string();
        let options = ["--trace", &trace, "--map-scope", "server", "--reuse", reuse];
        let mut server = Server::serving(&guest(guest_name), &options);
        let mut client = server.connect();
        for _ in 0..3 {
            client.get("/count").ok();
        }
        drop(client);
        server.ended();
        let trace = Trace::read(&path);
        let operations = trace.operations();
        assert!(operations.len() >= 3, "{guest_name}");
        assert_eq!(trace.requests().len(), 3);
        for operation in &operations {
            match known {
                true => drop(trace.request_of(operation)),
                false => assert!(operation.args["request"].is_null(), "{operation:?}"),
            }
        }
    }
}

#[test]
fn a_response_that_is_cut_off_and_a_guest_that_fails_are_in_the_trace() {
    let (_folder, path) = trace_file();
    let mut server = start(&path, &["--map-scope", "server"]);
    assert_eq!(server.get("/count-and-trap").status, 500);
    let mut client = server.connect();
    client.begin("GET", "/stream/1000/10", &[], 0);
    assert_eq!(client.head().status, 200);
    drop(client);
    server.line("/stream/1000/10");
    server.ended();
    let requests = Trace::read(&path).requests().into_iter();
    let statuses: Vec<_> = requests
        .map(|request| request.args["status"].clone())
        .collect();
    assert_eq!(statuses, ["500", "cut_off"]);
}

#[test]
fn a_signal_writes_the_trace_at_any_time() {
    let (_folder, path) = trace_file();
    std::fs::write(&path, "an older trace").expect("a file");
    let mut server = start(&path, &["--map-scope", "server"]);
    for written in 1..=3 {
        server.text("/count");
        server.signal("USR1");
        let line = format!("The trace is in {}", path.display());
        wait_for("the trace", || {
            let lines = server.lines();
            lines.iter().filter(|known| **known == line).count() == written
        });
        assert_eq!(Trace::read(&path).operations().len(), written);
    }
    // It is readable by its owner alone, and nothing is left beside it.
    let metadata = std::fs::metadata(&path).expect("a file");
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777,
        0o600
    );
    let folder = path.parent().expect("a folder");
    assert_eq!(std::fs::read_dir(folder).expect("it is there").count(), 1);
    server.ended();
}

/// Its maps would be lost.
#[test]
fn a_signal_for_a_trace_ends_no_server() {
    let mut server = Server::start(&["--map-scope", "server"]);
    assert_eq!(server.text("/count"), "1\n");
    server.signal("USR1");
    server.line("SIGUSR1 has no effect without --trace FILE");
    assert_eq!(server.text("/count"), "2\n");
    server.ended();
}

#[test]
fn a_link_to_the_file_stays_one() {
    let (folder, path) = trace_file();
    let link = folder.path().join("link.json");
    std::fs::write(&path, "").expect("a file");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    start(&link, &[]).ended();
    assert!(link.is_symlink());
    Trace::read(&path);
}

#[test]
fn a_trace_that_cannot_be_written_ends_no_request() {
    let (folder, path) = trace_file();
    let mut server = start(&path, &["--map-scope", "server"]);
    std::fs::remove_dir_all(folder.path()).expect("it is empty");
    assert_eq!(server.text("/count"), "1\n");
    server.signal("USR1");
    let warning = format!("Warning: cannot write --trace {}: ", path.display());
    server.line(&warning);
    assert_eq!(server.text("/count"), "2\n");
    let lines = server.ended();
    let warnings = lines.iter().filter(|line| line.starts_with(&warning));
    assert_eq!(warnings.count(), 2);
}

/// As on a full disk: no file may have a byte more than it has.
#[cfg(target_os = "linux")]
#[test]
fn a_trace_that_cannot_be_written_leaves_the_one_before() {
    let (_folder, path) = trace_file();
    let mut server = start(&path, &["--map-scope", "server"]);
    let limit = |bytes: &str| {
        let id = server.child.id().to_string();
        let status = std::process::Command::new("prlimit")
            .args(["--pid", &id, &format!("--fsize={bytes}:unlimited")])
            .status();
        assert!(status.expect("util-linux").success());
    };
    server.text("/count");
    server.signal("USR1");
    server.line("The trace is in");
    limit("0");
    server.text("/count");
    server.signal("USR1");
    server.line("File too large");
    assert_eq!(Trace::read(&path).operations().len(), 1);
    let folder = path.parent().expect("a folder");
    assert_eq!(std::fs::read_dir(folder).expect("it is there").count(), 1);
    limit("unlimited");
    server.ended();
    assert_eq!(Trace::read(&path).operations().len(), 2);
}

#[test]
fn options_that_have_no_effect_are_refused_before_the_guest_is_read() {
    let (folder, path) = trace_file();
    let folder = folder.path().display().to_string();
    let missing = format!("{folder}/missing/trace.json");
    let dangling = format!("{folder}/link");
    std::os::unix::fs::symlink("nowhere", &dangling).expect("a link");
    let trace = path.display().to_string();
    for (options, texts) in [
        (
            &["--trace", &missing][..],
            &["--trace ", "missing/trace.json", "folder does not exist"][..],
        ),
        (&["--trace", &folder], &["it is a folder"]),
        (
            &["--trace", "/dev/full"],
            &["--trace /dev/full", "no regular file"],
        ),
        (&["--trace", "-"], &["--trace -", "the name of a file"]),
        (&["--trace", &dangling], &["leads nowhere"]),
    ] {
        for command in ["serve", "run"] {
            let finished = localmap()
                .arg(command)
                .args(options)
                .arg("missing.wasm")
                .run();
            finished.refused(texts);
        }
    }
    // The longest name that a file can have.
    let long = path.with_file_name("x".repeat(255));
    localmap()
        .args(["run", "--trace", &long.display().to_string()])
        .arg("missing.wasm")
        .run()
        .refused(&["missing.wasm"]);
    for number in ["0", "17M", "1G", "x"] {
        let finished = localmap()
            .args(["serve", "--trace", &trace, "--trace-spans", number])
            .arg("missing.wasm")
            .run();
        assert_eq!(finished.code, Some(2));
        assert!(
            finished.stderr.contains("such as 5000, 256K or 1M"),
            "{finished:?}"
        );
    }
    assert!(!path.exists());
}

#[test]
fn the_last_spans_are_kept() {
    let (_folder, path) = trace_file();
    let mut server = start(&path, &["--map-scope", "server", "--trace-spans", "4"]);
    for _ in 0..5 {
        server.text("/count");
    }
    server.ended();
    let text = std::fs::read_to_string(&path).expect("it was written");
    assert!(text.contains("\"lost_spans\":6"), "{text}");
}
