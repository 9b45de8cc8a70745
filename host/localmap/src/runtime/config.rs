//! The settings of Wasmtime that the bounds and the safety of maps rest on.

use crate::runtime::host_options::{Allocation, HostOptions, Profile};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// What one store of an embedder may have of the pool, at most.
const CORE_INSTANCES: u32 = 16;
const MEMORIES: u32 = 4;
const TABLES: u32 = 8;

/// How many async calls may run at a time in stores of an embedder: each has a stack, whose
/// guard takes two mappings from the start.
const STACKS: u32 = 1_000;

/// Pages of WebAssembly.
const PAGE: usize = 64 << 10;

/// What a 32-bit memory can have: with so much address space for each, no access needs a
/// check of its bounds.
const WHOLE_MEMORY: u64 = 4 << 30;

/// The most address space that a pool takes for being fast: a quarter of what a process
/// has.
const ROOMY: u64 = 1 << 45;

/// An engine, and where its memories come from.
pub(crate) fn engine(options: &HostOptions) -> wasmtime::Result<(Engine, Allocation)> {
    let slots = u64::from(options.max_maps) * u64::from(MEMORIES + 1);
    let mut refused = None;
    if options.allocation != Allocation::OnDemand {
        let small = pages(options.max_memory) as u64;
        let roomy = slots.saturating_mul(WHOLE_MEMORY) <= ROOMY && small < WHOLE_MEMORY;
        for reservation in roomy.then_some(WHOLE_MEMORY).into_iter().chain([small]) {
            match Engine::new(&pooling(options, reservation)) {
                Ok(engine) => return Ok((engine, Allocation::Pooling)),
                Err(error) => refused = Some(error),
            }
        }
    }
    match refused {
        Some(error) if options.allocation == Allocation::Pooling => Err(error),
        _ => Ok((Engine::new(&on_demand(options))?, Allocation::OnDemand)),
    }
}

/// What holds for all engines.
fn on_demand(options: &HostOptions) -> Config {
    let mut config = Config::new();
    // Nothing here is async; without it a call costs a third.
    config.concurrency_support(false);
    // What ends a call that takes too long.
    config.epoch_interruption(true);
    config.max_wasm_stack(options.max_wasm_stack);
    // For stores of the embedder: what the guest has, and 1 MiB for the host.
    config.async_stack_size(options.max_wasm_stack.saturating_add(1 << 20).max(2 << 20));
    // An image that is mapped takes two mappings more of the 65,530 that Linux has for a
    // process than one that is copied.
    config.memory_init_cow(false);
    #[cfg(feature = "cache")]
    if options.cache {
        config.cache(wasmtime::Cache::new(wasmtime::CacheConfig::new()).ok());
    }
    config
}

fn pooling(options: &HostOptions, reservation: u64) -> Config {
    // There is a pool for no maps too.
    let maps = options.max_maps.max(1);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(maps.saturating_mul(2))
        .total_core_instances(maps.saturating_mul(2 * CORE_INSTANCES))
        .total_memories(maps.saturating_mul(1 + MEMORIES))
        .total_tables(maps.saturating_mul(1 + TABLES))
        .total_stacks(maps.min(STACKS))
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .max_memory_size(pages(options.max_memory))
        // A slot is wiped before it can be had again, all of it, whatever a map thinks it
        // has used.
        .decommit_batch_size(1)
        .pagemap_scan(Enabled::No);
    match options.profile {
        Profile::Dense => pool.max_unused_warm_slots(0),
        Profile::Churn => pool
            .linear_memory_keep_resident(PAGE)
            .table_keep_resident(4 << 10)
            .max_unused_warm_slots(16),
    };
    let mut config = on_demand(options);
    config.memory_reservation(reservation);
    // Stacks of async calls hold what went through the host.
    config.async_stack_zeroing(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// So many bytes in whole pages.
fn pages(bytes: usize) -> usize {
    bytes.div_ceil(PAGE).saturating_mul(PAGE).max(PAGE)
}
