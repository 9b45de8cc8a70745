//! Tests that need a process of their own.

use std::any::type_name;
use std::env;
use std::process::Command;

/// Set in the process that runs one test alone.
const ALONE: &str = "LOCALMAP_TEST_ALONE";

/// Runs the body of a test in a process of its own, so that its neighbours in the same
/// program neither disturb what it measures nor are disturbed. Call it with a closure, first
/// and last in the test.
///
/// # Panics
///
/// If the test fails in its process, or cannot be run there.
#[allow(clippy::panic, reason = "a test cannot go on without")]
pub fn alone<F: FnOnce()>(test: F) {
    if env::var_os(ALONE).is_some() {
        return test();
    }
    // Of the closure: `program::module::test::{{closure}}`.
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
        .unwrap_or_else(|error| panic!("cannot start it again: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    // One that is not found is no failure to the program.
    let passed = output.status.success() && stdout.contains("1 passed");
    assert!(passed, "in a process of its own:\n{stdout}{stderr}");
}
