//! Builds the guests that the benchmarks run.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
/// Packages whose components run in the sandbox.
const GUESTS: [&str; 4] = [
    "bench-boundary",
    "bench-counts",
    "bench-engine",
    "bench-keyvalue",
];
/// The package with the same loops for this machine.
const NATIVE: &str = "bench-engine";

fn main() {
    if env::var_os("CARGO_FEATURE_GUESTS").is_none() {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    for watched in ["Cargo.toml", "Cargo.lock", "guest", "wit", "bench/guests"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }

    add_target();
    // A target folder of their own: cargo holds the lock of ours.
    let target = out.join("guests");
    build(&root, &target, &["--target", TARGET], &GUESTS);
    println!(
        "cargo::rustc-env=LOCALMAP_BENCH_GUESTS={}",
        target.join(TARGET).join("guest").display()
    );

    // A library that is loaded, so that it is compiled as the guests are: as a whole.
    build(&root, &target, &[], &[NATIVE]);
    let native = target.join("guest").display().to_string();
    println!("cargo::rustc-link-search=native={native}");
    println!("cargo::rustc-link-lib=dylib=bench_engine");
    println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{native}");
}

/// Builds packages as guests are built: optimised as a whole.
fn build(root: &Path, target: &Path, options: &[&str], packages: &[&str]) {
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--profile", "guest"])
        .args(options)
        .arg("--target-dir")
        .arg(target)
        // What clippy and cargo set for us is not meant for another target.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER");
    for package in packages {
        cargo.args(["-p", package]);
    }
    let status = cargo.status().expect("cargo can be started");
    assert!(
        status.success(),
        "the guests of the benchmarks do not build"
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
