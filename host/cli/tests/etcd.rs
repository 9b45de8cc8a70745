//! The program with the feature `etcd`.
//!
//! Cargo builds the program for the tests of its package: as this file has the name of the suite in `/tests`
//! that runs the program with a real etcd, also for `--test etcd`.

use std::process::Command;

#[test]
fn the_program_is_built_for_the_suite() {
    let output = Command::new(env!("CARGO_BIN_EXE_localmap"))
        .arg("--help")
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{output:?}");
}
