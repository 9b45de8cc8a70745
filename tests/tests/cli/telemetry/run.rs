//! `run --trace`: the map is linked, and the exit code is that of the guest.

use super::trace::Trace;
use localmap_tests::{Program, guest, localmap};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

fn trace_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.json");
    (folder, path)
}

fn traced(trace: &Path, options: &[&str], commands: &[&str]) -> Program {
    localmap()
        .args(["run", "--trace"])
        .arg(trace)
        .args(options)
        .arg(guest("probe"))
        .args(commands)
}

const WORK: [&str; 9] = ["set", "k", "v", "then", "get", "k", "then", "get", "l"];

fn check(path: &Path) {
    let trace = Trace::read(path);
    assert_eq!(trace.outcomes("(no tenant)", "set"), ["ok"]);
    assert_eq!(trace.outcomes("(no tenant)", "get"), ["hit", "miss"]);
    assert_eq!(trace.operations().len(), 3);
}

#[test]
fn the_operations_of_a_guest_are_in_the_trace_however_it_ends() {
    for (end, code) in [
        (&[][..], 0),
        (&["then", "exit", "1"], 1),
        (&["then", "trap"], 134),
        (&["then", "spin"], 134),
        (&["then", "sleep", "60000"], 134),
    ] {
        let (_folder, path) = trace_file();
        let commands = [&WORK, end].concat();
        let finished = traced(&path, &["-W", "timeout=1s"], &commands).run();
        assert_eq!(finished.code, Some(code), "{end:?}: {finished:?}");
        check(&path);
    }
}

#[test]
fn a_replay_has_the_operations_of_its_lines() {
    let (_folder, path) = trace_file();
    let commands = [
        "set", "k", "v", "5s", "then", "sleep", "5000", "then", "get", "k",
    ];
    let finished = traced(&path, &["--clock", "unix"], &commands).run_with(b"1000000000\n");
    assert_eq!(finished.ok(), "(absent)\n");
    let trace = Trace::read(&path);
    assert_eq!(trace.outcomes("(no tenant)", "get"), ["miss"]);
    assert_eq!(trace.operations().len(), 2);
}

/// Starts a guest that waits for the end of its input before its last command.
fn waiting(trace: &Path, end: &[&str]) -> Child {
    let commands = [&WORK[..], &["then", "echo", "then"], end].concat();
    let mut child = traced(trace, &[], &commands)
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // What `get` has printed, after which it waits for its input.
    let mut said = [0; 11];
    let stdout = child.stdout.as_mut().expect("it is piped");
    std::io::Read::read_exact(stdout, &mut said).expect("it is printed");
    assert_eq!(&said, b"v\n(absent)\n");
    child
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args(["-s", name, &id]).status();
    assert!(status.expect("kill").success());
}

#[test]
fn a_signal_that_ends_the_program_leaves_the_trace() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let (_folder, path) = trace_file();
        let mut child = waiting(&path, &["trap"]);
        signal(&child, name);
        // Its input stays open, or it might go on before it has the signal.
        let _input = child.stdin.take();
        let finished = child.wait_with_output().expect("it ends");
        assert_eq!(finished.status.code(), Some(code));
        check(&path);
    }
}

/// Programs that are not traced end with the signal, as before.
#[test]
fn a_signal_for_a_trace_ends_a_program_without_one() {
    let (_folder, path) = trace_file();
    let mut traced = waiting(&path, &["len"]);
    signal(&traced, "USR1");
    drop(traced.stdin.take());
    let finished = traced.wait_with_output().expect("it ends");
    assert_eq!(finished.status.code(), Some(0));
    let mut plain = localmap()
        .args(["run", "--linked"])
        .arg(guest("probe"))
        .args([&WORK, &["then", "echo"][..]].concat())
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    signal(&plain, "USR1");
    let ended = plain.wait().expect("it ends");
    assert_eq!(ended.signal().map(|signal| signal > 0), Some(true));
}

#[test]
fn a_trace_that_cannot_be_written_does_not_change_the_exit_code() {
    for (end, code) in [(&["len"][..], 0), (&["exit", "1"], 1), (&["trap"], 134)] {
        let (folder, path) = trace_file();
        let mut child = waiting(&path, end);
        std::fs::remove_dir_all(folder.path()).expect("it is empty");
        drop(child.stdin.take());
        let finished = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&finished.stderr);
        assert_eq!(finished.status.code(), Some(code), "{stderr}");
        let warning = format!("Warning: cannot write --trace {}: ", path.display());
        assert!(stderr.contains(&warning), "{stderr}");
    }
}

/// A map that is plugged into a guest cannot be observed, so the map is linked.
#[test]
fn a_guest_without_a_map_of_its_own_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("plugged.wasm");
    localmap()
        .arg("plug")
        .arg(guest("probe"))
        .arg("-o")
        .arg(&out)
        .run()
        .ok();
    let finished = localmap()
        .args(["run", "--trace"])
        .arg(folder.path().join("trace.json"))
        .arg(&out)
        .run();
    finished.refused(&["--trace requires a guest that imports a map"]);
}

#[test]
fn a_guest_of_wasi_0_3_is_traced_too() {
    let (_folder, path) = trace_file();
    let finished = localmap()
        .args(["run", "--trace"])
        .arg(&path)
        .arg(guest("wasip3_command"))
        .args(["set", "k", "v"])
        .run();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(Trace::read(&path).outcomes("(no tenant)", "set"), ["ok"]);
}
