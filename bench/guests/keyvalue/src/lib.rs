//! The loops of the benchmarks on wasi:keyvalue, which is what the component is linked
//! with: a map of the host, or ours with the component in front of it that speaks
//! wasi:keyvalue.

#![cfg(target_arch = "wasm32")]

mod bucket;

use bench_loops::{Door, Loops, Plan};
use bucket::Bucket;

mod generated {
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
        inline: "
            package localmap:bench-keyvalue;

            world guest {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
                export localmap:bench/loops;
            }
        ",
        path: ["../../../wit/deps/keyvalue-0.2.0-draft", "../loops/wit"],
        world: "localmap:bench-keyvalue/guest",
        generate_all,
        // Keys and values go into a call from where they lie.
        ownership: Borrowing { duplicate_if_necessary: false },
    });

    use super::Component;
    export!(Component);
}

struct Component;

thread_local! {
    static DOOR: Door = const { Door::new() };
}

impl generated::exports::localmap::bench::loops::Guest for Component {
    /// The one system here. A TTL is the business of who serves it.
    fn make(_system: u32, capacity: u32, value_len: u32, ttl: bool) -> bool {
        let plan = Plan {
            capacity: capacity as usize,
            value_len: value_len as usize,
            ttl,
        };
        DOOR.with(|door| door.open(Bucket::open().map(|bucket| Loops::boxed(bucket, plan))))
    }

    fn run(work: u32, count: u32) -> u32 {
        DOOR.with(|door| door.run(work, count))
    }

    fn footprint() -> u64 {
        DOOR.with(Door::footprint)
    }

    fn linear_memory() -> u64 {
        bench_loops::linear_memory()
    }
}
