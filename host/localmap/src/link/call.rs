//! Forwards one call of an app to its map and reports it to the observer.

use super::convert;
use super::linked_map::{Get, LinkedMap};
use crate::contract::bindings::local_map as wit;
use crate::contract::error::Error;
use crate::contract::observer::{Asked, CallOutcome, Observer, Seen, found};
use crate::runtime::local_map::LocalMap;
use crate::runtime::observation::observe;
use crate::sync::{Mutex, lock};
use std::ops::Deref;
use std::sync::Arc;
use wasmtime::StoreContextMut;

/// The map of a store and its observer.
pub(super) struct Call<M, O> {
    map: M,
    observer: Option<O>,
    caller: u64,
}

impl Call<(), ()> {
    /// Takes the map and the observer from the store's data. The call does not borrow the store, so
    /// it can be made with bytes in the memory of the app.
    pub(super) fn of<T: 'static>(
        store: &mut StoreContextMut<'_, T>,
        get: Get<T>,
    ) -> Call<Arc<Mutex<LocalMap>>, Arc<dyn Observer>> {
        let linked = get(store.data_mut());
        Call {
            map: Arc::clone(&linked.map),
            observer: linked.observer.clone(),
            caller: linked.caller,
        }
    }

    /// Borrows the map and the observer from the store's data, which is cheaper.
    pub(super) fn borrowed<'a, T: 'static>(
        store: &'a mut StoreContextMut<'_, T>,
        get: Get<T>,
    ) -> Call<&'a Mutex<LocalMap>, &'a (dyn Observer + 'static)> {
        let linked = get(store.data_mut());
        let LinkedMap { map, observer, .. } = linked;
        Call {
            map,
            observer: observer.as_deref(),
            caller: linked.caller,
        }
    }
}

impl<M, O> Call<M, O>
where
    M: Deref<Target = Mutex<LocalMap>>,
    O: Deref<Target = dyn Observer>,
{
    /// Performs an operation that the map can reject. The inner error is returned to the app; the
    /// outer error ends the app. `of` returns the outcome, and the length of the values that were read.
    pub(super) fn ask<R, E: Into<Error>>(
        &self,
        asked: Asked<'_>,
        of: fn(&R) -> (CallOutcome, usize),
        ask: impl FnOnce(&mut LocalMap) -> Result<R, E>,
    ) -> wasmtime::Result<Result<R, wit::Error>> {
        let call = || {
            let mut map = lock(&self.map);
            map.set_caller(self.caller);
            ask(&mut map).map_err(E::into)
        };
        let answer: Result<R, Error> = match self.observer.as_deref() {
            None => call(),
            Some(observer) => {
                let seen = |answer: &Result<R, Error>| match answer {
                    Ok(answer) => of(answer),
                    Err(error) => (CallOutcome::of(error), 0),
                };
                let evicted = || lock(&self.map).evicted();
                observe(observer, asked, self.caller, seen, evicted, call)
            }
        };
        match answer {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => convert::error(error).map(Err),
        }
    }

    /// Performs an operation that the map cannot reject.
    pub(super) fn read<R, E: Into<Error>>(
        &self,
        asked: Asked<'_>,
        of: fn(&R) -> (CallOutcome, usize),
        read: impl FnOnce(&mut LocalMap) -> Result<R, E>,
    ) -> wasmtime::Result<R> {
        self.ask(asked, of, read)?.map_err(|_| {
            let name = asked.operation.name();
            wasmtime::Error::msg(format!(
                "the map rejected `{name}`, which cannot be rejected"
            ))
        })
    }
}

/// Describes an operation that reads values.
pub(super) fn read<V: Seen>(value: &V) -> (CallOutcome, usize) {
    (value.outcome(), value.value_len())
}

/// Describes an operation that looks up a key, and does not read its value.
pub(super) fn looked_up<V>(answer: &Option<V>) -> (CallOutcome, usize) {
    (found(answer.is_some()), 0)
}

/// Describes an operation that returns `true` if the key is present.
pub(super) fn hit(present: &bool) -> (CallOutcome, usize) {
    (found(*present), 0)
}

/// Describes an operation that does not look up a key.
pub(super) fn done<R>(_: &R) -> (CallOutcome, usize) {
    (CallOutcome::Ok, 0)
}
