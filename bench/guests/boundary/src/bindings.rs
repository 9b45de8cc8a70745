//! The plain contract and wasi:keyvalue as Rust, generated.

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

use crate::Loops;

wit_bindgen::generate!({
    path: ["../../../wit", "wit"],
    world: "localmap:bench-boundary/guest",
    generate_all,
    // Keys and values go into a call from where they lie, as in the client crate.
    ownership: Borrowing { duplicate_if_necessary: false },
});

export!(Loops);
