//! What is found out on this machine, where maps and instances are created.

use super::tree::report;
use localmap_tests::localmap;
use serde_json::Value;
use std::process::{Command, Stdio};

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
    let doctor = localmap().args(["doctor", "--json"]).into_command();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")])
        .arg(doctor.get_program())
        .args(doctor.get_args())
        .stdin(Stdio::null());
    let output = command.output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_str(&text);
    assert!(json.is_ok(), "{text}{errors}");
    (output.status.code(), json.expect("JSON"))
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
