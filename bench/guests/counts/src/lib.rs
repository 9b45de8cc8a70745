//! Counts the allocations and clock reads of a `get`, inside the sandbox. It is a separate guest,
//! so that counting does not slow down the guest that is measured.

#![cfg(target_arch = "wasm32")]

use localmap_engine::{Limits, Map, Policy, Ttl};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

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
            package localmap:bench-counts;

            world counts {
                // Reads `reads` keys that are present, and as many that are absent. Returns
                // the numbers of reads, allocations and clock reads.
                export count: func(entries: u32, reads: u32, ttl: bool) -> tuple<u64, u64, u64>;
            }
        ",
    });

    use super::Component;
    export!(Component);
}

struct Component;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static CLOCK_READS: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller upholds the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller upholds the contract.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

impl generated::Guest for Component {
    fn count(entries: u32, reads: u32, ttl: bool) -> (u64, u64, u64) {
        let limits = Limits {
            max_bytes: 3 << 30,
            policy: Policy::S3Fifo,
            ..Limits::default()
        };
        let clock = || CLOCK_READS.fetch_add(1, Ordering::Relaxed);
        let mut map = Map::new(clock, 0x5eed, limits);
        let ttl = if ttl { Ttl::After(1 << 50) } else { Ttl::Never };
        for number in 0..entries {
            let stored = map.set(&key(number), &[7; 64], ttl);
            assert!(stored.is_ok(), "there is room");
        }
        let before = [&ALLOCATIONS, &CLOCK_READS].map(|count| count.load(Ordering::Relaxed));
        let mut found = 0u64;
        for read in 0..reads {
            for number in [read % entries, entries + read] {
                found += u64::from(black_box(map.get(&key(number))).is_some());
            }
        }
        let after = [&ALLOCATIONS, &CLOCK_READS].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(found, u64::from(reads), "half of the keys are present");
        (
            2 * u64::from(reads),
            after[0] - before[0],
            after[1] - before[1],
        )
    }
}

fn key(number: u32) -> [u8; 16] {
    let mut key = [7; 16];
    key[..4].copy_from_slice(&number.to_le_bytes());
    key
}
