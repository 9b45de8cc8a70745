//! What is found out on this machine, where maps and instances are created.

use super::tree::report;
use localmap_tests::localmap;
use serde_json::Value;
use std::process::{Command, Output, Stdio};

#[test]
fn it_creates_what_serve_creates() {
    let report = report(None, &[]);
    assert!(
        report.at("/wasmtime/maps/error").is_null(),
        "{:#}",
        report.json
    );
    assert!(report.at("/wasmtime/instances/error").is_null());
    assert_eq!(report.at("/wasmtime/concurrency"), true);
    for each in ["maps", "instances"] {
        let number = |name: &str| {
            let value = report.at(&format!("/wasmtime/{each}/{name}"));
            value.as_u64().expect("a number")
        };
        // The estimates for other machines are not far off.
        let mappings = number("mappings_used") / number("count");
        assert!((1..=8).contains(&mappings), "{:#}", report.json);
    }
    let processors = report.at("/process/processors").as_u64();
    let workers = report.at("/serve/workers").as_u64();
    assert!(workers >= Some(1) && workers <= processors);
}

/// Runs `doctor` with a limit of the shell.
fn limited(limit: &str) -> (Option<i32>, Value) {
    let output = run_limited(limit, &["doctor", "--json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_str(&text);
    assert!(json.is_ok(), "{text}{errors}");
    (output.status.code(), json.expect("JSON"))
}

fn run_limited(limit: &str, command: &[&str]) -> Output {
    let doctor = localmap().args(command).into_command();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")])
        .arg(doctor.get_program())
        .args(doctor.get_args())
        .stdin(Stdio::null());
    command.output().expect("it starts")
}

#[test]
fn a_small_stack_is_found_out() {
    let (code, report) = limited("-s 500");
    assert_eq!(code, Some(2), "{report:#}");
    let text = run_limited("-s 500", &["doctor"]);
    assert_eq!(text.status.code(), Some(2));
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("FAILS ulimit -s"), "{text}");
}

#[test]
fn what_runs_no_guest_does_not_need_the_stack_of_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let missing = dir.path().join("missing.wasm");
    let missing = missing.to_string_lossy();
    for (command, code) in [
        (&["--help"][..], 0),
        (&["doctor", "--help"], 0),
        (&["inspect", &missing], 1),
        (&["schema", "check", &missing], 1),
    ] {
        let output = run_limited("-s 200", command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command:?}: {errors}");
        assert!(!errors.contains("stack"), "{command:?}: {errors}");
    }
}

/// It promises no more maps than there are addresses for.
#[test]
fn maps_must_fit_into_limited_address_space() {
    let (code, report) = limited("-v 2000000");
    assert!(matches!(code, Some(1 | 2)), "{report:#}");
    let max_maps = report["serve"]["max_maps"].as_u64().expect("a number");
    assert!(max_maps < 1_000, "{report:#}");
    let full = report["serve"]["full_maps"].as_u64().expect("a number");
    assert!(full <= max_maps, "{report:#}");
    assert!(full <= (2_000_000 << 10) / (64 << 20), "{report:#}");
}

#[test]
fn little_address_space_is_found_out() {
    let (code, report) = limited("-v 8000000");
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!(
        report["limits"]["address_space"]["soft"],
        8_000_000_u64 << 10
    );
    assert!(
        report.to_string().contains("ulimit -v unlimited"),
        "{report:#}"
    );
}

/// Nothing is tried then, since it would end in the middle.
#[test]
fn no_address_space_is_found_out() {
    let (code, report) = limited("-v 300000");
    assert_eq!(code, Some(2), "{report:#}");
    assert_eq!(report["wasmtime"], Value::Null);
    assert!(report.to_string().contains("needs at least"), "{report:#}");
}

#[test]
fn few_open_files_are_found_out() {
    let (code, report) = limited("-n 100");
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!(report["limits"]["open_files"]["soft"], 100);
}
