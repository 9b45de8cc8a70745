//! `localmap mirror`: its options, and what it says without an etcd. `tests/tests/etcd` has the rest.

use localmap_tests::{Finished, localmap};

/// The options that each mirror has. Nothing listens at the endpoint.
const BASE: [&str; 5] = ["mirror", "--etcd", "http://127.0.0.1:1", "--prefix", "/c/"];

fn mirror(options: &[&str]) -> Finished {
    localmap().args(BASE).args(options).run()
}

#[test]
fn wrong_options_are_refused() {
    for (options, text) in [
        (&["--get", "k", "--dump"][..], "--get <KEY>"),
        (&["--dump", "--verify"], "cannot be used with"),
        (&["--cert", "f"], "--key <FILE>"),
        (&["--key", "f"], "--cert <FILE>"),
        (&["--probe", "0s"], "--probe <TIME>"),
        (&["--max-stale", "soon"], "--max-stale <TIME>"),
        (&["--timeout", "0"], "--timeout <TIME>"),
        (&["--max-key", "513"], "--max-key <N>"),
        (&["--max-entries", "0"], "--max-entries <N>"),
        (&["--max-value", "lots"], "--max-value <SIZE>"),
        (
            &["--probe", "1ms"],
            "'--probe <TIME>': must be at least 10ms",
        ),
        (&["--audit", "1ms"], "'--audit <TIME>': must be at least 1s"),
        (
            &["--max-bytes", "1KiB"],
            "'--max-bytes <SIZE>': must be at least 128KiB",
        ),
        (
            &["--max-value", "2GiB"],
            "'--max-value <SIZE>': must be at most 1GiB less 8 bytes",
        ),
        (&["--admin", "0.0.0.0:9090"], "no password"),
        (&["--mirror-max-key", "5"], "unexpected argument"),
    ] {
        let finished = mirror(options);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains(text), "{text}: {finished:?}");
    }
    // The client of etcd says what else a URL must not have.
    let malformed = cfg!(feature = "etcd").then_some("http://a/b");
    for endpoint in ["", "127.0.0.1:2379", "http://user:secret@a:2379"]
        .into_iter()
        .chain(malformed)
    {
        let options = ["mirror", "--etcd", endpoint, "--prefix", "/c/"];
        let finished = localmap().args(options).run();
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains("--etcd <URL>"), "{finished:?}");
    }
    let finished = localmap().args(&BASE[..3]).run();
    assert!(
        finished.stderr.contains("--prefix <PREFIX>"),
        "{finished:?}"
    );
}

#[cfg(not(feature = "etcd"))]
#[test]
fn a_program_without_the_feature_says_how_to_build_one() {
    for options in [&[][..], &["--get", "k"], &["--verify"]] {
        let finished = mirror(options);
        // 1 would mean that the key is absent.
        assert_eq!(finished.code, Some(2), "{finished:?}");
        for text in ["--features etcd", "protobuf-compiler", "libprotobuf-dev"] {
            assert!(finished.stderr.contains(text), "{finished:?}");
        }
    }
}

#[cfg(all(feature = "etcd", unix))]
mod built {
    use super::*;
    use localmap_tests::Running;
    use std::io::Write;
    use std::net::{SocketAddr, TcpListener};
    use std::process::Stdio;
    use std::thread;
    use std::time::{Duration, Instant};

