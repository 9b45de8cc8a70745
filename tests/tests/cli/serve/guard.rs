//! `--guard FILE`: rules that let requests take turns.

use super::client::Server;
use localmap_tests::{guest, localmap};
use std::path::PathBuf;
use tempfile::TempDir;

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.toml");
    std::fs::write(&path, text).expect("a file");
    (folder, path)
}

fn serve(rules: &str, options: &[&str]) -> Server {
    let (_folder, path) = file(rules);
    let path = path.display().to_string();
    Server::start(&[&["--guard", &path], options].concat())
}

/// Starts a server that must not start, and returns what it says.
fn refused(rules: &str, options: &[&str]) -> String {
    let (_folder, path) = file(rules);
    let path = path.display().to_string();
    let mut args = vec!["serve", "--addr", "127.0.0.1:0", "--guard", &path];
    args.extend(options);
    let finished = localmap().args(args).arg(guest("served")).run();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    finished.stderr.replace(&path, "FILE")
}

const RULES: &str = r#"
    otherwise = "refuse"
    [[rule]]
    path = "/len"
    mode = "pass"
    [[rule]]
    path = "/{*command}"
    key = "{header:x-key}"
    wait = "0s"
"#;

#[test]
fn a_request_that_another_one_locks_out_is_answered_with_423() {
    let server = serve(RULES, &["--map-scope", "server"]);
    let mut holder = server.connect();
    holder.begin("PUT", "/stream/2/600000", &[("x-key", "a")], 0);
    let first = holder.head();
    assert_eq!(first.status, 200);
    let mut other = server.connect();
    let locked = other.ask("PUT", "/method", &[("x-key", "%61")], b"");
    assert_eq!(locked.status, 200, "the values of headers are not decoded");
    let locked = other.ask("PUT", "/method", &[("x-key", "a")], b"");
    assert_eq!(
        (locked.status, locked.text().as_str()),
        (423, "the resource is locked\n")
    );
    assert_eq!(locked.header("retry-after"), Some("1"));
    let line = server.line(" 423 ");
    assert!(
        line.ends_with("cause=\"the guard: others hold the lock (`a`)\""),
        "{line}"
    );
    assert_eq!(other.ask("GET", "/len", &[], b"").ok(), "0");
    assert_eq!(other.ask("GET", "/method", &[], b"").status, 400);
    assert_eq!(other.ask("GET", "/", &[], b"").status, 403);
    let forged = [("x-key", "b"), ("localmap-fence", "999999")];
    let token = other
        .ask("GET", "/header/localmap-fence", &forged, b"")
        .ok();
    assert!(
        token.parse::<u64>().is_ok_and(|token| token < 100),
        "{token}"
    );
}

#[test]
fn rules_that_are_wrong_are_refused_before_anything_is_compiled() {
    for (rules, expected) in [
        ("", "line 1: missing field `otherwise`"),
        (
            "otherwise = \"refuse\"\n\n[[rule]]\npath = \"/{a}\"\nkey = \"{b}\"\n",
            "line 5: the key `{b}`: the path has no name `b`, only `a`",
        ),
        (
            "otherwise = \"refuse\"\n[[rule]]\npath = \"/a\"\nmode = \"pass\"\nttl = \"1s\"\n",
            "line 5: `ttl` is for the whole file: move it before the first [[rule]]",
        ),
    ] {
        let text = refused(rules, &[]);
        assert!(text.starts_with("Error: --guard FILE\n"), "{text}");
        assert!(text.contains(expected), "{text}");
    }
    let large = format!("otherwise = \"pass\" #{}", "x".repeat(1 << 20));
    assert!(refused(&large, &[]).contains("larger than 1048576 bytes"));
    let missing = localmap().args(["serve", "--guard", "/nowhere/rules.toml"]);
    let text = missing.arg(guest("served")).run().stderr;
    assert!(
        text.starts_with("Error: --guard /nowhere/rules.toml\n"),
        "{text}"
    );
}

#[test]
fn locks_in_etcd_need_a_guard() {
    let output = localmap().args(["serve", "--guard-etcd", "etcd://a/locks/"]);
    let finished = output.arg(guest("served")).run();
    let text = finished.stderr;
    assert_eq!(finished.code, Some(2));
    assert!(text.contains("--guard <FILE>"), "{text}");
}

#[test]
fn a_folder_of_locks_has_a_name_and_an_end() {
    for (url, why) in [
        ("etcd://a:2379", "the URL names no folder"),
        ("etcd://u:p@a/locks/", "use --etcd-user-file"),
    ] {
        let text = refused_url(url);
        assert!(text.contains(why), "{url}: {text}");
        assert!(!text.contains("etcd://user@"), "{text}");
    }
    // Without the feature `etcd`, URLs are not read, and the option is refused.
    for url in ["etcd://a/locks", "etcd://a/", "etcd://a/?prefix="] {
        let text = refused_url(url);
        let why = ["ends with `/`", "without the feature `etcd`"];
        assert!(why.iter().any(|why| text.contains(why)), "{url}: {text}");
    }
}

fn refused_url(url: &str) -> String {
    let (_folder, path) = file(RULES);
    let path = path.display().to_string();
    let args = ["serve", "--guard", &path, "--guard-etcd", url];
    let finished = localmap().args(args).arg(guest("served")).run();
    assert_ne!(finished.code, Some(0));
    finished.stderr
}

/// The header is removed and set by the server. A trailer would be another way to the same name.
#[test]
fn no_client_can_set_a_token_in_a_trailer() {
    let ask = |server: &Server, name: &str| {
        let mut client = server.connect();
        let headers = [
            ("transfer-encoding", "chunked"),
            ("trailer", name),
            ("x-key", "a"),
        ];
        client.begin("POST", &format!("/trailers-of/{name}"), &headers, 0);
        client.send(format!("3\r\nabc\r\n0\r\n{name}: 4711\r\n\r\n").as_bytes());
        client.response(false).ok().to_owned()
    };
    let server = serve(RULES, &["--map-scope", "server"]);
    assert_eq!(ask(&server, "x-other"), "4711");
    assert!(!ask(&server, "localmap-fence").contains("4711"));
    assert!(!ask(&server, "LocalMap-Fence").contains("4711"));
}

#[test]
fn a_key_from_a_header_that_no_client_can_send_is_refused() {
    for (header, why) in [
        ("localmap-fence", "no client can set"),
        ("Host", "clients of HTTP/2"),
    ] {
        let rules = RULES.replace("x-key", header);
        let text = refused(&rules, &[]);
        assert!(text.contains(why) && text.contains("line"), "{text}");
    }
}
