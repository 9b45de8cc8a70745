//! `--tenants FILE`: classes of tenants.

use super::client::{Response, Server};
use localmap_tests::{guest, localmap};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenants.toml");
    std::fs::write(&path, text).expect("a file");
    (folder, path)
}

fn serve(text: &str, options: &[&str]) -> Server {
    let (_folder, path) = file(text);
    let path = path.display().to_string();
    Server::start(&[&["--tenants", &path], options].concat())
}

fn ask(server: &Server, tenant: &str, path: &str) -> Response {
    server
        .connect()
        .ask("GET", path, &[("x-tenant", tenant)], b"")
}

#[test]
fn each_tenant_has_a_map_with_the_limits_and_the_entries_of_its_class() {
    let text = r#"
        header = "x-tenant"
        [[class]]
        name = "gold"
        tenants = ["gold-*", "acme"]
        entries = ["plan=gold"]
        [[class]]
        name = "others"
        max-entries = 3
    "#;
    let server = serve(text, &["--entry", "plan=none", "--entry", "a=1"]);
    for tenant in ["gold-a", "acme", "gold-a"] {
        assert_eq!(ask(&server, tenant, "/get/plan").ok(), "gold", "{tenant}");
    }
    for tenant in ["gold", "a:gold-b", "", "\u{fc}"] {
        assert_eq!(ask(&server, tenant, "/get/plan").ok(), "none", "{tenant}");
        assert_eq!(ask(&server, tenant, "/get/a").ok(), "1");
    }
    for (tenant, status) in [("gold-a", 200), ("gold", 500)] {
        assert_eq!(ask(&server, tenant, "/set/b/2").status, 200);
        assert_eq!(ask(&server, tenant, "/set/c/3").status, status, "{tenant}");
    }
}

#[test]
fn a_tenant_of_no_class_is_forbidden() {
    let server = serve("[[class]]\nname = 'a'\ntenants = ['a?']", &HEADER);
    assert_eq!(ask(&server, "ab", "/count").ok(), "1\n");
    for tenant in ["a", "abc", "b", "A?"] {
        assert_eq!(ask(&server, tenant, "/count").status, 403, "{tenant}");
    }
    let line = server.line(" 403 ");
    assert!(line.contains("belongs to no class"), "{line}");
}

const HEADER: [&str; 2] = ["--map-scope", "header:x-tenant"];

/// However long the requests take, no more are admitted than the burst and the rate allow.
#[test]
fn requests_beyond_the_rate_of_a_tenant_are_told_when_to_come_again() {
    let text = r#"
        [[class]]
        name = "slow"
        tenants = ["slow"]
        requests-per-second = 1
        burst = 2
        [[class]]
        name = "others"
    "#;
    let server = serve(text, &HEADER);
    let began = std::time::Instant::now();
    let answers: Vec<Response> = (0..40).map(|_| ask(&server, "slow", "/count")).collect();
    let most = 2 + began.elapsed().as_secs() + 1;
    let limited = answers.iter().filter(|answer| answer.status == 429);
    let limited: Vec<&Response> = limited.collect();
    assert!(
        40 - limited.len() as u64 <= most,
        "{} limited",
        limited.len()
    );
    for answer in limited {
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert!((0..40).all(|_| ask(&server, "other", "/count").status == 200));
}

#[test]
fn places_that_are_reserved_are_not_taken_by_others() {
    let text = r#"
        header = "x-tenant"
        max-tenants = 3
        [[class]]
        name = "gold"
        tenants = ["gold"]
        reserved-tenants = 1
        [[class]]
        name = "others"
    "#;
    let server = serve(text, &[]);
    let statuses = ["a", "b", "c", "gold", "a"].map(|tenant| ask(&server, tenant, "/count").status);
    assert_eq!(statuses, [200, 200, 503, 200, 200]);
}

#[test]
fn a_file_that_cannot_be_used_is_refused_with_the_reason() {
    let refused = |path: &Path, options: &[&str]| {
        let mut run = localmap().args(["serve", "--addr", "127.0.0.1:0"]);
        run = run.arg("--tenants").arg(path).args(options);
        let finished = run.arg(guest("served")).run();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        finished.stderr
    };
    for (text, options, expected) in [
        ("", &[][..], "no class: add one"),
        ("[[class]]\nname = 'a'\ntenants = []", &HEADER, "no pattern"),
        (
            "[[class]]\nname = 'a'\nrequests-per-second = 1\nburst = 10\nidle-timeout = '9s'",
            &HEADER,
            "raise idle-timeout",
        ),
        ("[[class]]\nname = 'a'", &[], "the file names no header"),
        (
            "header = 'x'\n[[class]]\nname = 'a'",
            &HEADER,
            "leave out --map-scope",
        ),
        ("header = 'x y'\n[[class]]\nname = 'a'", &[], "header `x y`"),
        (
            "[[class]]\nname = 'a'\ntenants = ['a']\n[[class]]\nname = 'a'",
            &HEADER,
            "two classes",
        ),
        ("[[class]]\nname = 'a'\nmax-bytes = 1", &HEADER, "class `a`"),
        (
            "[[class]]\nname = 'a'\nburst = 1",
            &HEADER,
            "burst requires",
        ),
        (
            "[[class]]\nname = 'a'\nrequests-per-second = 0",
            &HEADER,
            "at least 1",
        ),
        (
            "[[class]]\nname = 'a'\nentries = ['k']",
            &HEADER,
            "expected KEY=VALUE",
        ),
        (
            "[[class]]\nname = 'a'\nmax-value = 1\nentries = ['k=vv']",
            &HEADER,
            "class `a`",
        ),
        (
            "max-tenants = 1\n[[class]]\nname = 'a'\nreserved-tenants = 2",
            &HEADER,
            "reserve more than",
        ),
        (
            "max-bytes = '1 parsec'\n[[class]]\nname = 'a'",
            &HEADER,
            "number of bytes",
        ),
    ] {
        let (_folder, path) = file(text);
        let error = refused(&path, options);
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(refused(Path::new("/nonexistent"), &[]).contains("/nonexistent"));
    assert!(refused(Path::new("/dev/zero"), &[]).contains("larger than"));
}
