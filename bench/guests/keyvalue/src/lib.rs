//! The loops of the benchmarks on wasi:keyvalue. The host links the component with its own map,
//! or plugs it with localmap through the keyvalue adapter.

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
        // Calls borrow keys and values.
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
    /// Opens the one bucket. The host that serves it decides about a TTL.
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
