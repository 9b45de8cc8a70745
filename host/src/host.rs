//! What all maps of a program share: the engine and the compiled component.

use crate::bindings;
use crate::clock::nanos;
use crate::error::CreateError;
use crate::local_map::LocalMap;
use crate::options::MapOptions;
use crate::store::State;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, StoreContextMut};

/// The map component, as built from `guest/map`.
pub(crate) const COMPONENT: &[u8] = include_bytes!("../guest.wasm");

/// Makes maps: holds the engine and the map component, compiled once.
///
/// Making a host compiles the component, which takes far longer than making a
/// map: make one and keep it. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Host {
    engine: Engine,
    map: bindings::InstancePre<State>,
}

impl Host {
    /// Sets up Wasmtime and compiles the map component.
    ///
    /// # Errors
    ///
    /// [`CreateError::Engine`] where Wasmtime cannot compile for this machine.
    pub fn new() -> Result<Self, CreateError> {
        Self::link(COMPONENT).map_err(|source| CreateError::Engine { source })
    }

    /// Does so with another map component than the one that comes with this crate: one
    /// that fits `world provider` of the contract, which [`inspect`](crate::inspect)
    /// tells.
    ///
    /// # Errors
    ///
    /// [`CreateError::Component`] where the bytes are not a component that Wasmtime
    /// compiles, or it imports more or exports other types than the contract has.
    pub fn with_component(bytes: &[u8]) -> Result<Self, CreateError> {
        Self::link(bytes).map_err(|source| CreateError::Component { source })
    }

    fn link(bytes: &[u8]) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        // Nothing here is async; without it a call costs a third.
        config.concurrency_support(false);
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, bytes)?;
        let mut linker = Linker::<State>::new(&engine);
        let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
        clock.func_wrap("now", |store: StoreContextMut<'_, State>, (): ()| {
            Ok((nanos(store.data().clock.now()),))
        })?;
        clock.func_wrap("resolution", |_: StoreContextMut<'_, State>, (): ()| {
            Ok((1u64,))
        })?;
        linker
            .instance("wasi:random/insecure-seed@0.2.0")?
            .func_wrap("insecure-seed", |_: StoreContextMut<'_, State>, (): ()| {
                Ok(((random(), random()),))
            })?;
        let map = bindings::InstancePre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, map })
    }

    /// A new, empty map, in a store and an instance of its own.
    ///
    /// # Errors
    ///
    /// See [`CreateError`]: limits out of their range, or too little memory.
    pub fn map(&self, options: &MapOptions) -> Result<LocalMap, CreateError> {
        LocalMap::new(&self.engine, &self.map, options)
    }
}

impl AsRef<Engine> for Host {
    fn as_ref(&self) -> &Engine {
        &self.engine
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

/// 64 bits that a guest cannot foresee: the standard library seeds its hash maps
/// from the operating system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
