//! The same guests through the program.

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

/// Runs an app, which has a second and 64 MiB.
fn run(name: &str) -> Finished {
    let (_folder, path) = file(command(name));
    with_honest_maps(|| {
        localmap()
            .args(["run", "-W", "timeout=1s,max-memory-size=64MiB"])
            .arg(path)
            .run()
    })
}

/// It ends with the code of a trap, and says so, without a panic of ours.
fn traps(name: &str, words: &str) {
    let finished = run(name);
    assert_eq!(finished.code, Some(134), "{name}: {finished:?}");
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("guest.wasm"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains(words),
        "{name}: {}",
        finished.stderr
    );
}

#[test]
fn apps() {
    traps("loop", "ran out of its time");
    traps("loop_at_the_start", "ran out of its time");
    traps("loop_of_calls", "ran out of its time");
    traps("fills_forever", "ran out of its time");
    traps("stack_overflow", "call stack exhausted");
    traps("value_past_the_end", "out-of-bounds");
    traps("trap_between_two_writes", "unreachable");
    traps("pin_that_is_not_there", "unknown handle");
    for name in ["memory_bomb", "table_bomb", "a_million_pins"] {
        let finished = run(name);
        assert_eq!(finished.code, Some(0), "{name}: {finished:?}");
    }
}

/// A shell on a map component of somebody else's: it says what is wrong, and ends.
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
    for (name, command, words) in [
        ("value_past_the_end", "get k\n", "out of bounds"),
        ("error_of_no_kind", "set k v\n", "discriminant"),
        ("stack_overflow", "len\n", "call stack exhausted"),
        ("loop_in_a_call", "get k\n", "exceeded its time limit"),
    ] {
        shell(name, command).refused(&[words]);
    }
    for (name, command) in [
        ("statistics_of_nothing", "stats\n"),
        ("versions_backwards", "set k v\nset k v\nset k v\n"),
        ("key_that_is_no_key", "scan\n"),
    ] {
        shell(name, command).ok();
    }
}
