//! The exports of the native library.

#![expect(
    unsafe_code,
    reason = "exported names, which no other library of the program defines"
)]

use crate::{systems, threads};
use bench_loops::{Plan, Runner};
use std::cell::RefCell;

thread_local! {
    static RUNNERS: RefCell<Vec<Option<Box<dyn Runner>>>> = const { RefCell::new(Vec::new()) };
}

/// Creates an empty map. Returns its number, or `u32::MAX` if there is no such system.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_make(
    system: u32,
    capacity: u32,
    value_len: u32,
    ttl: bool,
) -> u32 {
    let plan = Plan {
        capacity: capacity as usize,
        value_len: value_len as usize,
        ttl,
    };
    let Some(runner) = systems::make(system, plan) else {
        return u32::MAX;
    };
    RUNNERS.with_borrow_mut(|runners| {
        runners.push(Some(runner));
        u32::try_from(runners.len() - 1).unwrap_or(u32::MAX)
    })
}

/// Runs a loop. Returns how many of its turns succeeded.
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

/// Returns the bytes that a map reports, or 0 if it reports nothing.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_footprint(map: u32) -> u64 {
    RUNNERS.with_borrow_mut(|runners| match runners.get_mut(map as usize) {
        Some(Some(runner)) => runner.footprint(),
        _ => 0,
    })
}

/// Returns the bytes that all maps here have allocated and not freed, with the allocator's
/// overhead, or 0 if the allocator does not report them.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_allocated() -> u64 {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: the function has no preconditions.
        let info = unsafe { libc::mallinfo2() };
        (info.uordblks + info.hblkhd) as u64
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        0
    }
}

/// Returns free memory to the system, if the allocator can.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: the function has no preconditions.
        unsafe { libc::malloc_trim(0) };
    }
}

/// Returns the wall-clock nanoseconds of one read when `threads` threads read at the same time, or
/// 0 if the system with this number cannot be used by threads. The bits of `cores` are the numbers
/// of the cores, one for each thread.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_threads(
    system: u32,
    entries: u32,
    value_len: u32,
    threads: u32,
    cores: u64,
    reads: u32,
) -> f64 {
    let cores: Vec<_> = (0..64).filter(|id| cores >> id & 1 == 1).collect();
    threads::read(system, entries, value_len as usize, threads, &cores, reads).unwrap_or(0.0)
}
