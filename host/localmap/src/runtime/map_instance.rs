//! The instance of a live map, its limits and its end.

use crate::cancel::handle::CancelHandle;
use crate::contract::error::{
    Cancelled, ConfigureError, MapTerminated, TerminationCause, TimedOut,
};
use crate::contract::limits::Limits;
use crate::contract::observer::Observer;
use crate::runtime::abi::pins::PinHandles;
use crate::runtime::compiled::Compiled;
use crate::runtime::core_instance::CoreInstance;
use crate::runtime::create_error::CreateError;
use crate::runtime::growth::{ENTRY, Growth};
use crate::runtime::host_stats::{HostCounts, add_one};
use crate::runtime::map_options::MapOptions;
use crate::runtime::map_state::Instance;
use crate::runtime::mappings::Mappings;
use crate::runtime::memory::MemoryLimiter;
use crate::runtime::permits::Permit;
use crate::runtime::pinned::Released;
use crate::runtime::store_data::StoreData;
use crate::snapshot::publisher::Publisher;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{PoolConcurrencyLimitError, Store, UpdateDeadline};

/// The instance of a map, with its store.
pub(crate) struct MapInstance {
    pub(crate) core: CoreInstance,
    /// The limits in force.
    pub(crate) limits: Limits,
    /// Dropped pins, which the map still holds.
    pub(crate) released: Arc<Released>,
    /// Publishes the map's snapshot, which ends with the instance.
    pub(crate) publisher: Publisher,
    /// How the limit on bytes is raised; `None` if it stays.
    growth: Option<Box<Growth>>,
    observer: Option<Arc<dyn Observer>>,
    counts: Arc<HostCounts>,
    /// Dropped after the store, so that another map can be created only when the memory is free.
    _permit: Permit,
}

impl MapInstance {
    /// Creates a store and an instance in it, and configures the map.
    pub(crate) fn new(
        compiled: &Arc<Compiled>,
        options: &MapOptions,
        max_memory: usize,
        handle: &CancelHandle,
        permit: Permit,
        mappings: Option<Mappings>,
        counts: Arc<HostCounts>,
    ) -> Result<Self, CreateError> {
        let memory = MemoryLimiter::new(max_memory).max_table_elements(options.max_table_elements);
        let pins = PinHandles::new(options.max_handles);
        let data = StoreData::new(
            options.clock.clone(),
            memory,
            mappings,
            pins,
            Arc::clone(&counts),
        );
        let mut store = Store::new(compiled.instance.module().engine(), data);
        store.limiter(|data| data);
        bound_calls(&mut store, handle.clone(), options.call_timeout);
        handle.interrupt_calls_in(store.engine());
        store.set_epoch_deadline(1);
        let core = CoreInstance::new(store, compiled, options.fuel(max_memory))
            .map_err(|error| create_error(error, |source| CreateError::Instantiate { source }))?;
        let mut live = Self {
            core,
            limits: options.limits.clone(),
            released: Arc::new(Released::new()),
            publisher: Publisher::new(),
            growth: options
                .grants
                .clone()
                .map(|grants| Box::new(Growth::new(grants))),
            observer: options.observer.clone(),
            counts,
            _permit: permit,
        };
        // This crate's own component starts with the default limits.
        if !compiled.is_own || options.limits != Limits::default() {
            live.configure(&options.limits)
                .map_err(|error| create_error(error, |source| CreateError::Trapped { source }))?
                .map_err(|source| CreateError::Limits { source })?;
        }
        add_one(&live.counts.created);
        if let Some(observer) = &live.observer {
            observer.created();
        }
        Ok(live)
    }

    /// Sets the limits.
    pub(crate) fn configure(
        &mut self,
        limits: &Limits,
    ) -> wasmtime::Result<Result<(), ConfigureError>> {
        let answer = self.core.configure(limits.to_contract())?;
        if answer.is_ok() {
            self.limits = limits.clone();
        }
        Ok(answer.map_err(ConfigureError::from))
    }

    /// Raises the limit on bytes before a write of `entries` keys and values of `bytes` in total, if
    /// the map shares a budget and may run out of its grant.
    #[inline]
    pub(crate) fn before_write(&mut self, entries: usize, bytes: usize) -> wasmtime::Result<()> {
        let Some(growth) = &mut self.growth else {
            return Ok(());
        };
        let bytes = written(entries, bytes);
        match growth.take(bytes) {
            true => Ok(()),
            false => self.ask_before(bytes),
        }
    }

