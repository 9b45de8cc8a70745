//! The bindings of the component, generated from its world.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]

wit_bindgen::generate!({
    inline: "
        package localmap:bench-engine;

        world guest {
            import wasi:clocks/monotonic-clock@0.2.0;
            export localmap:bench/loops;
        }
    ",
    path: ["../../../wit/deps/io", "../../../wit/deps/clocks", "../loops/wit"],
    world: "localmap:bench-engine/guest",
    generate_all,
});
