//! The same guests, run by the program.

use super::honest::with_honest_maps;
use super::make::{command, map};
use localmap_tests::{Finished, localmap};
use std::path::PathBuf;
use tempfile::TempDir;

fn file(component: Vec<u8>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("guest.wasm");
    std::fs::write(&path, component).expect("a file");
    (folder, path)
}

/// Runs an app with a timeout of a second and 64 MiB of memory.
fn run(name: &str) -> Finished {
    let (_folder, path) = file(command(name));
    with_honest_maps(|| {
        localmap()
            .args(["run", "-W", "timeout=1s,max-memory-size=64MiB"])
            .arg(path)
            .run()
    })
}

/// Asserts that the run ends with the exit code of a trap and an error that contains `text`,
/// without a panic.
fn traps(name: &str, text: &str) {
    let finished = run(name);
    assert_eq!(finished.code, Some(134), "{name}: {finished:?}");
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("guest.wasm"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains(text),
        "{name}: {}",
        finished.stderr
    );
}

#[test]
fn apps() {
    traps("loop", "timed out after");
    traps("loop_at_the_start", "timed out after");
    traps("loop_of_calls", "timed out after");
    traps("fills_forever", "timed out after");
    traps("stack_overflow", "call stack exhausted");
    traps("value_past_the_end", "out-of-bounds");
    traps("trap_between_two_writes", "unreachable");
    traps("pin_that_does_not_exist", "unknown handle");
    for name in ["memory_bomb", "table_bomb", "a_million_pins"] {
        let finished = run(name);
        assert_eq!(finished.code, Some(0), "{name}: {finished:?}");
    }
}

/// Runs a shell on a hostile map component.
fn shell(name: &str, commands: &str) -> Finished {
    let (_folder, path) = file(map(name));
    with_honest_maps(|| {
        localmap()
            .arg("shell")
            .arg(path)
            .run_with(commands.as_bytes())
    })
}

#[test]
fn maps() {
    for (name, command, text) in [
        ("value_past_the_end", "get k\n", "out of bounds"),
        ("unknown_error", "set k v\n", "discriminant"),
        ("stack_overflow", "len\n", "call stack exhausted"),
        ("loop_in_a_call", "get k\n", "exceeded its time limit"),
    ] {
        shell(name, command).refused(&[text]);
    }
    for (name, command) in [
        ("statistics_at_their_maximum", "stats\n"),
        ("versions_backwards", "set k v\nset k v\nset k v\n"),
        ("scanned_key_that_is_invalid", "scan\n"),
    ] {
        shell(name, command).ok();
    }
}
