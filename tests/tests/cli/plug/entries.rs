//! The entries that a plugged map has from the start.

use localmap_tests::{Finished, Program, guest, localmap};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Plugs a guest with these options.
fn plugged(app: &str, options: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("plugged.wasm");
    plug(app, options, &out).ok();
    (folder, out)
}

fn plug(app: &str, options: &[&str], out: &Path) -> Finished {
    let plug = localmap().arg("plug").arg(guest(app)).args(options);
    plug.arg("-o").arg(out).run()
}

fn run(options: &[&str], component: &Path, commands: &[&str]) -> Program {
    let run = localmap().arg("run").args(options).arg(component);
    run.args(commands)
}

#[test]
fn are_there_in_each_instance() {
    let options = ["--entry", "a=1", "--entry", "b=x=y;z", "--max-entries", "3"];
    let (_folder, out) = plugged("probe", &options);
    for _ in 0..2 {
        let finished = run(&[], &out, &["dump", "then", "set", "a", "2"]).run();
        assert_eq!(finished.ok(), "a=1 never\nb=x=y;z never\n");
    }
    let finished = run(&["--entry", "a=3", "--entry", "c="], &out, &["dump"]).run();
    assert_eq!(finished.ok(), "a=3 never\nb=x=y;z never\nc= never\n");
    let finished = run(&["--stats"], &out, &["fill"]).run();
    assert!(finished.ok().starts_with("3: "), "{finished:?}");
    assert!(finished.stderr.contains("writes=3"), "{finished:?}");
}

/// The clock of a replay stands at the first stamp when the guest is instantiated.
#[test]
fn expire_when_their_time_has_passed_since_the_instance_began() {
    let options = [
        "--entry",
        "a=1;ttl=30s",
        "--entry",
        "b=2",
        "--default-ttl",
        "2m",
    ];
    let (_folder, out) = plugged("probe", &options);
    let commands = ["dump", "then", "sleep", "29999", "then", "get", "a", "then"];
    let commands = [&commands[..], &["sleep", "1", "then", "dump"]].concat();
    let finished = run(&["--clock", "unix"], &out, &commands).run_with(b"1700000000\n");
    assert_eq!(
        finished.ok(),
        "a=1 30000000000\nb=2 120000000000\n1\nb=2 90000000000\n"
    );
}

#[test]
fn may_be_many_and_large() {
    let value = "v".repeat(100_000);
    let entries: Vec<String> = (0..20).map(|n| format!("{n}={value}")).collect();
    let options: Vec<&str> = entries
        .iter()
        .flat_map(|entry| ["--entry", entry])
        .collect();
    let (_folder, out) = plugged("probe", &options);
    let finished = run(&["--stats"], &out, &["get", "0", "then", "get", "19"]).run();
    assert_eq!(finished.ok(), format!("{value}\n{value}\n"));
    assert!(
        finished.stderr.contains("entries=20"),
        "{}",
        finished.stderr
    );
}

#[test]
fn may_be_in_buckets() {
    let options = [
        "--bucket-entry",
        "/greeting=hello",
        "--bucket-entry",
        "other/k=v",
        "--bucket-ttl",
        "other=1h",
    ];
    let (_folder, out) = plugged("kv-draft2", &options);
    let finished = run(&["--stats"], &out, &["get", "", "greeting"]).run();
    assert!(finished.stderr.contains("entries=2"), "{finished:?}");
}

#[test]
fn that_the_map_rejects_are_named_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("plugged.wasm");
    let long = format!("{}=v", "k".repeat(129));
    for (app, options, words) in [
        (
            "probe",
            &["--entry", &long][..],
            &["--entry `kkk", "129 bytes"][..],
        ),
        (
            "probe",
            &["--entry", "a=12", "--entry", "b=123", "--max-value", "2"],
            &["--entry `b`", "too large"],
        ),
        (
            "probe",
            &["--entry", "a=1", "--entry", "b=1", "--max-entries", "1"],
            &["--entry `b`", "full"],
        ),
        ("probe", &["--bucket-entry", "b/k=v"], &["wasi:keyvalue"]),
        (
            "kv-draft2",
            &["--entry", "k=v"],
            &["--bucket-entry BUCKET/KEY=VALUE"],
        ),
    ] {
        let finished = plug(app, options, &out);
        finished.refused(&[&["cannot plug `"], words].concat());
        assert!(!out.exists());
    }
}
