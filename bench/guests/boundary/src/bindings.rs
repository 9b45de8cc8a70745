//! Generated bindings of the plain contract and of the guest's exports.

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
    // Calls borrow keys and values, as in the client crate.
    ownership: Borrowing { duplicate_if_necessary: false },
});

export!(Component);
