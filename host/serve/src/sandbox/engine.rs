//! Wasmtime settings for the sandbox.

use crate::error::SandboxError;
use localmap::wasmtime::component::Component;
use localmap::wasmtime::{self, Config, Engine, PoolingAllocationConfig};
#[cfg(feature = "cache")]
use localmap::wasmtime::{Cache, CacheConfig};
use localmap::{Inspection, pool};

/// The maximum number of tables of an instance in the pool, and of the elements of each.
const TABLES: u32 = 16;
const ELEMENTS: usize = 20_000;

/// The number of stacks for each instance in the pool, on an engine with concurrency: those of a
/// task that waits without giving up its stack, and of the task that runs meanwhile.
const STACKS: u32 = 2;

/// What an engine must have for a component.
#[derive(Clone, Copy)]
pub(super) struct Needs {
    /// Whether it has to support concurrency.
    concurrency: bool,
    /// The number of memories of an instance, at least one.
    memories: u32,
}

impl Needs {
    /// Reads the needs of a component.
    pub(super) fn of(component: &[u8]) -> Self {
        // One that is not valid is not compiled.
        let found = localmap::inspect_declarations(component);
        found.map_or(Self::none(), |found| Self::found(&found))
    }

    /// Returns the needs of a component with this description.
    pub(super) fn found(found: &Inspection) -> Self {
        let memories = u32::try_from(found.memories.len()).unwrap_or(u32::MAX);
        Self {
            concurrency: found.concurrency.is_some(),
            memories: memories.max(1),
        }
    }

    fn none() -> Self {
        Self {
            concurrency: false,
            memories: 1,
        }
    }
}

/// The settings of an engine.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    /// The maximum memory of an instance in bytes.
    pub(super) max_memory: usize,
    /// Whether a guest that computes can be interrupted, which makes it slower.
    pub(super) epochs: bool,
    /// Whether compiled code is kept on disk.
    #[cfg(feature = "cache")]
    pub(super) cache: bool,
}

/// Creates an engine for components with and without concurrency that is not meant to run anything,
/// so it keeps no code.
pub(super) fn engine(settings: Settings) -> Result<Engine, SandboxError> {
    let settings = Settings {
        #[cfg(feature = "cache")]
        cache: false,
        ..settings
    };
    Engine::new(&on_demand(settings, true)).map_err(|source| SandboxError::Compile { source })
}

/// Compiles a component whose memory comes from the operating system, for one store at a time.
pub(super) fn compile(
    settings: Settings,
    component: &[u8],
    needs: Needs,
) -> Result<Component, SandboxError> {
    compile_on_demand(settings, component, needs, 1)
}

/// Compiles a component with a pool for this number of instances, if the address space for it is
/// available and the component fits.
pub(super) fn compile_pooled(
    settings: Settings,
    component: &[u8],
    needs: Needs,
    instances: u32,
) -> Result<Component, SandboxError> {
    let all = u64::from(needs.memories.saturating_mul(instances));
    let mut reservations = pool::reservations(all, settings.max_memory);
    let engine = reservations.find_map(|reservation| {
        let engine = Engine::new(&pooling(settings, needs, instances, reservation)).ok();
        engine.filter(|_| pool::has_room(0))
    });
    let component = match engine {
        None => compile_on_demand(settings, component, needs, instances),
        Some(engine) => match fitting(&engine, component, needs.memories) {
            Some(component) => Ok(component),
            None => {
                // Frees its address space.
                drop(engine);
                compile_on_demand(settings, component, needs, instances)
            }
        },
    }?;
    // Once, instead of for each store.
    localmap::advance_epochs(component.engine()).map_err(|error| cannot_compile(error.into()))?;
    Ok(component)
}

/// Compiles a component whose memory comes from the operating system, for this number of instances at a
/// time.
fn compile_on_demand(
    settings: Settings,
    component: &[u8],
    needs: Needs,
    instances: u32,
) -> Result<Component, SandboxError> {
    let mut config = on_demand(settings, needs.concurrency);
    let memories = u64::from(needs.memories.saturating_mul(instances));
    pool::set_reservation(&mut config, memories, settings.max_memory);
    let engine = Engine::new(&config).map_err(cannot_compile)?;
    Component::new(&engine, component).map_err(cannot_compile)
}

fn cannot_compile(source: wasmtime::Error) -> SandboxError {
    SandboxError::Compile { source }
}

/// Compiles a component for the pool of an engine, if it fits into its slots.
fn fitting(engine: &Engine, component: &[u8], memories: u32) -> Option<Component> {
    let component = Component::new(engine, component).ok()?;
    let needed = component.resources_required()?;
    let elements = needed.max_initial_table_size.unwrap_or(0);
    let fits = needed.num_memories <= memories
        && needed.num_tables <= TABLES
        && elements <= ELEMENTS as u64;
    fits.then_some(component)
}

fn on_demand(settings: Settings, concurrency: bool) -> Config {
    let mut config = Config::new();
    // Concurrency support would make each call of other components slower.
    match concurrency {
        true => localmap::set_concurrent_features(&mut config),
        false => localmap::set_features(&mut config),
    }
    config.epoch_interruption(settings.epochs);
    // If there is no cache folder, each run compiles.
    #[cfg(feature = "cache")]
    if settings.cache {
        config.cache(Cache::new(CacheConfig::new()).ok());
    }
    config
}

/// Returns the settings of an engine with a pool, with the given address space per memory.
fn pooling(settings: Settings, needs: Needs, instances: u32, reservation: u64) -> Config {
    let Needs {
        concurrency,
        memories,
    } = needs;
    let all = memories.saturating_mul(instances);
    let mut slots = PoolingAllocationConfig::new();
    slots
        .total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(100))
        .total_memories(all)
        .total_tables(instances.saturating_mul(TABLES))
        .table_elements(ELEMENTS)
        .total_stacks(match concurrency {
            true => instances.saturating_mul(STACKS),
            false => instances,
        })
        .max_memories_per_module(memories)
        .max_tables_per_module(TABLES)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_memory_size(settings.max_memory)
        // Instances are short-lived: what they touch of tables and stacks is zeroed instead of
        // unmapped. Of a memory, that would be its beginning, where guests in Rust have the end of
        // their stack, which few reach.
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(16 << 10)
        // One system call unmaps what several instances have touched.
        .decommit_batch_size(16)
        .max_unused_warm_slots(64);
    let mut config = on_demand(settings, concurrency);
    config.memory_reservation(reservation);
    pool::set_wiped(&mut config, slots);
    config
}
