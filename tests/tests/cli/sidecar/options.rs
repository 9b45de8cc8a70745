//! The options: probes, classes of tenants, schemas, and what is refused.

use super::client::{Sidecar, get, set};
use crate::serve::client::wait_for;
use localmap_sidecar_proto::rejection::Reason;
use localmap_sidecar_proto::{SetRequest, StatsRequest, set_response};
use localmap_tests::localmap;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};
use tonic::Code;

#[test]
fn a_probe_says_in_one_line_why_a_sidecar_is_not_serving() {
    let mut sidecar = Sidecar::start(&[]);
    let socket = sidecar.socket().to_owned();
    let check = || localmap().args(["sidecar", "--check"]).arg(&socket).run();
    let serving = check();
    assert_eq!((serving.ok(), serving.stderr.as_str()), (String::new(), ""));
    sidecar.signal("KILL");
    sidecar.wait();
    let stale = check();
    stale.refused(&["Not serving: cannot connect to", "Connection refused"]);
    assert_eq!(stale.stderr.lines().count(), 1, "{}", stale.stderr);
    std::fs::remove_file(&socket).expect("a socket");
    check().refused(&["Not serving: cannot connect to", "No such file"]);
}

#[test]
fn a_probe_does_not_wait_for_a_server_that_does_not_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    let _silent = UnixListener::bind(&socket).expect("a socket");
    let began = Instant::now();
    let program = localmap().args(["sidecar", "--timeout", "100ms", "--check"]);
    program
        .arg(&socket)
        .run()
        .refused(&["Not serving: no answer within 100ms"]);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn options_that_make_no_sense_are_refused_before_there_is_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    for (options, texts) in [
        (
            &["--max-value", "4193537"][..],
            &["max-value", "4193536"][..],
        ),
        (
            &["--max-total-bytes", "1KiB"],
            &["--max-total-bytes", "1024"],
        ),
        (&["--max-bytes", "1"], &["max-bytes"]),
        (&["--tenants", "no-such-file"], &["--tenants no-such-file"]),
        (&["--schema", "no-such-folder"], &["no-such-folder"]),
        (
            &[
                "--max-bytes",
                "128KiB",
                "--max-value",
                "1",
                "--entry",
                "k=vv",
            ],
            &["--entry `k`"],
        ),
    ] {
        let program = localmap().args(["sidecar", "--socket"]).arg(&socket);
        program.args(options).run().refused(texts);
        assert!(!socket.exists(), "{options:?}");
    }
    for options in [
        &[][..],
        &["--socket", "s", "--mode", "rw"],
        &["--socket", "s", "--mode", "4755"],
        &["--socket", "s", "--check", "s"],
        &["--socket", "s", "--timeout", "1s"],
        &["--socket", "s", "--max-maps", "0"],
        &["--socket", "s", "--workers", "0"],
    ] {
        let run = localmap().arg("sidecar").args(options).run();
        assert_eq!(run.code, Some(2), "{options:?}: {}", run.stderr);
    }
}

#[tokio::test]
async fn maps_have_their_limits_and_their_first_entries() {
    let sidecar = Sidecar::start(&["--max-value", "3", "--entry", "user=ada"]);
    let client = &mut sidecar.client().await;
    let found = get(client, "t", b"user").await.expect("a response");
    assert_eq!(found.as_deref(), Some(&b"ada"[..]));
    let long = SetRequest {
        tenant: "t".to_owned(),
        key: "k".into(),
        value: "long".into(),
        ttl: None,
    };
    let response = client.set(long).await.expect("a response").into_inner();
    let Some(set_response::Result::Rejected(rejected)) = response.result else {
        panic!("{response:?}");
    };
    assert_eq!(rejected.reason(), Reason::ValueTooLarge);
    assert!(
        rejected.message.contains("use at most 3 bytes"),
        "{rejected:?}"
    );
}

