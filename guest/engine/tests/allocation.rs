//! Memory that cannot be had is `full`, and nothing is lost. Alone in its file,
//! since its allocator serves the whole process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ptr;

use localmap_engine::{Error, Limits, Map, Ttl};

thread_local! {
    /// How many allocations are still granted to this thread: others belong to the
    /// test harness.
    static BUDGET: Cell<u64> = const { Cell::new(u64::MAX) };
    /// The largest allocation that is granted to this thread, in bytes.
    static LARGEST: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The system's allocator, until the budget is used up.
struct Meagre;

fn granted(size: usize) -> bool {
    if LARGEST
        .try_with(Cell::get)
        .is_ok_and(|largest| size > largest)
    {
        return false;
    }
    let spend = |budget: &Cell<u64>| match budget.get() {
        u64::MAX => true,
        0 => false,
        left => {
            budget.set(left - 1);
            true
        }
    };
    BUDGET.try_with(spend).unwrap_or(true)
}

#[allow(
    unsafe_code,
    reason = "an allocator that refuses cannot be had otherwise"
)]
// SAFETY: what is granted is the system allocator's, unchanged; a null pointer is how
// an allocator refuses.
unsafe impl GlobalAlloc for Meagre {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !granted(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !granted(size) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Meagre = Meagre;

/// Does `work` with so many allocations, and no more.
fn with_budget<T>(budget: u64, work: impl FnOnce() -> T) -> T {
    BUDGET.set(budget);
    let done = work();
    BUDGET.set(u64::MAX);
    done
}

#[test]
fn memory_that_cannot_be_had_is_full_and_loses_nothing() {
    let mut map = Map::new(|| 0, 7, Limits::default());
    let mut expected: BTreeMap<Vec<u8>, (Vec<u8>, u64, Option<u64>)> = BTreeMap::new();
    let (mut refused, mut version) = (0, 0);
    for n in 0..6000u32 {
        // New keys and old ones, short and long values, with a deadline and without:
        // each write is tried with no allocation, with one, and so on until it passes.
        let key = if n % 3 == 2 { n / 2 } else { n }.to_le_bytes();
        let value = vec![n.to_le_bytes()[0]; (n * 7 % 40) as usize];
        let (ttl, left) = match n % 2 {
            0 => (Ttl::Never, None),
            _ => (Ttl::After(u64::from(n)), Some(u64::from(n))),
        };
        let before = expected.get(&key[..]).cloned();
        let mut budget = 0;
        loop {
            match with_budget(budget, || map.set(&key, &value, ttl)) {
                Ok(new) => {
                    version += 1;
                    assert_eq!(new, version, "a refused write used up a version");
                    break;
                }
                Err(error) => assert_eq!(error, Error::Full),
            }
            refused += 1;
            let entry = map.get_entry(&key);
            let entry = entry.map(|entry| (entry.value.to_vec(), entry.version, entry.expires_in));
            assert_eq!(entry, before, "a refused write changed something");
            assert_eq!(map.len(), expected.len() as u64);
            budget += 1;
            assert!(budget < 20, "a write that never passes");
        }
        expected.insert(key.to_vec(), (value, version, left));

        // These need no memory at all.
        with_budget(0, || {
            assert!(map.get(&key).is_some());
            assert_eq!(map.set(&key, &expected[&key[..]].0, ttl), Ok(version + 1));
        });
        version += 1;
        expected
            .entry(key.to_vec())
            .and_modify(|entry| entry.1 = version);
    }
    // One block for each write of another length, at least.
    assert!(refused > 6000, "{refused} writes were refused");

    // A deadline for one that had none needs a place among the deadlines.
    let mut untimed = Map::new(|| 0, 7, Limits::default());
    untimed.set(b"k", b"v", Ttl::Never).unwrap();
    let touched = with_budget(0, || untimed.touch(b"k", Ttl::After(5)));
    assert_eq!(touched, Err(Error::Full));
    assert_eq!(untimed.get_entry(b"k").unwrap().expires_in, None);
    assert_eq!(untimed.touch(b"k", Ttl::After(5)), Ok(true));
    let touched = with_budget(0, || untimed.touch(b"k", Ttl::After(6)));
    assert_eq!(touched, Ok(true));

    // All is there, and can go without any memory.
    for (key, (value, version, left)) in &expected {
        let entry = map.get_entry(key).expect("lost");
        assert_eq!(
            (entry.value, entry.version, entry.expires_in),
            (&value[..], *version, *left)
        );
    }
    with_budget(0, || {
        for (key, (value, ..)) in &expected {
            assert_eq!(map.take(key).map(|taken| taken == *value), Some(true));
        }
    });
    assert_eq!((map.len(), map.stats().bytes), (0, 0));
}

/// A table that cannot grow is full of what removed entries have left behind: room for
/// new ones must come back when entries go, not only when half of them have gone.
#[test]
fn what_is_deleted_makes_room_in_a_table_that_cannot_grow() {
    for seed in 0..20 {
        let mut map = Map::new(|| 0, seed, Limits::default());
        let key = |n: u32| n.to_le_bytes();
        // As many as a table of 16,384 buckets takes.
        let full = 14_336;
        for n in 0..full {
            map.set(&key(n), b"v", Ttl::Never).unwrap();
        }
        LARGEST.set(64 << 10);
        assert_eq!(map.set(b"one more", b"v", Ttl::Never), Err(Error::Full));
        for round in 0..10 {
            let (old, new) = (round * 1_000, full + round * 1_000);
            for n in 0..1_000 {
                assert!(map.delete(&key(old + n)));
            }
            for n in 0..1_000 {
                let stored = map.set(&key(new + n), b"v", Ttl::Never);
                assert!(stored.is_ok(), "seed {seed}, round {round}, {n}");
            }
            assert_eq!(map.len(), u64::from(full));
            assert_eq!(map.set(b"one more", b"v", Ttl::Never), Err(Error::Full));
        }
        for n in 0..full + 10_000 {
            assert_eq!(map.contains(&key(n)), n >= 10_000, "{n}");
        }
        LARGEST.set(usize::MAX);
    }
}
