//! The version of the program.
//!
//! Cargo builds the program for the tests of its package: for `cargo test --workspace`, and,
//! as this file has the name of the suite in `/tests` that runs the program, for
//! `--test cli` too.

use std::process::Command;

#[test]
fn the_version_is_that_of_the_package() {
    let output = Command::new(env!("CARGO_BIN_EXE_localmap"))
        .arg("--version")
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("localmap {}\n", env!("CARGO_PKG_VERSION"))
    );
}
