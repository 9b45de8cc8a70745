//! The door of the machine: functions of a shared library.

#![expect(
    unsafe_code,
    reason = "exported names: no other library of the program has them"
)]

use crate::runner::{self, Runner};
use crate::system::Plan;
use std::cell::RefCell;

thread_local! {
    static RUNNERS: RefCell<Vec<Option<Box<dyn Runner>>>> = const { RefCell::new(Vec::new()) };
}

/// Makes an empty map and gives its number; `u32::MAX`: there is no such system.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_make(system: u32, capacity: u32, value_len: u32) -> u32 {
    let plan = Plan {
        capacity: capacity as usize,
    };
    let Some(runner) = runner::make(system, plan, value_len as usize) else {
        return u32::MAX;
    };
    RUNNERS.with_borrow_mut(|runners| {
        runners.push(Some(runner));
        u32::try_from(runners.len() - 1).unwrap_or(u32::MAX)
    })
}

/// Runs a loop and gives how many of its turns succeeded.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_run(map: u32, work: u32, count: u32) -> u32 {
    RUNNERS.with_borrow_mut(|runners| match runners.get_mut(map as usize) {
        Some(Some(runner)) => runner.run(work, count),
        _ => 0,
    })
}

/// Drops a map.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_drop(map: u32) {
    RUNNERS.with_borrow_mut(|runners| {
        if let Some(runner) = runners.get_mut(map as usize) {
            *runner = None;
        }
    });
}

/// Bytes that a map says it takes; 0: it says nothing.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_footprint(map: u32) -> u64 {
    RUNNERS.with_borrow_mut(|runners| match runners.get_mut(map as usize) {
        Some(Some(runner)) => runner.footprint(),
        _ => 0,
    })
}
