//! Counts the allocations of reads of a snapshot, thread by thread.

use super::{key, map};
use localmap::{MapOptions, Ttl};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::thread;
use std::time::Duration;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, which counts the allocations of each thread.
struct Counting;

fn count() {
    // A thread that ends may allocate after its counter is gone.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

#[allow(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: guaranteed by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: guaranteed by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: guaranteed by the caller.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: guaranteed by the caller.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn reads_of_a_snapshot_allocate_nothing() {
    const KEYS: u32 = 1_000;
    let mut map = map(&MapOptions::new());
    for number in 0..KEYS {
        let ttl = match number % 2 {
            0 => Ttl::Never,
            _ => Ttl::After(Duration::from_secs(3600)),
        };
        map.set(&key(number), &[7; 64], ttl).expect("room");
    }
    let snapshot = map.snapshot().expect("live");
    thread::scope(|scope| {
        for _ in 0..2 {
            let snapshot = snapshot.clone();
            scope.spawn(move || {
                let mut buffer = Vec::with_capacity(64);
                let mut read = |number: u32| {
                    let key = key(number);
                    let in_place = snapshot.read(|view| Some(view.get(&key)?.value.len()));
                    buffer.clear();
                    let copied = snapshot.get_into(&key, &mut buffer).expect("live");
                    assert_eq!(in_place.expect("live"), copied);
                    assert_eq!(snapshot.contains(&key).expect("live"), copied.is_some());
                    assert_eq!(copied.is_some(), number < KEYS);
                };
                // The first read of a thread registers it with arc-swap.
                read(0);
                let before = ALLOCATIONS.get();
                // Half of the keys are absent.
                for number in 0..2 * KEYS {
                    read(number);
                }
                assert_eq!(ALLOCATIONS.get() - before, 0);
                // It is these that are counted.
                drop(snapshot.get(&key(0)));
                assert_eq!(ALLOCATIONS.get() - before, 1);
            });
        }
    });
}
