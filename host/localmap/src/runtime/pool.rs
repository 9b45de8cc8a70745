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
//!     Engine::new(&config).ok()
//! });
//! # let _ = engine;
//! ```

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The size of a WebAssembly page in bytes.
pub(crate) const PAGE: usize = 64 << 10;

/// The maximum size of a 32-bit memory in bytes. With this much address space for each memory, no
/// access needs a bounds check.
const WHOLE_MEMORY: u64 = 4 << 30;

/// The maximum address space that a pool reserves to avoid bounds checks: a quarter of the address
/// space of a process.
const ROOMY: u64 = 1 << 45;

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

/// Makes an engine without a pool reserve only as much address space for each memory as `max_memory`
/// bytes need, instead of 4 GiB. Each access is then checked, so it takes longer. For processes that
/// have little address space.
///
/// ```
/// use localmap::pool;
/// use localmap::wasmtime::{Config, Engine};
///
/// let mut config = Config::new();
/// pool::set_small(&mut config, 64 << 20);
/// assert!(Engine::new(&config).is_ok());
/// ```
pub fn set_small(config: &mut Config, max_memory: usize) {
    let reservation = (pages(max_memory) as u64).min(WHOLE_MEMORY);
    config
        .memory_reservation(reservation)
        .memory_reservation_for_growth(0)
        .memory_guard_size(PAGE as u64);
}

/// Rounds up to whole pages, at least one.
pub(crate) fn pages(bytes: usize) -> usize {
    bytes.div_ceil(PAGE).saturating_mul(PAGE).max(PAGE)
}
