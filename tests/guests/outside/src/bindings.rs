//! Generated bindings of `wasi:config` and `wasi:logging`, under all of their names.

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

wit_bindgen::generate!({ path: "wit", world: "tests:outside/outside", generate_all });
