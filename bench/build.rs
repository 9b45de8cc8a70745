//! Builds the guests that the benchmarks run.

use localmap_guest_build::Guests;
use std::env;

/// Packages whose components run in the sandbox.
const GUESTS: [&str; 7] = [
    "bench-boundary",
    "bench-counts",
    "bench-engine",
    "bench-hello",
    "bench-hello-03",
    "bench-keyvalue",
    "http-limiter",
];
/// The package with the same loops for this machine.
const NATIVE: &str = "bench-engine";

fn main() {
    if env::var_os("CARGO_FEATURE_GUESTS").is_none() {
        return;
    }
    let guests = Guests::new("bench/guests");
    let components = guests.components(&GUESTS);
    println!(
        "cargo::rustc-env=LOCALMAP_BENCH_GUESTS={}",
        components.display()
    );

    // A library that is loaded, so that it is compiled as the guests are: as a whole.
    let native = guests.natives(&[NATIVE]).display().to_string();
    println!("cargo::rustc-link-search=native={native}");
    println!("cargo::rustc-link-lib=dylib=bench_engine");
    println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{native}");
}
