//! Creates what `serve` creates when it starts, and sees what this takes.

use super::wanted::{REQUESTS, Wanted};
use crate::machine::process::Process;
use crate::machine::tree::Tree;
use anyhow::Context;
use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{Engine, Store};
use localmap::{Allocation, Host, HostOptions, MAP_COMPONENT, MapOptions, Ttl};
use localmap_serve::{Sandbox, SandboxConfig};
use tokio::runtime::Builder;

/// The maximum number of maps and of instances that are created to see what one takes.
const TRIED: usize = 64;

/// What was tried. The errors are texts for the user.
pub(super) struct Probe {
    pub(super) maps: anyhow::Result<Tried>,
    pub(super) instances: anyhow::Result<Tried>,
    /// Whether there are engines with concurrency, for guests of WASI 0.3.
    pub(super) concurrency: anyhow::Result<()>,
}

/// What came of creating a pool and a few of what it is for.
pub(super) struct Tried {
    /// Whether there is a pool.
    pub(super) pooled: bool,
    /// The address space of the pool in bytes, if known.
    pub(super) address_space: Option<u64>,
    /// The address space in bytes that `count` maps or instances take on top.
    pub(super) space_used: Option<u64>,
    /// The number of mappings that the pool takes, and that `count` maps or instances take on top.
    pub(super) mappings: Option<u64>,
    pub(super) mappings_used: Option<u64>,
    pub(super) count: usize,
}

impl Probe {
    /// Tries the maps and the instances, in the order of `serve`: what one reserves, the other
    /// cannot have.
    pub(super) fn take(wanted: &Wanted, cache: bool) -> Self {
        let mut kept = None;
        Self {
            maps: maps(wanted, cache, &mut kept),
            instances: instances(wanted, cache),
            concurrency: SandboxConfig::new()
                .engine()
                .map(|_| ())
                .map_err(Into::into),
        }
    }
}

fn maps(wanted: &Wanted, cache: bool, kept: &mut Option<Host>) -> anyhow::Result<Tried> {
    let before = Used::now();
    let options = HostOptions::new()
        .max_maps(wanted.max_maps)
        .max_memory_for(&wanted.limits)
        .cache(cache);
    let host = Host::with_options(&options)?;
    let created = Used::now();
    let options = MapOptions::new().limits(wanted.limits.clone());
    let maps = several(wanted.max_maps, || {
        let mut map = host.map(&options)?;
        map.set(b"k", b"v", Ttl::Default)?;
        Ok(map)
    })?;
    let count = maps.len();
    let filled = Used::now();
    drop(maps);
    let pooled = host.allocation() == Allocation::Pooling;
    *kept = Some(host);
    Ok(Tried::new(pooled, &[before, created, filled], count))
}

/// Uses the map component as the guest: it is small, and needs only a clock and a seed.
fn instances(wanted: &Wanted, cache: bool) -> anyhow::Result<Tried> {
    let before = Used::now();
    let sandbox = SandboxConfig::new()
        .max_memory(wanted.max_instance)
        .cache(cache);
    let component = sandbox.compile_pooled(MAP_COMPONENT, REQUESTS)?;
    let created = Used::now();
    let instances = instantiate(&sandbox, &component)?;
    let count = instances.len();
    let filled = Used::now();
    drop(instances);
    let pooled = component.engine().pooling_allocator_metrics().is_some();
    Ok(Tried::new(pooled, &[before, created, filled], count))
}

fn instantiate(
    sandbox: &SandboxConfig,
    component: &Component,
) -> anyhow::Result<Vec<Store<Sandbox<()>>>> {
    let engine: &Engine = component.engine();
    let mut linker = Linker::<Sandbox<()>>::new(engine);
    Sandbox::add_to_linker_async(&mut linker)?;
    let pre = linker.instantiate_pre(component)?;
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .context("cannot start a runtime")?;
    several(REQUESTS, || {
        let guest = Sandbox::new(sandbox.wasi()?.build(), None, ());
        let mut store = sandbox.store_async(engine, guest);
        runtime.block_on(pre.instantiate_async(&mut store))?;
        Ok(store)
    })
}

/// Creates several maps or instances, but not more than `max`. If there is no room for that many,
/// those for which there is; the error is that of the first.
fn several<T>(max: u32, create: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<Vec<T>> {
    let mut all = vec![create()?];
    while all.len() < TRIED.min(max as usize) {
        match create() {
            Ok(one) => all.push(one),
            Err(_) => break,
        }
    }
    Ok(all)
}

/// What this process uses at a moment.
struct Used {
    address_space: Option<u64>,
    mappings: Option<u64>,
}

impl Used {
    fn now() -> Self {
        let process = Process::read(&Tree::this_machine());
        Self {
            address_space: process.address_space,
            mappings: process.mappings,
        }
    }
}

impl Tried {
    /// Returns `true` if there was no room for all that were to be created.
    pub(super) fn ran_out(&self, max: u32) -> bool {
        self.count < TRIED.min(max as usize)
    }

    /// Returns the number of mappings of this many maps or instances.
    pub(super) fn mappings_of(&self, count: u64) -> Option<u64> {
        let used = self.mappings_used?;
        Some(
            used.saturating_mul(count)
                .div_ceil(self.count.max(1) as u64),
        )
    }

    /// Compares the moments before the pool, after it was created, and after it was used.
    fn new(pooled: bool, [before, created, filled]: &[Used; 3], count: usize) -> Self {
        let more = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
        Self {
            pooled,
            address_space: more(before.address_space, created.address_space),
            space_used: more(created.address_space, filled.address_space),
            mappings: more(before.mappings, created.mappings),
            mappings_used: more(created.mappings, filled.mappings),
            count,
        }
    }
}