    /// Checks that a run could not tell what was asked for.
    fn undecided(finished: &Finished, texts: &[&str]) {
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stdout.is_empty(), "{finished:?}");
        for text in texts {
            assert!(finished.stderr.contains(text), "{text}: {finished:?}");
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_waited_for_and_then_named() {
        for action in [&["--get", "k"][..], &["--dump"], &["--verify"]] {
            let began = Instant::now();
            let finished = mirror(&[action, &["--timeout", "300ms"]].concat());
            assert!(began.elapsed() > Duration::from_millis(300));
            let endpoint = "etcdctl --endpoints=http://127.0.0.1:1 endpoint status";
            undecided(&finished, &["no copy after 300ms: ", endpoint]);
        }
    }

    #[test]
    fn it_follows_until_a_signal() {
        for signal in ["TERM", "INT"] {
            let command = localmap().args(BASE).args(["--timeout", "100ms"]);
            let mut running = Running::start(command.into_command());
            running.line("connecting", 0);
            running.complaint("No copy after 100ms: check that ");
            running.signal("USR1");
            running.complaint("SIGUSR1");
            running.signal(signal);
            assert_eq!(running.end(), Some(0), "{:?}", running.stderr());
        }
    }

    #[test]
    fn an_action_ends_with_the_code_of_the_signal() {
        for (signal, code) in [("TERM", 143), ("INT", 130)] {
            let command = localmap()
                .args(BASE)
                .args(["--dump", "--admin", "127.0.0.1:0"]);
            let mut running = Running::start(command.into_command());
            running.complaint("Admin on http://127.0.0.1:");
            // Its threads start in a moment.
            thread::sleep(Duration::from_millis(200));
            running.signal(signal);
            assert_eq!(running.end(), Some(code), "{:?}", running.stderr());
        }
    }

    #[test]
    fn states_are_objects_on_a_line() {
        let command = localmap().args(BASE).arg("--status-json");
        let mut running = Running::start(command.into_command());
        let (_, line) = running.line("127.0.0.1:1", 0);
        running.signal("TERM");
        assert_eq!(running.end(), Some(0));
        let status: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            (&status["readable"], &status["fresh"]),
            (&false.into(), &false.into())
        );
        assert!(
            status["error"].is_string() && status["revision"].is_null(),
            "{line}"
        );
        let finished = mirror(&["--get", "k", "--timeout", "200ms", "--status-json"]);
        let object = finished.stderr.lines().next().unwrap_or_default();
        serde_json::from_str::<serde_json::Value>(object).expect("JSON");
    }

    #[test]
    fn a_closed_output_ends_it() {
        let mut child = localmap()
            .args(BASE)
            .into_command()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(141));
    }

    #[test]
    fn an_output_that_nobody_reads_does_not_keep_it_alive() {
        let command = localmap().args(BASE).arg("--status-json");
        let mut command = command.into_command();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        thread::sleep(Duration::from_millis(500));
        let kill = std::process::Command::new("kill")
            .arg(child.id().to_string())
            .status();
        assert!(kill.expect("kill").success());
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }

    #[test]
    fn what_is_no_etcd_is_no_etcd() {
        let answers: [&[u8]; 3] = [
            b"",
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            b"SSH-2.0-x\r\n",
        ];
        for answer in answers {
            let endpoint = format!("http://{}", server(answer));
            let options = ["mirror", "--etcd", &endpoint, "--prefix", "", "--get", "k"];
            let finished = localmap().args(options).args(["--timeout", "500ms"]).run();
            undecided(&finished, &["no copy after 500ms: ", &endpoint]);
        }
    }

    /// Starts a server that answers each connection with these bytes.
    fn server(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _ = stream.write_all(answer);
            }
        });
        address
    }

    #[test]
    fn a_password_that_all_users_can_read_is_worth_a_warning() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("user");
        std::fs::write(&path, "a:s3cret").expect("a file");
        let file = path.display().to_string();
        for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, permissions).expect("it is ours");
            let finished = mirror(&["--user-file", &file, "--get", "k", "--timeout", "100ms"]);
            let warning = format!("Warning: --user-file {file}: all users");
            assert_eq!(finished.stderr.contains(&warning), warned, "{finished:?}");
            assert!(!finished.stderr.contains("s3cret"), "{finished:?}");
        }
    }

    #[test]
    fn files_and_options_that_do_not_fit_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        let (empty, name) = (file("empty", ""), file("name", "s3cret\n"));
        let large = file("large", &"a:b".repeat(400_000));
        let text = file("text", "no certificate");
        for (options, texts) in [
            (
                &["--user-file", "/no/such/file"][..],
                &["--user-file /no/such/file", "cannot read"][..],
            ),
            (&["--user-file", &empty], &["USER:PASSWORD"]),
            (
                &["--user-file", &name],
                &["--user-file /", "name", "USER:PASSWORD"],
            ),
            (&["--user-file", &large], &["larger than"]),
            (&["--user-file", "/"], &["cannot read"]),
            (&["--ca", &text], &["--ca /", "no certificate in PEM"]),
            (
                &["--cert", &text, "--key", &text],
                &["--cert /", "no certificate in PEM"],
            ),
            (
                &["--probe", "6s"],
                &["--max-stale must be at least --probe, and is 5s of 6s"],
            ),
        ] {
            let finished = mirror(options);
            undecided(&finished, texts);
            assert!(!finished.stderr.contains("s3cret"), "{finished:?}");
        }
        let pem = file(
            "pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        );
        undecided(
            &mirror(&["--ca", &pem]),
            &["--ca, --cert and --key are for TLS: write https://"],
        );
    }
}
