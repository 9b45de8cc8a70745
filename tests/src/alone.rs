//! Runs tests that need their own process.

use std::any::type_name;
use std::env;
use std::process::Command;

/// Variable that is set in a process that runs one test alone.
const ALONE: &str = "LOCALMAP_TEST_ALONE";

/// Runs the body of a test in its own process, so that the test and others in the same program
/// do not affect each other. The closure must be the whole body of the test.
///
/// # Panics
///
/// Panics if the test fails in its process, or cannot be run there.
#[allow(clippy::panic, reason = "a test cannot go on without")]
pub fn alone<F: FnOnce()>(test: F) {
    if env::var_os(ALONE).is_some() {
        return test();
    }
    // The path of the closure: `program::module::test::{{closure}}`.
    let path = type_name::<F>();
    let name = path
        .split_once("::")
        .and_then(|(_, name)| name.strip_suffix("::{{closure}}"))
        .unwrap_or_else(|| panic!("{path} is not a closure in a test"));
    let program = env::current_exe().unwrap_or_default();
    let output = Command::new(program)
        .args([name, "--exact", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap_or_else(|error| panic!("cannot start the test program again: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    // If no test has this name, the program runs none and succeeds.
    let passed = output.status.success() && stdout.contains("1 passed");
    assert!(passed, "in its own process:\n{stdout}{stderr}");
}
