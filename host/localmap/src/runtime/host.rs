//! The host, which all of its maps share: an engine and the compiled map component.

use crate::artifact::components::MAP_COMPONENT;
use crate::cancel::ticker::TICKER;
use crate::runtime::compiled::Compiled;
use crate::runtime::config;
use crate::runtime::create_error::CreateError;
use crate::runtime::host_options::{Allocation, HostOptions};
use crate::runtime::host_stats::{HostCounts, HostStats, add_one};
use crate::runtime::local_map::LocalMap;
use crate::runtime::map_options::MapOptions;
use crate::runtime::permits::Permits;
use std::fmt;
use std::sync::Arc;
use wasmtime::Engine;

/// Creates maps. A host consists of an engine and the compiled map component.
///
/// Creating a host compiles the component, which takes far longer than creating a map, so create
/// one host and keep it. Clones are cheap and share the engine, the component and the limits.
///
/// ```
/// use localmap::{Host, MapOptions, Ttl};
///
/// let host = Host::new()?;
/// let mut map = host.map(&MapOptions::new())?;
/// map.set(b"k", b"v", Ttl::Default)?;
/// assert_eq!(host.live_maps(), 1);
/// drop(map);
/// assert_eq!(host.live_maps(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Host {
    engine: Engine,
    allocation: Allocation,
    map: Arc<Compiled>,
    options: Arc<HostOptions>,
    permits: Arc<Permits>,
    counts: Arc<HostCounts>,
}

impl Host {
    /// Creates a host with the default options. See [`Host`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`CreateError::Engine`] if Wasmtime cannot run on this machine.
    pub fn new() -> Result<Self, CreateError> {
        Self::with_options(&HostOptions::new())
    }

    /// Creates a host with the given options. See [`HostOptions`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`CreateError::Engine`] if Wasmtime cannot run on this machine with these
    /// options.
    pub fn with_options(options: &HostOptions) -> Result<Self, CreateError> {
        Self::link(MAP_COMPONENT, options, |source| CreateError::Engine {
            source,
        })
    }

    /// Creates a host with a map component other than [`MAP_COMPONENT`].
    ///
    /// The component must fit `world provider` of the contract, which [`inspect`](crate::inspect)
    /// checks. The host runs the component's core module, which must export all functions of
    /// `local-map` and `control` by their canonical names, and `cabi_realloc` and `memory`, as
    /// modules built with `wit-bindgen` do. It may import the clock, the seed, and the functions for
    /// handles of its own pins.
    ///
    /// ```
    /// use localmap::{Host, HostOptions, MAP_COMPONENT};
    ///
    /// assert!(localmap::inspect(MAP_COMPONENT)?.provider.is_empty());
    /// let host = Host::with_component(MAP_COMPONENT, &HostOptions::new())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`CreateError::Component`] if `bytes` are not a component, if none of its core
    ///   modules exports the contract, or if that module exports a function of another type or
    ///   imports anything else.
    /// - Returns [`CreateError::Engine`] if Wasmtime cannot run on this machine with these
    ///   options.
    pub fn with_component(bytes: &[u8], options: &HostOptions) -> Result<Self, CreateError> {
        Self::link(bytes, options, |source| CreateError::Component { source })
    }

    fn link(
        bytes: &[u8],
        options: &HostOptions,
        unusable: impl FnOnce(wasmtime::Error) -> CreateError,
    ) -> Result<Self, CreateError> {
        let (engine, allocation) = config::engine(options)
            .and_then(|(engine, allocation)| {
                TICKER.watch(&engine)?;
                Ok((engine, allocation))
            })
            .map_err(|source| CreateError::Engine { source })?;
        Ok(Self {
            map: Arc::new(Compiled::new(&engine, bytes).map_err(unusable)?),
            engine,
            allocation,
            options: Arc::new(options.clone()),
            permits: Arc::new(Permits::new(options.max_maps)),
            counts: Arc::default(),
        })
    }

    /// Returns how the host allocates the memory of its maps: [`Allocation::Pooling`],
    /// [`Allocation::OnDemand`] or [`Allocation::Compact`].
    ///
    /// ```
    /// use localmap::{Allocation, Host, HostOptions};
    ///
    /// let options = HostOptions::new().allocation(Allocation::OnDemand);
    /// assert_eq!(Host::with_options(&options)?.allocation(), Allocation::OnDemand);
    /// # Ok::<(), localmap::CreateError>(())
    /// ```
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }

    /// Returns the limit on live maps.
    pub(crate) fn max_maps(&self) -> u32 {
        self.options.max_maps
    }

    /// Returns the number of live maps of this host. See [`Host`] for an example.
    pub fn live_maps(&self) -> usize {
        self.permits.taken() as usize
    }

    /// Returns what has become of the maps of this host.
    ///
    /// ```
    /// use localmap::{Host, MapOptions};
    ///
    /// let host = Host::new()?;
    /// drop(host.map(&MapOptions::new())?);
    /// let stats = host.stats();
    /// assert_eq!((stats.live, stats.created, stats.ended.dropped), (0, 1, 1));
    /// # Ok::<(), localmap::CreateError>(())
    /// ```
    pub fn stats(&self) -> HostStats {
        HostStats {
            live: self.permits.taken(),
            max_maps: self.options.max_maps,
            waiting: self.permits.waiting(),
            ..self.counts.stats()
        }
    }

    /// Creates an empty map, with its own store and instance. See [`Host`] for an example.
    ///
    /// If there are [`HostOptions::max_maps`] live maps, waits at most [`HostOptions::wait`]
    /// for one of them to end.
    ///
    /// # Errors
    ///
    /// - Returns [`CreateError::TooManyMaps`] if the limit on live maps is reached.
    /// - Returns [`CreateError::TooMuchMemory`] if the options ask for more memory than the
    ///   host allows.
    /// - Returns [`CreateError::Limits`] if a limit is out of its range.
    /// - Returns [`CreateError::Cancelled`] if the options' handle is cancelled.
    /// - Returns [`CreateError::TimedOut`] if creating the map exceeds the time of a call.
    /// - Returns [`CreateError::TooManyMappings`] if compact maps take as many mappings as they may.
    /// - Returns [`CreateError::PoolExhausted`] if your own stores use the rest of the pool.
    /// - Returns [`CreateError::Instantiate`] or [`CreateError::Trapped`] if the component
    ///   cannot start, for example with too little memory.
    pub fn map(&self, options: &MapOptions) -> Result<LocalMap, CreateError> {
        let (compiled, host) = (&self.map, &self.options);
        let created = LocalMap::new(compiled, host, &self.permits, &self.counts, options);
        if created.is_err() {
            add_one(&self.counts.refused);
        }
        created
    }
}

/// Returns the engine, on which you can create your own stores, with or without a map. The pool has
/// slots for [`HostOptions::max_maps`] of them.
///
/// The engine has no concurrency support, and has epoch interruption turned on. The epoch deadline
/// of a new store has already passed: set one, or let a [handle](crate::CancelHandle::guard) set
/// it.
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
