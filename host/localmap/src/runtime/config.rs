//! The settings of Wasmtime on which the bounds and the isolation of maps depend.

use crate::contract::features::set_features;
use crate::runtime::host_options::{Allocation, HostOptions, Profile};
use crate::runtime::pool::{self, PAGE, pages};
use wasmtime::{Config, Engine, PoolingAllocationConfig};

/// The maximum number of core instances, memories and tables of the pool in one store of an
/// embedder.
const CORE_INSTANCES: u32 = 16;
const MEMORIES: u32 = 4;
const TABLES: u32 = 8;

/// The number of async calls that may run at a time in stores of an embedder. Each has a stack,
/// whose guard takes two mappings from the start.
const STACKS: u32 = 1_000;

/// The initial memory of our map component. A memory of this size is one mapping, next to others.
pub(crate) const FIRST_MEMORY: usize = PAGE;

/// Creates an engine. Also returns how it allocates its memories.
pub(crate) fn engine(options: &HostOptions) -> wasmtime::Result<(Engine, Allocation)> {
    if options.allocation == Allocation::Compact {
        return Ok((Engine::new(&compact(options))?, Allocation::Compact));
    }
    let slots = u64::from(options.max_maps) * u64::from(MEMORIES + 1);
    let mut failed = None;
    if options.allocation != Allocation::OnDemand {
        for reservation in pool::reservations(slots, options.max_memory) {
            match Engine::new(&pooling(options, reservation)) {
                // Nothing is left for the stacks of threads and for compiled code.
                Ok(_) if options.allocation == Allocation::Auto && !pool::has_room(0) => {}
                Ok(engine) => return Ok((engine, Allocation::Pooling)),
                Err(error) => failed = Some(error),
            }
        }
    }
    let mut config = on_demand(options);
    match failed {
        Some(error) if options.allocation == Allocation::Pooling => return Err(error),
        _ => pool::set_reservation(&mut config, options.max_maps.into(), options.max_memory),
    }
    Ok((Engine::new(&config)?, Allocation::OnDemand))
}

/// Returns the settings of all engines.
fn on_demand(options: &HostOptions) -> Config {
    let mut config = Config::new();
    // Without concurrency support: nothing here is async, and a call takes a third of the time.
    set_features(&mut config);
    // Ends a call that takes too long.
    config.epoch_interruption(true);
    config.max_wasm_stack(options.max_wasm_stack);
    // For stores of the embedder: the guest's stack, and 1 MiB for the host.
    config.async_stack_size(options.max_wasm_stack.saturating_add(1 << 20).max(2 << 20));
    // A mapped image takes two more mappings than a copied one. Linux allows 65,530 mappings for
    // each process.
    config.memory_init_cow(false);
    #[cfg(feature = "cache")]
    if options.cache {
        config.cache(wasmtime::Cache::new(wasmtime::CacheConfig::new()).ok());
    }
    config
}

/// Returns the settings of an engine whose memories have no more address space than they need at
/// first. A memory that grows gets all that it may need, so that it is moved once.
fn compact(options: &HostOptions) -> Config {
    let mut config = on_demand(options);
    config
        .memory_reservation(FIRST_MEMORY as u64)
        .memory_reservation_for_growth(pages(options.max_memory) as u64)
        .memory_guard_size(0)
        .memory_may_move(true);
    config
}

/// Returns the settings of an engine with a pool, with this much address space per memory.
fn pooling(options: &HostOptions, reservation: u64) -> Config {
    // A pool has at least one slot, even if there may be no maps.
    let maps = options.max_maps.max(1);
    let mut slots = PoolingAllocationConfig::new();
    slots
        .total_component_instances(maps.saturating_mul(2))
        .total_core_instances(maps.saturating_mul(2 * CORE_INSTANCES))
        .total_memories(maps.saturating_mul(1 + MEMORIES))
        .total_tables(maps.saturating_mul(1 + TABLES))
        .total_stacks(maps.min(STACKS))
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .max_memory_size(pages(options.max_memory));
    match options.profile {
        Profile::Dense => slots.max_unused_warm_slots(0),
        Profile::Churn => slots
            .linear_memory_keep_resident(PAGE)
            .table_keep_resident(4 << 10)
            .max_unused_warm_slots(16),
    };
    let mut config = on_demand(options);
    config.memory_reservation(reservation);
    pool::set_wiped(&mut config, slots);
    config
}
