//! Tests that a failed allocation returns `full` or evicts, that nothing is lost, and that the map
//! remains usable; and that the map reports exactly the memory that it holds. The file is a test
//! program of its own because its allocator serves the whole process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ptr;

use localmap_engine::{Change, Clock, Condition, Error, Limits, Map, Outcome, Policy, Ttl};

thread_local! {
    /// The remaining allocations allowed to this thread. Allocations of other threads belong to
    /// the test harness.
    static BUDGET: Cell<u64> = const { Cell::new(u64::MAX) };
    /// The largest allocation allowed to this thread, in bytes.
    static LARGEST: Cell<usize> = const { Cell::new(usize::MAX) };
    /// The bytes currently allocated by this thread.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// The maximum of the allocated bytes.
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// The system allocator, with a budget.
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

fn count(bytes: isize) {
    let held = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        held.get()
    });
    if let Ok(held) = held {
        let _ = MOST.try_with(|most| most.set(most.get().max(held)));
    }
}

#[allow(
    unsafe_code,
    reason = "an allocator that refuses cannot be had otherwise"
)]
// SAFETY: an allocation within the budget is passed to the system allocator unchanged, and an
// allocator may return a null pointer to report failure.
unsafe impl GlobalAlloc for Meagre {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !granted(layout.size()) {
            return ptr::null_mut();
        }
        count(layout.size() as isize);
        // SAFETY: guaranteed by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: guaranteed by the caller.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !granted(size) {
            return ptr::null_mut();
        }
        // The old and the new memory may exist at the same time.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: guaranteed by the caller.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Meagre = Meagre;

/// Runs `work` with a maximum number of allocations.
fn with_budget<T>(budget: u64, work: impl FnOnce() -> T) -> T {
    BUDGET.set(budget);
    let done = work();
    BUDGET.set(u64::MAX);
    done
}

const POLICIES: [Policy; 3] = [Policy::Refuse, Policy::Lru, Policy::S3Fifo];

fn limits(policy: Policy) -> Limits {
    Limits {
        policy,
        ..Limits::default()
    }
}

/// An expected entry: its value, its version and its remaining time.
type Expected = BTreeMap<Vec<u8>, (Vec<u8>, u64, Option<u64>)>;

/// Checks that the map contains the expected entries. Removes evicted entries from them, and
/// checks their number against the statistics.
fn compare(map: &mut Map<impl Clock>, expected: &mut Expected, evicted: &mut u64) {
    let now = map.glance().evicted;
    let before = expected.len() as u64;
    let mut there = BTreeMap::new();
    let mut next = Some(0);
    while let Some(cursor) = next {
        next = map.scan(b"", cursor, u32::MAX, |scanned| {
            let entry = (scanned.value.to_vec(), scanned.version, scanned.expires_in);
            there.insert(scanned.key.to_vec(), entry);
        });
    }
    for (key, entry) in &there {
        assert!(expected.get(key) == Some(entry), "{key:?} is another");
    }
    assert_eq!(
        before - there.len() as u64,
        now - *evicted,
        "something is lost"
    );
    (*expected, *evicted) = (there, now);
}

fn key(n: u32) -> [u8; 4] {
    n.to_le_bytes()
}

