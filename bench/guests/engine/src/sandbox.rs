//! The door of the sandbox: the exports of a component with one map.

use crate::runner::{self, Runner};
use crate::system::Plan;
use std::cell::RefCell;

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

            world loops {
                import wasi:clocks/monotonic-clock@0.2.0;
                // False: there is no such system here.
                export make: func(system: u32, capacity: u32, value-len: u32) -> bool;
                // How many turns of the loop succeeded.
                export run: func(work: u32, count: u32) -> u32;
                // Bytes that the map says it takes.
                export footprint: func() -> u64;
                // Bytes of the linear memory.
                export linear-memory: func() -> u64;
            }
        ",
        path: ["../../../wit/deps/io", "../../../wit/deps/clocks"],
        generate_all,
    });

    use super::Component;
    export!(Component);
}

struct Component;

thread_local! {
    static RUNNER: RefCell<Option<Box<dyn Runner>>> = const { RefCell::new(None) };
}

/// The clock of WASI.
#[inline]
pub(crate) fn now() -> u64 {
    generated::wasi::clocks::monotonic_clock::now()
}

impl generated::Guest for Component {
    fn make(system: u32, capacity: u32, value_len: u32) -> bool {
        let plan = Plan {
            capacity: capacity as usize,
        };
        RUNNER.with_borrow_mut(|runner| {
            *runner = runner::make(system, plan, value_len as usize);
            runner.is_some()
        })
    }

    fn run(work: u32, count: u32) -> u32 {
        RUNNER.with_borrow_mut(|runner| runner.as_mut().map_or(0, |runner| runner.run(work, count)))
    }

    fn footprint() -> u64 {
        RUNNER.with_borrow_mut(|runner| runner.as_mut().map_or(0, |runner| runner.footprint()))
    }

    fn linear_memory() -> u64 {
        core::arch::wasm32::memory_size(0) as u64 * 65_536
    }
}
