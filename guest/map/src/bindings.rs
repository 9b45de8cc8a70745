//! Rust bindings of the contract, generated from `wit/`, and the type that implements it.

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
    inline: "
        package localmap:built;
        world component {
            include localmap:core/blocks-provider@0.1.0;
            include localmap:core/changes-provider@0.1.0;
        }
    ",
    world: "localmap:built/component",
    // `abi` has hand-written exports of these.
    skip: ["get", "set", "get-packed", "apply-packed", "drain"],
    generate_all,
});

export!(Component);
