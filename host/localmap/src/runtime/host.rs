//! What all maps of a program share: the engine and the compiled component.

use super::config;
use crate::artifact::MAP_COMPONENT;
use crate::cancel::ticker;
use crate::contract::duration::nanos;
use crate::contract::names::{CLOCK, SEED};
use crate::runtime::compiled::Compiled;
use crate::runtime::create_error::CreateError;
use crate::runtime::host_options::{Allocation, HostOptions};
use crate::runtime::local_map::LocalMap;
use crate::runtime::map_options::MapOptions;
use crate::runtime::permits::Permits;
use crate::runtime::store_data::StoreData;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, StoreContextMut};

/// Makes maps: holds the engine and the map component, compiled once.
///
/// Making a host compiles the component, which takes far longer than making a
/// map: make one and keep it. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Host {
    engine: Engine,
    allocation: Allocation,
    map: Arc<Compiled>,
    options: Arc<HostOptions>,
    slots: Arc<Permits>,
}

impl Host {
    /// Sets up Wasmtime and compiles the map component, with the default options.
    ///
    /// # Errors
    ///
    /// [`CreateError::Engine`] where Wasmtime cannot compile for this machine.
    pub fn new() -> Result<Self, CreateError> {
        Self::with_options(&HostOptions::new())
    }

    /// Does so with other options.
    ///
    /// # Errors
    ///
    /// [`CreateError::Engine`] where Wasmtime cannot run on this machine with these
    /// options.
    pub fn with_options(options: &HostOptions) -> Result<Self, CreateError> {
        Self::link(MAP_COMPONENT, options, |source| CreateError::Engine {
            source,
        })
    }

    /// Does so with another map component than the one that comes with this crate: one
    /// that fits `world provider` of the contract, which [`inspect`](crate::inspect)
    /// tells.
    ///
    /// # Errors
    ///
    /// [`CreateError::Component`] where the bytes are not a component that Wasmtime
    /// compiles, or it imports more or exports other types than the contract has;
    /// [`CreateError::Engine`] where Wasmtime cannot run on this machine with these
    /// options.
    pub fn with_component(bytes: &[u8], options: &HostOptions) -> Result<Self, CreateError> {
        Self::link(bytes, options, |source| CreateError::Component { source })
    }

    fn link(
        bytes: &[u8],
        options: &HostOptions,
        refused: impl FnOnce(wasmtime::Error) -> CreateError,
    ) -> Result<Self, CreateError> {
        let (engine, allocation) = config::engine(options)
            .and_then(|made| Ok(ticker::watch(&made.0).map(|()| made)?))
            .map_err(|source| CreateError::Engine { source })?;
        Ok(Self {
            map: Arc::new(link(&engine, bytes).map_err(refused)?),
            engine,
            allocation,
            options: Arc::new(options.clone()),
            slots: Arc::new(Permits::new(options.max_maps)),
        })
    }

    /// Where the memories of its maps come from: [`Allocation::Pooling`] or
    /// [`Allocation::OnDemand`].
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }

    /// How many of its maps are alive now.
    pub fn live_maps(&self) -> usize {
        self.slots.taken() as usize
    }

    /// A new, empty map, in a store and an instance of its own.
    ///
    /// Where there are [`HostOptions::max_maps`], it waits as long as
    /// [`HostOptions::wait`] for one to end.
    ///
    /// # Errors
    ///
    /// See [`CreateError`]: too many maps, limits out of their range, too little memory or
    /// too much, or it was cancelled.
    pub fn map(&self, options: &MapOptions) -> Result<LocalMap, CreateError> {
        LocalMap::new(&self.map, &self.options, &self.slots, options)
    }
}

/// Compiles a map component and links it with the clock of the store.
fn link(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Compiled> {
    let component = Component::new(engine, bytes)?;
    let mut linker = Linker::<StoreData>::new(engine);
    let mut clock = linker.instance(CLOCK)?;
    clock.func_wrap("now", |store: StoreContextMut<'_, StoreData>, (): ()| {
        Ok((nanos(store.data().clock.now()),))
    })?;
    clock.func_wrap("resolution", |_: StoreContextMut<'_, StoreData>, (): ()| {
        Ok((1u64,))
    })?;
    linker.instance(SEED)?.func_wrap(
        "insecure-seed",
        |_: StoreContextMut<'_, StoreData>, (): ()| Ok(((random(), random()),)),
    )?;
    Compiled::new(linker.instantiate_pre(&component)?, bytes)
}

/// The engine is for stores of your own too, which need not hold a map: the pool has room
/// for [`HostOptions::max_maps`] of them.
///
/// It has no concurrency support and counts epochs: a store starts with a deadline that has
/// passed, so set one, or let a [handle](crate::CancelHandle::guard) do so.
impl AsRef<Engine> for Host {
    fn as_ref(&self) -> &Engine {
        &self.engine
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("allocation", &self.allocation)
            .field("live_maps", &self.live_maps())
            .finish_non_exhaustive()
    }
}

/// 64 bits that a guest cannot foresee: the standard library seeds its hash maps
/// from the operating system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