/// Performs a write of one of several kinds, selected by number, with a maximum number of
/// allocations, and records the expected result.
fn write(
    map: &mut Map<impl Clock>,
    n: u32,
    budget: u64,
    expected: &mut Expected,
    version: &mut u64,
) -> Result<(), Error> {
    // New and existing keys, values of all lengths, with and without a deadline.
    let mut key = key(if n % 3 == 2 { n / 2 } else { n }).to_vec();
    let len = match n % 17 {
        0 => n as usize * 7 % 30_000,
        1..4 => n as usize * 7 % 3_000,
        _ => n as usize * 7 % 60,
    };
    let value = vec![key[0]; len];
    let (ttl, left) = match n % 2 {
        0 => (Ttl::Never, None),
        _ => (Ttl::After(u64::from(n)), Some(u64::from(n))),
    };
    match n % 7 {
        0..3 => {
            let stored = if n % 7 < 2 {
                with_budget(budget, || map.set(&key, &value, ttl))?
            } else {
                let there = expected.get(&key).map(|entry| entry.1);
                let condition = there.map_or(Condition::Absent, Condition::Version);
                with_budget(budget, || map.set_if(&key, &value, ttl, condition))?
            };
            *version += 1;
            assert_eq!(stored, *version, "a refused write used up a version");
            expected.insert(key, (value, stored, left));
        }
        3 => {
            key.push(0);
            let sum = with_budget(budget, || map.increment(&key, 1, ttl))?;
            *version += 1;
            let left = expected.get(&key).map_or(left, |entry| entry.2);
            expected.insert(key, (sum.to_le_bytes().to_vec(), *version, left));
        }
        4 => {
            let touched = with_budget(budget, || map.touch(&key, ttl))?;
            assert_eq!(touched, expected.contains_key(&key));
            expected.entry(key).and_modify(|entry| entry.2 = left);
        }
        5 => {
            let (new, old) = (self::key(n ^ 1 << 31), self::key(n / 3));
            let set = |key, ttl| Change::Set {
                key,
                value: &value,
                ttl,
            };
            let changes = [
                set(&new, ttl),
                Change::Delete { key: &old },
                set(&key, Ttl::Never),
            ];
            let outcomes = with_budget(budget, || map.apply(&changes));
            let outcomes = outcomes.map_err(|(_, error)| error)?;
            let there = expected.remove(&old[..]).is_some();
            assert_eq!(outcomes[1], Outcome::Deleted(there));
            *version += 2;
            expected.insert(new.to_vec(), (value.clone(), *version - 1, left));
            expected.insert(key, (value, *version, None));
        }
        _ => {
            let pin = with_budget(budget, || map.pin(&key))?;
            assert_eq!(pin.is_some(), expected.contains_key(&key));
            if let Some(pin) = pin {
                let held = map.pinned(&pin).expect("it is held");
                assert!(held.value == expected[&key].0[..]);
                map.unpin(pin);
            }
        }
    }
    Ok(())
}

/// Each write is tried with no allocation, with one, and so on until it succeeds.
#[test]
fn memory_refused_at_every_point_of_every_write() {
    for policy in POLICIES {
        let mut map = Map::new(|| 0, 7, limits(policy));
        let (mut expected, mut evicted, mut version) = (Expected::new(), 0, 0);
        let (mut refused, mut by_eviction) = (0, 0);
        for n in 1..3000 {
            for budget in 0.. {
                assert!(budget < 100, "a write that never passes");
                let gone = map.glance().evicted;
                let done = write(&mut map, n, budget, &mut expected, &mut version);
                if done.is_ok() {
                    by_eviction += u64::from(map.glance().evicted > gone);
                } else {
                    assert_eq!(done, Err(Error::Full));
                    assert_eq!(map.glance().evicted, gone, "evicted for nothing");
                    refused += 1;
                }
                if done.is_err() || n % 16 == 0 || map.glance().evicted > gone {
                    compare(&mut map, &mut expected, &mut evicted);
                    map.validate();
                }
                // Memory is available again.
                map.configure(limits(policy)).unwrap();
                if done.is_ok() {
                    break;
                }
            }
        }
        compare(&mut map, &mut expected, &mut evicted);
        let least = if policy == Policy::Refuse { 300 } else { 20 };
        assert!(refused > least, "{policy:?}: {refused} writes were refused");
        assert_eq!(by_eviction > 100, policy != Policy::Refuse, "{by_eviction}");
        // All entries can be removed without any allocation.
        let keys: Vec<Vec<u8>> = expected.keys().cloned().collect();
        with_budget(0, || {
            for key in &keys {
                assert_eq!(map.take(key, |_| ()), Some(()));
            }
        });
        let stats = map.stats();
        assert_eq!((stats.entries, stats.payload), (0, 0));
        map.validate();
    }
}