#[tokio::test]
async fn idle_maps_are_dropped() {
    let sidecar = Sidecar::start(&["--idle-timeout", "50ms"]);
    let client = &mut sidecar.client().await;
    set(client, "t", b"k").await;
    let began = Instant::now();
    // Asking would keep it in use.
    while get(client, "t", b"k").await.expect("a response").is_some() {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}

#[tokio::test]
async fn classes_of_tenants_have_limits_and_rates() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenants.toml");
    let classes = r#"
        header = "x-tenant"
        [[class]]
        name = "slow"
        tenants = ["slow-*"]
        requests-per-second = 1
        burst = 2
        entries = ["greeting=hello"]
        [[class]]
        name = "fast"
        tenants = ["fast-*"]
    "#;
    std::fs::write(&file, classes).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let sidecar = Sidecar::start(&["--tenants", file]);
    let client = &mut sidecar.client().await;
    let status = get(client, "other", b"k").await.expect_err("no class");
    assert_eq!(status.code(), Code::PermissionDenied);
    let found = get(client, "slow-1", b"greeting")
        .await
        .expect("a response");
    assert_eq!(found.as_deref(), Some(&b"hello"[..]));
    let mut limited = None;
    for _ in 0..100 {
        limited = get(client, "slow-1", b"greeting").await.err();
        if limited.is_some() {
            break;
        }
    }
    let status = limited.expect("it has used up its rate");
    assert_eq!(status.code(), Code::ResourceExhausted);
    let retry = status
        .metadata()
        .get("grpc-retry-pushback-ms")
        .expect("a time");
    let retry: u32 = retry.to_str().expect("digits").parse().expect("a number");
    assert!((1..=1_000).contains(&retry), "{retry}");
    let stats = StatsRequest {
        tenant: "fast-1".to_owned(),
    };
    let stats = client.stats(stats).await.expect("a response");
    assert_eq!(stats.into_inner().class, "fast");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_log_has_a_line_for_each_connection_unless_it_is_quiet() {
    for quiet in [false, true] {
        let options = if quiet { &["--quiet"][..] } else { &[] };
        let mut sidecar = Sidecar::start(options);
        let client = &mut sidecar.client().await;
        set(client, "t", b"k").await;
        set(client, "t", b"k").await;
        *client = sidecar.client().await;
        if !quiet {
            let line = sidecar.line("connection=1 ");
            let pid = format!("pid={}", std::process::id());
            assert!(
                line.contains(&pid) && line.ends_with("s, 2 calls"),
                "{line}"
            );
        }
        sidecar.signal("TERM");
        sidecar.wait();
        let lines = sidecar.lines();
        let ended = lines.iter().filter(|line| line.contains("connection="));
        assert_eq!(ended.count(), if quiet { 0 } else { 2 }, "{lines:?}");
    }
}

#[tokio::test]
async fn writes_that_do_not_fit_an_enforced_schema_are_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("schema.toml");
    let schema = r#"
        format = 1
        version = 1
        [[prefix]]
        prefix = "user:"
        type = "utf-8"
        max-value = 8
    "#;
    std::fs::write(&text, schema).expect("a file");
    let loaded = folder.path().join("loaded");
    std::fs::create_dir(&loaded).expect("a folder");
    let preload = localmap()
        .args(["schema", "preload"])
        .arg(&text)
        .arg(&loaded);
    preload.run().ok();
    let loaded = loaded.to_str().expect("UTF-8");
    let sidecar = Sidecar::start(&["--schema", loaded, "--enforce-schema"]);
    let client = &mut sidecar.client().await;
    for (key, value, rejected) in [
        ("user:1", &b"ada"[..], None),
        ("other", b"ada", Some(Reason::InvalidKey)),
        ("user:2", b"much too long", Some(Reason::ValueTooLarge)),
        ("user:3", b"\xff", Some(Reason::ValueTooLarge)),
    ] {
        let request = SetRequest {
            tenant: "t".to_owned(),
            key: key.into(),
            value: value.to_vec().into(),
            ttl: None,
        };
        let response = client.set(request).await.expect("a response").into_inner();
        let reason = match response.result.expect("a result") {
            set_response::Result::Version(_) => None,
            set_response::Result::Rejected(rejected) => {
                assert!(rejected.message.contains("schema"), "{rejected:?}");
                Some(rejected.reason())
            }
        };
        assert_eq!(reason, rejected, "{key}");
    }
    wait_for("the warning", || {
        let lines = sidecar.lines();
        lines
            .iter()
            .any(|line| line.contains("the schema rejects a write of \"other\""))
    });
}
