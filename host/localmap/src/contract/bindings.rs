//! The contract as Wasmtime sees it, generated from `wit/`.
//!
//! Private: what users meet are the types of `types` and `limits`.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

wasmtime::component::bindgen!({
    path: "wit",
    inline: "
        package localmap:host;
        world instance {
            export localmap:core/local-map@0.1.0;
            export localmap:core/control@0.1.0;
        }
    ",
    world: "localmap:host/instance",
    // Keys and values go into a call from where they lie, without a copy.
    ownership: Borrowing { duplicate_if_necessary: false },
});

pub use exports::localmap::core::{control, local_map};
