//! Rust bindings of the contract and both drafts, generated from `wit/`, and the type that
//! implements the drafts.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]

/// The type that implements the drafts.
pub(crate) struct Component;

wit_bindgen::generate!({
    path: ["../../wit", "wit"],
    world: "localmap:keyvalue/adapter",
    // Passes keys and values to the map without a copy.
    ownership: Borrowing { duplicate_if_necessary: true },
    generate_all,
});

export!(Component);
