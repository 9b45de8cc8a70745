//! `localmap run`: what a guest is granted, what its map is, and how it ends.

mod ends;
mod folders;
mod follow;
mod grants;
mod javascript;
mod linked;
mod map;
mod programs;
mod python;
mod replay;
#[cfg(target_os = "linux")]
mod room;
mod starts;
mod wasip3;
mod wasip3_replay;

use localmap_tests::{Program, guest, localmap};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Returns a run of `probe`, with these options and commands.
fn probe(options: &[&str], commands: &[&str]) -> Program {
    localmap()
        .arg("run")
        .args(options)
        .arg(guest("probe"))
        .args(commands)
}

fn piped(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// A component without a map runs too, but not with options for one.
#[test]
fn a_guest_without_a_map_is_run_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(
        path.join("Cargo.toml"),
        "[package]\nname = \"plain\"\nedition = \"2024\"\n[workspace]\n",
    )
    .expect("a manifest");
    std::fs::create_dir(path.join("src")).expect("a folder");
    std::fs::write(
        path.join("src/main.rs"),
        "fn main() { println!(\"plain\"); }",
    )
    .expect("a file");
    assert_eq!(localmap().arg("run").arg(path).run().ok(), "plain\n");
    localmap()
        .args(["run", "--stats"])
        .arg(path)
        .run()
        .refused(&["the guest has no map", "localmap:core/local-map"]);
}

#[test]
fn a_plugged_guest_is_configured_and_measured_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("plugged.wasm");
    localmap()
        .arg("plug")
        .arg(guest("probe"))
        .args(["--max-entries", "1", "-o"])
        .arg(&out)
        .run()
        .ok();
    let run = |options: &[&str], commands: &[&str]| {
        localmap()
            .arg("run")
            .args(options)
            .arg(&out)
            .args(commands)
            .run()
    };
    let two = ["set", "a", "1", "then", "set", "b", "2", "then", "len"];
    run(&[], &two).refused(&["full"]);
    assert_eq!(run(&["--max-entries", "2"], &two).ok(), "2\n");
    let lru = run(&["--policy", "lru"], &two);
    assert_eq!(lru.ok(), "1\n");
    assert!(
        run(&["--stats"], &["len"])
            .stderr
            .contains("map: entries=0")
    );
}
