//! Generated bindings of wasi:keyvalue 0.2.0-draft.

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

wit_bindgen::generate!({
    path: ["../../../wit", "../keyvalue/wit"],
    world: "localmap:keyvalue-tests/draft",
    generate_all,
});
