#!/usr/bin/env bash
# shuttle 0.9.10 (shuttle-std 0.1.5): `Condvar::wait_timeout` never times out.
#
# It ignores the duration and waits as `wait` does; only a TODO in its source says so. Shuttle
# reports code that wakes up now and then to check a flag, which works with `std`, as a deadlock,
# and a test cannot reach what happens after a timeout.
#
# In this repository: tests/schedules/src/sync.rs wraps the condition variable, and wakes waiting
# threads itself in tests in which time passes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "wait-timeout"
edition = "2021"

[dependencies]
shuttle = "=0.9.10"
shuttle-std = "=0.1.5"
TOML
cat > src/main.rs <<'RUST'
use std::time::Duration;

macro_rules! waits {
    ($locks:ident) => {{
        let (mutex, condvar) = ($locks::sync::Mutex::new(()), $locks::sync::Condvar::new());
        let guard = mutex.lock().unwrap();
        let (_guard, ended) = condvar.wait_timeout(guard, Duration::from_millis(1)).unwrap();
        println!("{}: timed out: {}", stringify!($locks), ended.timed_out());
    }};
}

fn main() {
    waits!(std);
    shuttle::check_random(|| waits!(shuttle), 1);
}
RUST

cargo run --quiet > out.txt 2>&1 && code=0 || code=$?
echo "exit code $code"
grep -E '^(std|shuttle): |deadlock!' out.txt
[ "$code" -eq 101 ]
grep -qx 'std: timed out: true' out.txt
grep -q 'deadlock! blocked tasks' out.txt
if grep -q '^shuttle: ' out.txt; then exit 1; fi
echo "as described"
