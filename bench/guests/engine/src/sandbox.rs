//! The exports of the component, which has one map.

use crate::{bindings, systems};
use bench_loops::{Door, Plan};

struct Component;

mod exports {
    #![allow(
        missing_docs,
        unsafe_code,
        clippy::all,
        clippy::undocumented_unsafe_blocks,
        reason = "generated"
    )]

    crate::bindings::export!(Component with_types_in crate::bindings);

    use super::Component;
}

thread_local! {
    static DOOR: Door = const { Door::new() };
}

impl bindings::exports::localmap::bench::loops::Guest for Component {
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
