//! The exports of the component, which has one map.

use crate::systems;
use bench_loops::{Door, Plan};

mod generated {
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

    use super::Component;
    export!(Component);
}

struct Component;

thread_local! {
    static DOOR: Door = const { Door::new() };
}

/// Reads the WASI clock.
#[inline]
pub(crate) fn now() -> u64 {
    generated::wasi::clocks::monotonic_clock::now()
}

impl generated::exports::localmap::bench::loops::Guest for Component {
    fn make(system: u32, capacity: u32, value_len: u32, ttl: bool) -> bool {
        let plan = Plan {
            capacity: capacity as usize,
            value_len: value_len as usize,
            ttl,
        };
        DOOR.with(|door| door.open(systems::make(system, plan)))
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
