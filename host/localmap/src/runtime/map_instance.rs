//! The instance of a live map in its store.

use crate::cancel::handle::CancelHandle;
use crate::contract::bindings::local_map;
use crate::contract::error::{Cancelled, ConfigureError, MapTerminated, TimedOut};
use crate::contract::limits::Limits;
use crate::runtime::compiled::{self, Compiled};
use crate::runtime::control::Control;
use crate::runtime::create_error::CreateError;
use crate::runtime::map_options::MapOptions;
use crate::runtime::map_state::Instance;
use crate::runtime::memory::MemoryLimiter;
use crate::runtime::permits::Permit;
use crate::runtime::pinned::Released;
use crate::runtime::store_data::StoreData;
use crate::snapshot::publisher::Publisher;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::Func;
use wasmtime::{PoolConcurrencyLimitError, Store, UpdateDeadline, component};

/// The instance of a map component, with its store.
pub(crate) struct MapInstance {
    pub(crate) store: Store<StoreData>,
    pub(crate) map: local_map::Guest,
    instance: component::Instance,
    compiled: Arc<Compiled>,
    control: Option<Control>,
    /// See [`Compiled::own_get`].
    get: Option<Func>,
    /// The limits in force.
    pub(crate) limits: Limits,
    /// Handles of dropped pins, which the store still holds.
    pub(crate) released: Arc<Released>,
    /// Publishes the map's snapshot, which ends with the instance.
    pub(crate) publisher: Publisher,
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
    ) -> Result<Self, CreateError> {
        let memory = MemoryLimiter::new(max_memory).max_table_elements(options.max_table_elements);
        let data = StoreData::new(options.clock.clone(), memory);
        let mut store = Store::new(compiled.instance.engine(), data);
        store.limiter(|data| &mut data.memory);
        store.set_hostcall_fuel(options.fuel(max_memory));
        store.set_max_component_handles(options.max_handles);
        bound_calls(&mut store, handle.clone(), options.call_timeout);
        handle.interrupt_calls_in(store.engine());
        store.set_epoch_deadline(1);
        let instantiated = compiled.instance.instantiate(&mut store);
        let loaded = instantiated.and_then(|instance| {
            let map = compiled.local_map.load(&mut store, &instance)?;
            Ok((instance, map))
        });
        let (instance, map) = loaded
            .map_err(|error| create_error(error, |source| CreateError::Instantiate { source }))?;
        let mut live = Self {
            store,
            map,
            instance,
            compiled: Arc::clone(compiled),
            control: None,
            get: None,
            limits: options.limits.clone(),
            released: Arc::new(Released::new()),
            publisher: Publisher::new(),
            _permit: permit,
        };
        // This crate's own component starts with the default limits.
        if !compiled.is_own() || options.limits != Limits::default() {
            live.configure(&options.limits)
                .map_err(|error| create_error(error, |source| CreateError::Trapped { source }))?
                .map_err(|source| CreateError::Limits { source })?;
        }
        Ok(live)
    }

    fn configure(&mut self, limits: &Limits) -> wasmtime::Result<Result<(), ConfigureError>> {
        let (control, store) = self.control()?;
        control.configure(store, limits)
    }

    /// Returns the host's side of the map. It is loaded on first use, as most maps never need it.
    pub(crate) fn control(&mut self) -> wasmtime::Result<(&Control, &mut Store<StoreData>)> {
        let control = match self.control.take() {
            Some(control) => control,
            None => {
                let indices = &self.compiled.control;
                Control::new(indices.load(&mut self.store, &self.instance)?)
            }
        };
        Ok((self.control.insert(control), &mut self.store))
    }

    /// Appends the value of `key` to `buffer` and returns its length; `None` if it is absent.
    pub(crate) fn append(
        &mut self,
        key: &[u8],
        buffer: &mut Vec<u8>,
    ) -> wasmtime::Result<Option<usize>> {
        if let (None, Some(get)) = (self.get, self.compiled.own_get()) {
            self.get = self.instance.get_func(&mut self.store, get);
        }
        if let Some(get) = self.get {
            return compiled::append(&mut self.store, get, key, buffer);
        }
        let value = self.map.call_get(&mut self.store, key)?;
        Ok(value.map(|value| {
            buffer.extend_from_slice(&value);
            value.len()
        }))
    }
}

impl Instance for MapInstance {
    /// Resets the time limit for the call, and drops the handles of dropped pins.
    fn begin_call(&mut self) -> wasmtime::Result<()> {
        self.store.data_mut().begin_call();
        self.store.set_epoch_deadline(1);
        for pin in self.released.take() {
            pin.resource_drop(&mut self.store)?;
        }
        Ok(())
    }

    fn denied_memory_over(&self) -> Option<usize> {
        self.store.data().memory.denied_over()
    }

    fn terminate(&mut self, terminated: &MapTerminated) {
        self.publisher.terminate(terminated.clone());
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
        let seen = *store.data_mut().call_seen.get_or_insert_with(Instant::now);
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
