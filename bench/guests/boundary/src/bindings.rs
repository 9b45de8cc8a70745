//! The plain contract and the door of a guest as Rust, generated.

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

use crate::Component;

wit_bindgen::generate!({
    inline: "
        package localmap:bench-boundary;

        world guest {
            import localmap:core/local-map@0.1.0;
            export localmap:bench/loops;
        }
    ",
    path: ["../../../wit", "../loops/wit"],
    world: "localmap:bench-boundary/guest",
    generate_all,
    // Keys and values go into a call from where they lie, as in the client crate.
    ownership: Borrowing { duplicate_if_necessary: false },
});

export!(Component);
