//! The loops of the benchmarks on maps that a guest reaches across a component boundary, and on
//! a map inside the guest.

#![cfg(target_arch = "wasm32")]

mod bindings;
mod ways;

use bench_loops::{Door, Loops, Plan, Runner};
use localmap_client::LocalMap;
use ways::{Client, Plain};

struct Component;

thread_local! {
    static DOOR: Door = const { Door::new() };
}

/// Creates the system with this number. `bench/src/ways.rs` uses the same numbers.
fn make(system: u32, plan: Plan) -> Option<Box<dyn Runner>> {
    Some(match system {
        20 => Loops::boxed(Client::new(LocalMap::new(), plan), plan),
        21 => Loops::boxed(Plain::new(plan), plan),
        22 => Loops::boxed(Client::new(ways::in_process(plan)?, plan), plan),
        _ => return None,
    })
}

impl bindings::exports::localmap::bench::loops::Guest for Component {
    fn make(system: u32, capacity: u32, value_len: u32, ttl: bool) -> bool {
        let plan = Plan {
            capacity: capacity as usize,
            value_len: value_len as usize,
            ttl,
        };
        DOOR.with(|door| door.open(make(system, plan)))
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
