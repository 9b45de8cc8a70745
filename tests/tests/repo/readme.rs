//! Checks the commands in the README. Its Rust examples are doc tests of this crate.

use localmap_tests::{localmap, root};
use std::process::Command;

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("README.md")
}

/// Returns the lines of the README's `sh` blocks.
fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    let mut shell = false;
    for line in readme().lines() {
        match line {
            "```sh" => shell = true,
            "```" => shell = false,
            _ if shell => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

/// Runs a command of the README in a shell, with the built program.
fn run(command: &str) -> String {
    let program = localmap().into_command();
    let here = command.replace(
        "cargo run --release --",
        &format!("'{}'", program.get_program().to_string_lossy()),
    );
    assert_ne!(here, command, "not a command that this can run: {command}");
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &here])
        .current_dir(root())
        .output()
        .expect("bash");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_two_commands_are_at_the_top() {
    let commands = commands();
    assert!(
        commands[0].starts_with("cargo run --release -- run --clock clf guest/examples/sessions")
    );
    assert_eq!(commands[1], "cargo test --workspace");
}

#[test]
fn the_main_job_prints_what_the_readme_shows() {
    let readme = readme();
    let shown = readme
        .split("```text\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let printed = run(&commands()[0]);
    assert_eq!(Some(printed.as_str()), shown);
}

#[test]
fn the_other_commands_run() {
    for command in commands().iter().skip(2) {
        let printed = run(command);
        assert!(!printed.is_empty(), "{command}");
    }
}

#[test]
fn its_links_lead_somewhere() {
    let text = readme();
    let links = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("http")) {
        assert!(root().join(link).exists(), "{link}");
    }
}
