//! The store of a map that lives, and how it is made.

use crate::cancel::CancelHandle;
use crate::contract::bindings::local_map;
use crate::contract::error::{Cancelled, ConfigureError, TimedOut};
use crate::contract::limits::Limits;
use crate::runtime::compiled::{self, Compiled};
use crate::runtime::control::Control;
use crate::runtime::create_error::CreateError;
use crate::runtime::map_options::MapOptions;
use crate::runtime::memory::MemoryLimiter;
use crate::runtime::permits::Permit;
use crate::runtime::pinned::Released;
use crate::runtime::store_data::StoreData;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{Func, Instance};
use wasmtime::{PoolConcurrencyLimitError, Store, UpdateDeadline};

pub(crate) struct MapInstance {
    pub(crate) store: Store<StoreData>,
    pub(crate) map: local_map::Guest,
    instance: Instance,
    compiled: Arc<Compiled>,
    control: Option<Control>,
    /// See [`Compiled::get`].
    get: Option<Func>,
    /// As configured.
    pub(crate) limits: Limits,
    /// Pins that were dropped, whose handles the store still has.
    pub(crate) released: Arc<Released>,
    /// The place among the live maps of the host, which is free when the store is.
    _slot: Permit,
}

impl MapInstance {
    pub(crate) fn new(
        compiled: &Arc<Compiled>,
        options: &MapOptions,
        max_memory: usize,
        handle: &CancelHandle,
        slot: Permit,
    ) -> Result<Self, CreateError> {
        let memory = MemoryLimiter::new(max_memory).max_table_elements(options.max_table_elements);
        let state = StoreData::new(options.clock.clone(), memory);
        let mut store = Store::new(compiled.instance.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(options.fuel(max_memory));
        store.set_max_component_handles(options.max_handles);
        bound(&mut store, handle.clone(), options.call_timeout);
        handle.making_in(store.engine());
        store.set_epoch_deadline(1);
        let made = compiled.instance.instantiate(&mut store);
        let loaded = made.and_then(|instance| {
            let map = compiled.local_map.load(&mut store, &instance)?;
            Ok((instance, map))
        });
        let (instance, map) =
            loaded.map_err(|error| refusal(error, |source| CreateError::Instantiate { source }))?;
        let mut live = Self {
            store,
            map,
            instance,
            compiled: Arc::clone(compiled),
            control: None,
            get: None,
            limits: options.limits.clone(),
            released: Arc::default(),
            _slot: slot,
        };
        // Ours starts with the default limits.
        if !compiled.is_ours() || options.limits != Limits::default() {
            live.configure(&options.limits)
                .map_err(|error| refusal(error, |source| CreateError::Trapped { source }))?
                .map_err(|source| CreateError::Limits { source })?;
        }
        Ok(live)
    }

    fn configure(&mut self, limits: &Limits) -> wasmtime::Result<Result<(), ConfigureError>> {
        let (control, store) = self.control()?;
        control.configure(store, limits)
    }

    /// The host's side of the map, which most maps never need.
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

    /// Appends the value of `key` to `buffer`.
    pub(crate) fn append(
        &mut self,
        key: &[u8],
        buffer: &mut Vec<u8>,
    ) -> wasmtime::Result<Option<usize>> {
        if let (None, Some(get)) = (self.get, self.compiled.get()) {
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

    /// Calls, with all the time that a call has.
    pub(crate) fn enter<R>(
        &mut self,
        call: impl FnOnce(&mut Self) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        self.store.data_mut().begin();
        self.store.set_epoch_deadline(1);
        for pin in self.released.take() {
            pin.resource_drop(&mut self.store)?;
        }
        call(self)
    }

    /// How much memory there may be, if the last call was refused more.
    pub(crate) fn refused_memory(&self) -> Option<usize> {
        self.store.data().memory.refused()
    }
}

/// Ends calls that were cancelled or take longer than `limit`. Asked at each tick, and
/// whenever somebody cancels something else.
fn bound(store: &mut Store<StoreData>, handle: CancelHandle, limit: Duration) {
    store.epoch_deadline_callback(move |mut store| {
        if handle.is_cancelled() {
            return Err(Cancelled.into());
        }
        // The first tick of a call starts its time, so that a call without one never
        // looks at a clock.
        let began = *store.data_mut().began.get_or_insert_with(Instant::now);
        if began.elapsed() >= limit {
            return Err(TimedOut { limit }.into());
        }
        Ok(UpdateDeadline::Continue(1))
    });
}

/// Why there is no map: what ended it, or else what `other` makes of it.
fn refusal(
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
