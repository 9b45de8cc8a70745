//! Builds the guests that the tests run.

use std::env;
use std::path::PathBuf;
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
const GUESTS: [&str; 8] = [
    "dedupe",
    "http-limiter",
    "keyvalue",
    "limiter",
    "probe",
    "served",
    "sessions",
    "ways",
];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    for watched in ["Cargo.toml", "Cargo.lock", "guest", "wit", "tests/guests"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }

    add_target();
    // A target folder of their own: cargo holds the lock of ours.
    let target = out.join("guests");
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo
        .current_dir(&root)
        .args([
            "build",
            "--locked",
            "--profile",
            "guest",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target)
        // What clippy and cargo set for us is not meant for another target.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER");
    for guest in GUESTS {
        cargo.args(["-p", guest]);
    }
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "the guests of the tests do not build");
    println!(
        "cargo::rustc-env=LOCALMAP_GUESTS={}",
        target.join(TARGET).join("guest").display()
    );
}

/// Rustup adds targets by itself only where nobody has switched that off. Without
/// rustup the build tells what is missing.
fn add_target() {
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    let Ok(installed) = installed else { return };
    if !installed.status.success() {
        return;
    }
    if !String::from_utf8_lossy(&installed.stdout)
        .lines()
        .any(|line| line == TARGET)
    {
        let added = Command::new("rustup")
            .args(["target", "add", TARGET])
            .status();
        assert!(
            added.is_ok_and(|status| status.success()),
            "rustup cannot add {TARGET}"
        );
    }
}
