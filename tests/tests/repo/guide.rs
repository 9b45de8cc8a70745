//! Follows the guide from an empty folder to a running guest: runs its commands, writes its files,
//! and compares the output with what it shows.

#![cfg(unix)]

use localmap_tests::{localmap, root};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A step of the guide: the name of a file, or a code block with its language and text.
enum Step {
    File(String),
    Block(String, String),
}

fn steps() -> Vec<Step> {
    let guide = fs::read_to_string(root().join("docs/guests.md")).expect("the guide");
    let part = guide
        .split("\n## Two ways to build")
        .next()
        .expect("the first part");
    let mut steps = Vec::new();
    let mut lines = part.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            steps.push(Step::Block(kind.to_owned(), text.join("\n") + "\n"));
        } else if let Some(name) = line
            .strip_prefix('`')
            .and_then(|line| line.strip_suffix("`:"))
        {
            steps.push(Step::File(name.to_owned()));
        }
    }
    steps
}

/// Runs a line of the guide in a folder, with the program on the path.
fn run(folder: &Path, line: &str) -> String {
    let program = localmap().into_command();
    let programs = Path::new(program.get_program())
        .parent()
        .expect("its folder");
    let mut path = programs.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", line])
        .current_dir(folder)
        .env("PATH", path)
        .env(
            "CARGO_TARGET_DIR",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/new"),
        )
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .output()
        .expect("bash");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_guide_leads_from_an_empty_folder_to_a_running_guest() {
    let empty = tempfile::tempdir().expect("a folder");
    // The clone that the guide mentions.
    symlink(root(), empty.path().join("localmap")).expect("a link");
    let mut folder: PathBuf = empty.path().to_owned();
    let mut file = None;
    let mut printed = String::new();
    let mut shown = 0;
    for step in steps() {
        match step {
            Step::File(name) => file = Some(folder.join(name)),
            Step::Block(kind, text) if kind == "sh" => {
                for line in text.lines() {
                    if let Some(name) = line.strip_prefix("cd ") {
                        folder.push(name);
                        continue;
                    }
                    // Use the versions that the repository locks, once there is a crate.
                    let guest = [folder.clone(), folder.join("hits")]
                        .into_iter()
                        .find(|folder| folder.join("Cargo.toml").exists());
                    if let Some(guest) = guest {
                        let lock = root().join("Cargo.lock");
                        fs::copy(lock, guest.join("Cargo.lock")).expect("a file");
                    }
                    printed = run(&folder, line);
                }
            }
            Step::Block(kind, text) if kind == "text" => {
                assert_eq!(printed, text);
                shown += 1;
            }
            Step::Block(kind, text) => {
                let file = file
                    .take()
                    .unwrap_or_else(|| panic!("of what file: {text}"));
                assert!(kind == "toml" || kind.starts_with("rust"), "{kind}");
                fs::write(&file, text).expect("a file");
            }
        }
    }
    assert_eq!(shown, 2, "what the guest of each way prints is shown");
}
