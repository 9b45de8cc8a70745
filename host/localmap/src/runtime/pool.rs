//! Pools of memories that are wiped between guests, and the address space of memories, for the
//! engine of a [`Host`](crate::Host) and for your own engines.
//!
//! ```
//! use localmap::pool;
//! use localmap::wasmtime::{Config, Engine, PoolingAllocationConfig};
//!
//! let mut slots = PoolingAllocationConfig::new();
//! slots.total_memories(100).max_memory_size(64 << 20);
//! let engine = pool::reservations(100, 64 << 20).find_map(|reservation| {
//!     let mut config = Config::new();
//!     config.memory_reservation(reservation);
//!     pool::set_wiped(&mut config, slots.clone());
//!     // The rest of the program needs some address space as well.
//!     Engine::new(&config).ok().filter(|_| pool::has_room(0))
//! });
//! # let _ = engine;
//! ```

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, Memory, MemoryType,
    PoolingAllocationConfig, Store,
};

/// The size of a WebAssembly page in bytes.
pub(crate) const PAGE: usize = 64 << 10;

/// The maximum size of a 32-bit memory in bytes. With this much address space for each memory, no
/// access needs a bounds check.
const WHOLE_MEMORY: u64 = 4 << 30;

/// The maximum address space that a pool reserves to avoid bounds checks: a quarter of the address
/// space of a process.
const ROOMY: u64 = 1 << 45;

/// The guards on both sides of a memory: with 4 GiB, so large that no offset leads beyond them.
const WHOLE_GUARD: u64 = 32 << 20;
const GUARD: u64 = PAGE as u64;

/// The number of steps in which a memory that is moved grows to its maximum, and the maximum size of a
/// step in bytes.
const GROWTH_STEPS: u64 = 16;
const MAX_GROWTH: u64 = 16 << 20;

/// The address space in bytes that is left for the rest of the program: compiled code, stacks of
/// threads, and the heap.
const REST: u64 = 256 << 20;

/// The address space in bytes that each process has if it is not limited, with the smallest address
/// spaces that 64-bit kernels are built for.
const SURE: u64 = 16 << 30;

/// The address space in bytes of the threads that compile.
const THREADS: u64 = 1 << 30;

/// Makes an engine allocate its instances from a pool. The memory, tables and async stack of each
/// slot are wiped before another instance uses it.
///
/// Overrides the related settings of `slots` and of `config`, apart from
/// [`decommit_batch_size`](PoolingAllocationConfig::decommit_batch_size): a slot is then wiped
/// later, but before it is used again. See [`pool`](self) for an example.
pub fn set_wiped(config: &mut Config, mut slots: PoolingAllocationConfig) {
    // The scan misses pages that are dirty but swapped out, or just being moved.
    slots.pagemap_scan(Enabled::No);
    // Stacks of async calls contain data of guests.
    config.async_stack_zeroing(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots));
}

/// Returns the values of [`Config::memory_reservation`] to try for a pool with this many
/// memories of up to `max_memory` bytes, the best first. The best value is 4 GiB, if the address
/// space of a process is large enough, because no access then needs a bounds check. See
/// [`pool`](self) for an example.
pub fn reservations(memories: u64, max_memory: usize) -> impl Iterator<Item = u64> {
    let small = pages(max_memory) as u64;
    let roomy = memories.saturating_mul(WHOLE_MEMORY) <= ROOMY && small < WHOLE_MEMORY;
    roomy.then_some(WHOLE_MEMORY).into_iter().chain([small])
}

/// Sets how much address space each memory of an engine without a pool reserves: as much as there is
/// room for, if this number of memories of up to `max_memory` bytes is live at a time.
///
/// - 4 GiB, the default of Wasmtime, if that is at most a quarter of the address space of a process: no
///   access needs a bounds check.
/// - `max_memory`: each access is checked, so it takes longer.
/// - Otherwise only what a memory uses, and a part of `max_memory` to grow into: it is also moved when
///   it grows beyond that part, for which the old and the new place are reserved for a moment.
///
/// Some address space is left for the rest of the program. If there is hardly more than that, compiling
/// is done by one thread, since each has a stack and a heap.
///
/// ```
/// use localmap::pool;
/// use localmap::wasmtime::{Config, Engine};
///
/// let mut config = Config::new();
/// pool::set_reservation(&mut config, 1, 64 << 20);
/// assert!(Engine::new(&config).is_ok());
/// ```
pub fn set_reservation(config: &mut Config, memories: u64, max_memory: usize) {
    let limit = pages(max_memory) as u64;
    let all = |each: u64, guard: u64| memories.saturating_mul(each.saturating_add(2 * guard));
    let whole = all(WHOLE_MEMORY, WHOLE_GUARD);
    if whole <= ROOMY && has_room(whole) {
        config
            .memory_reservation(WHOLE_MEMORY)
            .memory_guard_size(WHOLE_GUARD);
        return;
    }
    if !has_room(THREADS) {
        config.parallel_compilation(false);
    }
    config.memory_guard_size(GUARD);
    if limit < WHOLE_MEMORY && has_room(all(limit, GUARD)) {
        config
            .memory_reservation(limit)
            .memory_reservation_for_growth(0);
        return;
    }
    config
        .memory_reservation(0)
        .memory_reservation_for_growth((limit / GROWTH_STEPS).clamp(PAGE as u64, MAX_GROWTH));
}

/// Returns `true` if the process can reserve this much address space, in one piece, and still has some
/// for the rest of the program: compiled code, stacks of threads, and the heap.
///
/// ```
/// use localmap::pool;
///
/// assert!(!pool::has_room(u64::MAX));
/// ```
pub fn has_room(bytes: u64) -> bool {
    // Trying takes an engine.
    if bytes <= SURE && is_unlimited() {
        return true;
    }
    let mut config = Config::new();
    config
        .memory_reservation(bytes.saturating_add(REST))
        .memory_guard_size(0);
    // The operating system is asked in the same way as for a real memory.
    let memory = Engine::new(&config)
        .and_then(|engine| Memory::new(Store::new(&engine, ()), MemoryType::new(1, None)));
    memory.is_ok()
}

/// Returns `true` if nothing but the processor limits the address space of this process.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_unlimited() -> bool {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::As).current.is_none()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_unlimited() -> bool {
    false
}

/// Rounds up to whole pages, at least one.
pub(crate) fn pages(bytes: usize) -> usize {
    bytes.div_ceil(PAGE).saturating_mul(PAGE).max(PAGE)
}
