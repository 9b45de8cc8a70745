//! Runs the unit tests of the module for guests in Python.

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

/// `tests/interop` runs the module in a component, and on the map itself.
#[test]
fn the_module_passes_its_tests() {
    let recent = "import sys; sys.exit(sys.version_info < (3, 10))";
    if !python(&["-c", recent]).is_some_and(|output| output.status.success()) {
        eprintln!("skipped: there is no Python 3.10 here");
        return;
    }
    let tests = python(&["-m", "unittest", "discover", "guest/python"]).expect("Python");
    let told = String::from_utf8_lossy(&tests.stderr);
    assert!(tests.status.success(), "{told}");
    assert!(told.contains("Ran 14 tests"), "{told}");
}

/// A copy, since componentize-py follows no link out of the folder of a guest.
#[test]
fn the_examples_have_the_same_module() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("a file");
    for example in ["guest/examples/python", "guest/examples/python-http"] {
        for (file, of) in [
            ("localmap.py", "guest/python"),
            ("requirements.txt", "guest/examples/python"),
        ] {
            let same = read(&format!("{example}/{file}")) == read(&format!("{of}/{file}"));
            assert!(same, "copy {of}/{file} to {example}");
        }
    }
}
