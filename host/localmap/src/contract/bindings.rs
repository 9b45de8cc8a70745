//! Wasmtime's bindings of the contract, generated from `wit/`.
//!
//! They are private. The public types are in the other modules of this folder.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

wasmtime::component::bindgen!({
    path: "wit",
    inline: "
        package localmap:host;
        world instance {
            export localmap:core/local-map@0.1.0;
            export localmap:core/control@0.1.0;
            export localmap:core/changes@0.1.0;
        }
    ",
    world: "localmap:host/instance",
    // Passes keys and values to a call by reference, without a copy.
    ownership: Borrowing { duplicate_if_necessary: false },
});

pub use exports::localmap::core::{changes, control, local_map};
