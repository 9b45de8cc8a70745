//! Components and options that the sidecar refuses, before there is a socket.

use super::option;
use localmap_tests::{Finished, guest, localmap};
use std::path::Path;

/// Runs a sidecar that must not start.
fn run(options: &[&str]) -> Finished {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    let program = localmap().args(["sidecar", "--socket"]).arg(&socket);
    let finished = program.args(options).run();
    assert!(!socket.exists(), "{options:?}");
    finished
}

/// Writes a component as text. Returns the option for it.
fn text(folder: &Path, wat: &str) -> String {
    let path = folder.join("guest.wasm");
    let bytes = wat::parse_str(wat).expect("it is a component");
    std::fs::write(&path, bytes).expect("a file");
    format!("g={}", path.display())
}

/// A component whose handler has these types, and traps.
fn handler(types: &str, core: &str) -> String {
    format!(
        r#"(component
            (core module $m
                (memory (export "mem") 1)
                (func (export "f") {core} unreachable)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $i (instantiate $m))
            (func $f {types} (canon lift (core func $i "f") (memory (core memory $i "mem"))
                (realloc (core func $i "realloc"))))
            (instance $h (export "handle" (func $f)))
            (export "localmap:core/handler@0.1.0" (instance $h)))"#
    )
}

/// The types of the contract.
const TYPES: &str = r#"(param "request" (list u8)) (result (result (list u8) (error string)))"#;
const CORE: &str = "(param i32 i32) (result i32)";

#[test]
fn components_that_cannot_be_called_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    for (wat, texts) in [
        (
            "(component)".to_owned(),
            &["it does not export localmap:core/handler@0.1.0", "export_handler!"][..],
        ),
        (
            handler(r#"(param "request" (list u8)) (result (list u8))"#, CORE),
            &["is not that of the contract", "result<list<u8>, string>"],
        ),
        (
            handler(r#"(param "request" string) (result (result (list u8) (error string)))"#, CORE),
            &["is not that of the contract"],
        ),
        (
            handler(TYPES, CORE).replace(
                "(component",
                r#"(component (import "acme:thing/wheel@1.0.0" (instance (export "turn" (func))))"#,
            ),
            &["acme:thing/wheel@1.0.0"],
        ),
        (
            handler(TYPES, CORE).replace(
                "(component",
                r#"(component (import "wasi:keyvalue/store@0.2.0-draft2" (instance))"#,
            ),
            &["wasi:keyvalue", "local-map"],
        ),
        (
            handler(TYPES, CORE).replace(
                "(component",
                r#"(component (import "localmap:core/control@0.1.0" (instance))"#,
            ),
            &["localmap:core/control"],
        ),
        (
            handler(TYPES, CORE).replace(r#"(memory (export "mem") 1)"#, r#"(memory (export "mem") 8192)"#),
            &["536870912", "-W max-memory-size"],
        ),
        (
            handler(TYPES, CORE).replace("(core instance", "(core module $s (func $s unreachable) (start $s)) (core instance (instantiate $s)) (core instance"),
            &["cannot be instantiated", "trapped"],
        ),
    ] {
        let option = text(folder.path(), &wat);
        run(&["--guest", &option]).refused(texts);
        run(&["--guest", &option]).refused(&["--guest g"]);
    }
    let probe = option("probe", "probe");
    run(&["--guest", &probe]).refused(&["--guest probe=", "use `localmap run`"]);
    let served = option("served", "served");
    run(&["--guest", &served]).refused(&["use `localmap serve`"]);
    run(&["--guest", "g=no-such-file"])
        .refused(&["--guest g=no-such-file", "expected a component"]);
}

#[test]
fn a_component_that_only_traps_when_it_is_called_is_hosted() {
    let folder = tempfile::tempdir().expect("a folder");
    let option = text(folder.path(), &handler(TYPES, CORE));
    drop(super::Sidecar::start(&["--guest", &option]));
}

#[test]
fn other_commands_say_which_one_takes_a_guest_of_the_sidecar() {
    for command in ["run", "serve"] {
        let other = localmap().arg(command).arg(guest("quota")).run();
        other.refused(&["use `localmap sidecar --guest`"]);
    }
}

#[test]
fn names_are_short_harmless_and_used_once() {
    let path = guest("handled");
    let path = path.to_str().expect("UTF-8");
    for name in ["a b", "a/b", "ä", &"x".repeat(64)] {
        run(&["--guest", &format!("{name}={path}")]).refused(&["A-Z a-z 0-9 - _ ."]);
    }
    let option = option("g", "handled");
    run(&["--guest", &option, "--guest", &option]).refused(&["another guest of this name"]);
}

#[test]
fn options_of_guests_require_one() {
    for options in [
        &["-W", "timeout=1s"][..],
        &["--env", "A=b"],
        &["--dir", "."],
        &["--config", "a=b"],
        &["--allow-http", "example.com"],
        &["--max-guest-calls", "3"],
        &["--guest-workers", "1"],
        &["--backtrace"],
        &["--guest", "name"],
        &["--guest", "=path"],
    ] {
        let finished = run(options);
        assert_eq!(finished.code, Some(2), "{options:?}: {}", finished.stderr);
        assert!(finished.stderr.contains("--guest"), "{}", finished.stderr);
    }
}
