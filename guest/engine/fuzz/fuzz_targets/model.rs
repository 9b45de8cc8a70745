//! Compares the map with its model under operations that libFuzzer chooses. The code is that of
//! the test `model`, which can also turn a failing case into a test:
//!
//! ```sh
//! cargo +nightly fuzz run model
//! LOCALMAP_MODEL_CASE=$PWD/fuzz/artifacts/model/crash-… cargo test --test model
//! ```

#![no_main]

#[path = "../../tests/model/machine/mod.rs"]
mod machine;

use libfuzzer_sys::fuzz_target;
use machine::Case;

fuzz_target!(|bytes: &[u8]| {
    machine::run(&Case::from_bytes(bytes));
});
