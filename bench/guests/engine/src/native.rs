//! The door of the machine: functions of a shared library.

#![expect(
    unsafe_code,
    reason = "exported names: no other library of the program has them"
)]

use crate::{systems, threads};
use bench_loops::{Plan, Runner};
use std::cell::RefCell;

thread_local! {
    static RUNNERS: RefCell<Vec<Option<Box<dyn Runner>>>> = const { RefCell::new(Vec::new()) };
}

/// Makes an empty map and gives its number; `u32::MAX`: there is no such system.
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

/// Bytes that all maps here have allocated and not freed, with what the allocator needs
/// beside; 0: the system's allocator does not tell.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_allocated() -> u64 {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: it has no conditions.
        let info = unsafe { libc::mallinfo2() };
        (info.uordblks + info.hblkhd) as u64
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        0
    }
}

/// Gives free memory back to the system, where its allocator can.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn localmap_bench_trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: it has no conditions.
        unsafe { libc::malloc_trim(0) };
    }
}

/// Nanoseconds for one read, of the wall's clock, where so many threads share a map of the
/// system with this number; 0: there is none here that can be shared. The bits of `cores` are
/// the numbers of the cores, one for each thread.
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
