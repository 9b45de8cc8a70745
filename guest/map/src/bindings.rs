//! The contract as Rust, generated from `wit/`.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]

/// The type that implements the contract.
pub(crate) struct Component;

wit_bindgen::generate!({
    path: "wit",
    world: "words-provider",
    // These are exported by hand: see `abi`.
    skip: ["get", "set"],
    generate_all,
});

export!(Component);