/// Allocations fail now and then, and for a long time. The memory held then becomes the limit, and
/// the map keeps working within it.
#[test]
fn growth_that_is_refused_makes_the_present_footprint_the_limit() {
    for policy in POLICIES {
        let mut map = Map::new(|| 0, 7, limits(policy));
        let (mut expected, mut evicted, mut version) = (Expected::new(), 0, 0);
        let mut n = 1;
        for _ in 0..8 {
            // Slightly more memory each time.
            map.configure(limits(policy)).unwrap();
            for _ in 0..200 {
                write(&mut map, n, u64::MAX, &mut expected, &mut version).unwrap();
                n += 1;
            }
            compare(&mut map, &mut expected, &mut evicted);
            let held = map.stats().bytes;
            let mut done = 0;
            for _ in 0..400 {
                // A batch allocates memory for its plan, but frees it again.
                let budget = if n % 7 == 5 { 4 } else { 0 };
                let written = write(&mut map, n, budget, &mut expected, &mut version);
                if map.glance().evicted > evicted {
                    compare(&mut map, &mut expected, &mut evicted);
                }
                done += u32::from(written.is_ok());
                n += 1;
                assert!(map.glance().bytes <= held + 5000, "{policy:?}");
            }
            compare(&mut map, &mut expected, &mut evicted);
            map.validate();
            assert!(
                done >= if policy == Policy::Refuse { 50 } else { 300 },
                "{done}"
            );
        }
    }
}

/// Overwriting existing values and all reads need no allocation.
#[test]
fn what_needs_no_memory() {
    for policy in POLICIES {
        let mut map = Map::new(|| 0, 7, limits(policy));
        let lens = [0, 8, 100, 900, 5_000, 70_000];
        for (n, len) in (0..).zip(lens) {
            let ttl = Ttl::After(5);
            map.set(&key(n), &vec![1; len], ttl).unwrap();
        }
        map.increment(b"n", 1, Ttl::Never).unwrap();
        let values = lens.map(|len| vec![2; len]);
        with_budget(0, || {
            for (n, value) in (0..).zip(&values) {
                let key = key(n);
                map.set(&key, value, Ttl::After(9)).unwrap();
                assert!(map.get(&key).is_some_and(|found| found == value[..]));
                map.get_many([&key[..]].into_iter(), |found| assert!(found.is_some()));
                assert_eq!(map.get_entry(&key).unwrap().expires_in, Some(9));
                map.touch(&key, Ttl::After(7)).unwrap();
                map.touch(&key, Ttl::Never).unwrap();
            }
            assert_eq!(map.increment(b"n", 1, Ttl::Never), Ok(2));
            let mut given = 0;
            assert_eq!(map.scan(b"", 0, 100, |_| given += 1), None);
            assert_eq!((given, map.len()), (7, 7));
            map.sweep(9);
            for n in 0..6 {
                assert!(map.delete(&key(n)));
            }
            map.clear();
        });
    }
}

/// Removing entries makes room again, each time, even if no table and no list can grow.
#[test]
fn what_is_deleted_makes_room_where_nothing_can_grow() {
    for seed in 0..5 {
        let mut map = Map::new(|| 0, seed, limits(Policy::Refuse));
        let full = 20_000;
        for n in 0..full {
            map.set(&key(n), b"v", Ttl::Never).unwrap();
        }
        let mut random = fastrand::Rng::with_seed(seed);
        let mut keys: Vec<u32> = (0..full).collect();
        with_budget(0, || {
            for _ in 0..20 {
                random.shuffle(&mut keys);
                for &n in &keys[..2_000] {
                    assert!(map.delete(&key(n)));
                }
                for &n in &keys[..2_000] {
                    let stored = map.set(&key(n), b"v", Ttl::Never);
                    assert!(stored.is_ok(), "seed {seed}, {n}");
                }
                assert_eq!(map.len(), u64::from(full));
            }
        });
        map.validate();
        for n in 0..full {
            assert!(map.contains(&key(n)), "{n}");
        }
    }
}

