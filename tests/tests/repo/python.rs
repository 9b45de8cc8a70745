//! Runs the unit tests of the modules for guests in Python.

use localmap_tests::root;
use std::process::Command;

fn python(args: &[&str]) -> Option<std::process::Output> {
    Command::new("python3")
        .args(args)
        .current_dir(root())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .ok()
}

/// `tests/interop` runs them in a component.
#[test]
fn the_modules_pass_their_tests() {
    let recent = "import sys; sys.exit(sys.version_info < (3, 10))";
    if !python(&["-c", recent]).is_some_and(|output| output.status.success()) {
        eprintln!("skipped: there is no Python 3.10 here");
        return;
    }
    let tests = python(&["-m", "unittest", "discover", "guest/python"]).expect("Python");
    let told = String::from_utf8_lossy(&tests.stderr);
    assert!(tests.status.success(), "{told}");
    assert!(told.contains("Ran 22 tests"), "{told}");
}

/// A copy, since componentize-py follows no link out of the folder of a guest.
#[test]
fn the_examples_have_the_same_modules() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("a file");
    let map = ("localmap.py", "guest/python");
    let mirror = ("localmap_mirror.py", "guest/python");
    let tools = ("requirements.txt", "guest/examples/python");
    for (example, files) in [
        ("guest/examples/python", &[map, tools][..]),
        ("guest/examples/python-http", &[map, tools]),
        ("guest/examples/python-flags", &[map, mirror, tools]),
    ] {
        for (file, of) in files {
            let same = read(&format!("{example}/{file}")) == read(&format!("{of}/{file}"));
            assert!(same, "copy {of}/{file} to {example}");
        }
    }
}
