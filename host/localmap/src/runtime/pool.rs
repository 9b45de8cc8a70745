//! Pools of memories that are wiped between guests, for the engine of a
//! [`Host`](crate::Host) and for engines of yours.
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

/// Bytes of a WebAssembly page.
pub(crate) const PAGE: usize = 64 << 10;

/// The most bytes of a 32-bit memory. With this much address space for each memory, no access
/// needs a bounds check.
const WHOLE_MEMORY: u64 = 4 << 30;

/// The most address space that a pool takes to avoid bounds checks: a quarter of what a
/// process has.
const ROOMY: u64 = 1 << 45;

/// Makes the instances of an engine come from a pool. Each slot is wiped, memory, tables and
/// async stack, before another instance uses it.
///
/// It overrides the settings of `slots` and of `config` that decide this. The example of
/// [`pool`](self) shows it.
pub fn set_wiped(config: &mut Config, mut slots: PoolingAllocationConfig) {
    // The whole slot is wiped before it is used again, whatever its instance has used of it.
    slots.decommit_batch_size(1).pagemap_scan(Enabled::No);
    // Stacks of async calls contain data of the guests.
    config.async_stack_zeroing(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots));
}

/// Returns the values of [`Config::memory_reservation`] to try for a pool with this many
/// memories of up to `max_memory` bytes, the best first: with 4 GiB of address space for each,
/// if that is not too much for a process, no access needs a bounds check. The example of
/// [`pool`](self) shows it.
pub fn reservations(memories: u64, max_memory: usize) -> impl Iterator<Item = u64> {
    let small = pages(max_memory) as u64;
    let roomy = memories.saturating_mul(WHOLE_MEMORY) <= ROOMY && small < WHOLE_MEMORY;
    roomy.then_some(WHOLE_MEMORY).into_iter().chain([small])
}

/// Rounds up to whole pages, at least one.
pub(crate) fn pages(bytes: usize) -> usize {
    bytes.div_ceil(PAGE).saturating_mul(PAGE).max(PAGE)
}
