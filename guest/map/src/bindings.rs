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

use crate::Component;

wit_bindgen::generate!({
    path: "wit",
    world: "provider",
    generate_all,
});

export!(Component);