    #[cold]
    fn ask_before(&mut self, bytes: u64) -> wasmtime::Result<()> {
        let held = self.core.stats()?.bytes;
        let growth = self.growth.as_mut();
        let limit = growth.and_then(|growth| growth.limit_for(bytes, held, self.limits.max_bytes));
        self.raise(limit)?;
        Ok(())
    }

    /// Raises the limit on bytes after the map has rejected a write as full. Returns `true` if the
    /// write should be tried again.
    #[cold]
    pub(crate) fn raise_when_full(
        &mut self,
        entries: usize,
        bytes: usize,
    ) -> wasmtime::Result<bool> {
        if self.growth.is_none() {
            return Ok(false);
        }
        let stats = self.core.stats()?;
        if stats.entries.saturating_add(entries as u64) > self.limits.max_entries {
            return Ok(false);
        }
        let (growth, max) = (self.growth.as_ref(), self.limits.max_bytes);
        let bytes = written(entries, bytes);
        let limit = growth.and_then(|growth| growth.limit_when_full(bytes, stats.bytes, max));
        self.raise(limit)
    }

    /// Sets a higher limit on bytes. Returns `false` if there is none.
    fn raise(&mut self, limit: Option<u64>) -> wasmtime::Result<bool> {
        if let Some(max_bytes) = limit {
            let limits = self.limits.clone().max_bytes(max_bytes);
            self.configure(&limits)?.map_err(wasmtime::Error::from)?;
        }
        let max = self.limits.max_bytes;
        if self
            .growth
            .as_ref()
            .is_some_and(|growth| growth.is_complete(max))
        {
            self.growth = None;
        }
        Ok(limit.is_some())
    }
}

/// Estimates the bytes that entries take in a map.
fn written(entries: usize, bytes: usize) -> u64 {
    (entries as u64)
        .saturating_mul(ENTRY)
        .saturating_add(bytes as u64)
}

impl Instance for MapInstance {
    /// Resets the time limit for the call, and drops the pins that were released.
    fn begin_call(&mut self) -> wasmtime::Result<()> {
        self.core.store.data_mut().begin_call();
        self.core.store.set_epoch_deadline(1);
        for pin in self.released.take() {
            self.core.drop_pinned(pin)?;
        }
        Ok(())
    }

    fn denied_memory_over(&self) -> Option<usize> {
        self.core.store.data().memory.denied_over()
    }

    fn terminate(&mut self, terminated: &MapTerminated) {
        self.publisher.terminate(terminated.clone());
    }

    fn ended(&mut self, cause: &TerminationCause) {
        self.counts.ended(cause);
        if let Some(observer) = &self.observer {
            observer.ended(cause);
        }
    }
}

/// Makes the store end calls that are cancelled or exceed `limit`. The callback runs at each tick,
/// and at each cancellation in the engine.
fn bound_calls(store: &mut Store<StoreData>, handle: CancelHandle, limit: Duration) {
    store.epoch_deadline_callback(move |mut store| {
        if handle.is_cancelled() {
            return Err(Cancelled.into());
        }
        // The time of a call starts at its first tick, so that a call that ends before a tick never
        // reads a clock.
        let before = store.data().call_seen;
        let seen = *store.data_mut().call_seen.get_or_insert_with(Instant::now);
        // Any call can meet one tick. One that meets another lasts for at least as long as a tick.
        if before.is_some() {
            add_one(&store.data().counts.epochs);
        }
        if seen.elapsed() >= limit {
            return Err(TimedOut { limit }.into());
        }
        Ok(UpdateDeadline::Continue(1))
    });
}

/// Converts an error of creating a map. Cancellation, a timeout and an exhausted pool have their
/// own variants; `other` converts all other errors.
fn create_error(
    error: wasmtime::Error,
    other: impl FnOnce(wasmtime::Error) -> CreateError,
) -> CreateError {
    if error.is::<Cancelled>() {
        return CreateError::Cancelled;
    }
    if let Some(TimedOut { limit }) = error.downcast_ref() {
        return CreateError::TimedOut { limit: *limit };
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return CreateError::PoolExhausted { source: error };
    }
    other(error)
}
