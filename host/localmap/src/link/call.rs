//! Forwards one call of an app to its map and reports it to the observer.

use super::convert;
use super::linked_map::{Get, LinkedMap};
use super::observer::{CallOutcome, Observer, Operation};
use crate::contract::bindings::local_map as wit;
use crate::contract::error::Error;
use crate::runtime::local_map::LocalMap;
use crate::sync::{Mutex, lock};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;
use wasmtime::StoreContextMut;

/// The map of a store and its observer.
pub(super) struct Call<M, O> {
    map: M,
    observer: Option<O>,
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
        }
    }

    /// Borrows the map and the observer from the store's data, which is cheaper.
    pub(super) fn borrowed<'a, T: 'static>(
        store: &'a mut StoreContextMut<'_, T>,
        get: Get<T>,
    ) -> Call<&'a Mutex<LocalMap>, &'a (dyn Observer + 'static)> {
        let LinkedMap { map, observer, .. } = get(store.data_mut());
        Call {
            map,
            observer: observer.as_deref(),
        }
    }
}

impl<M, O> Call<M, O>
where
    M: Deref<Target = Mutex<LocalMap>>,
    O: Deref<Target = dyn Observer>,
{
    /// Performs an operation that the map can reject. The inner error is returned to the app; the
    /// outer error ends the app.
    pub(super) fn ask<R, E: Into<Error>>(
        &self,
        operation: Operation,
        key_len: usize,
        outcome: fn(&R) -> CallOutcome,
        ask: impl FnOnce(&mut LocalMap) -> Result<R, E>,
    ) -> wasmtime::Result<Result<R, wit::Error>> {
        let observer = self.observer.as_deref();
        let observer = observer.map(|observer| (observer, Instant::now()));
        let answer = ask(&mut lock(&self.map)).map_err(E::into);
        if let Some((observer, start)) = observer {
            let outcome = match &answer {
                Ok(answer) => outcome(answer),
                Err(error) => convert::call_outcome(error),
            };
            observer.observed(operation, key_len, outcome, start.elapsed());
        }
        match answer {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => convert::error(error).map(Err),
        }
    }

    /// Performs an operation that the map cannot reject.
    pub(super) fn read<R, E: Into<Error>>(
        &self,
        operation: Operation,
        key_len: usize,
        outcome: fn(&R) -> CallOutcome,
        read: impl FnOnce(&mut LocalMap) -> Result<R, E>,
    ) -> wasmtime::Result<R> {
        self.ask(operation, key_len, outcome, read)?.map_err(|_| {
            let name = operation.name();
            wasmtime::Error::msg(format!(
                "the map rejected `{name}`, which cannot be rejected"
            ))
        })
    }
}

/// Returns the outcome of an operation that looks up a key.
pub(super) fn found<V>(answer: &Option<V>) -> CallOutcome {
    hit(&answer.is_some())
}

/// Returns the outcome of an operation that returns `true` if the key is present.
pub(super) fn hit(present: &bool) -> CallOutcome {
    if *present {
        CallOutcome::Hit
    } else {
        CallOutcome::Miss
    }
}

/// Returns the outcome of an operation that does not look up a key.
pub(super) fn done<R>(_: &R) -> CallOutcome {
    CallOutcome::Ok
}