/// If nothing can grow, a map that evicts still accepts new entries, whichever table they belong
/// to.
#[test]
fn a_cache_that_cannot_grow_goes_on() {
    for policy in [Policy::Lru, Policy::S3Fifo] {
        let mut map = Map::new(|| 0, 7, limits(policy));
        for n in 0..20_000 {
            map.set(&key(n), b"v", Ttl::After(9)).unwrap();
        }
        with_budget(0, || {
            for n in 20_000..100_000 {
                let stored = map.set(&key(n), b"w", Ttl::After(9));
                assert!(stored.is_ok(), "{policy:?}, {n}");
                assert!(map.get(&key(n)).is_some_and(|value| value == b"w"));
            }
        });
        map.validate();
        assert!(map.len() >= 19_000, "{}", map.len());
    }
}

/// A bug of well-known caches: while a table of a million entries grows, it exists twice, each
/// time in one piece.
#[test]
fn a_resize_that_needs_old_and_new_at_once() {
    let limits = Limits {
        max_bytes: 256 << 20,
        policy: Policy::S3Fifo,
        ..Limits::default()
    };
    let entries = 400_000;
    LARGEST.set(256 << 10);
    let start = HELD.get();
    let mut map = Map::new(|| 0, 7, limits);
    let mut most = 0;
    for n in 0..entries {
        MOST.set(HELD.get());
        map.set(&key(n), b"value", Ttl::After(9)).unwrap();
        // How much more memory was allocated during the call than after it.
        most = most.max(MOST.get() - HELD.get());
    }
    LARGEST.set(usize::MAX);
    assert!(most < 256 << 10, "{most} bytes at once");
    // The reported memory is the actual memory.
    let stats = map.stats();
    assert_eq!(stats.entries, u64::from(entries));
    assert_eq!(stats.bytes, (HELD.get() - start).cast_unsigned() as u64);
}

/// After every operation, the memory that the map reports is the memory that it holds, and is
/// never above its limit.
#[test]
fn the_footprint_is_what_is_allocated() {
    for policy in POLICIES {
        let max_bytes = 1 << 20;
        let limits = Limits {
            max_bytes,
            max_entries: 3000,
            policy,
            ..Limits::default()
        };
        let mut random = fastrand::Rng::with_seed(9);
        let start = HELD.get();
        let mut map = Map::new(|| 0, 7, limits);
        let mut pins = Vec::with_capacity(1000);
        let value = vec![7; 60_000];
        let own = HELD.get() - start;
        for step in 0..40_000 {
            let key = key(random.u32(..6000));
            let len = match random.u8(..50) {
                0 => random.usize(..60_000),
                1..10 => random.usize(..3_000),
                _ => random.usize(..100),
            };
            MOST.set(HELD.get());
            match random.u8(..12) {
                0 => _ = map.delete(&key),
                1 => _ = map.touch(&key, Ttl::After(5)),
                2 if pins.len() < 1000 => pins.extend(map.pin(&key).ok().flatten()),
                3 if !pins.is_empty() => map.unpin(pins.swap_remove(random.usize(..pins.len()))),
                _ => _ = map.set(&key, &value[..len], Ttl::Never),
            }
            let held = (HELD.get() - start - own).cast_unsigned() as u64;
            let most = (MOST.get() - start - own).cast_unsigned() as u64;
            assert_eq!(map.glance().bytes, held, "{policy:?}, step {step}");
            assert!(held <= max_bytes);
            // A table or a list that grows temporarily exists twice.
            assert!(most <= max_bytes + 32_000, "{most}");
        }
        map.clear();
        pins.into_iter().for_each(|pin| map.unpin(pin));
        map.clear();
        assert!(map.stats().bytes < 32_000);
        drop(map);
    }
}
