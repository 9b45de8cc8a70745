//! From a function of the linker into the map, and past the observer.

use super::Get;
use super::convert;
use super::linked_map::lock;
use super::observer::{CallOutcome, Observer, Operation};
use crate::contract::bindings::local_map as wit;
use crate::contract::error::Error;
use crate::runtime::local_map::LocalMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use wasmtime::StoreContextMut;

/// The map of a store and who looks on, held apart from the store: so the map can be given
/// what lies in the memory of the app.
pub(super) struct Call {
    map: Arc<Mutex<LocalMap>>,
    observer: Option<Arc<dyn Observer>>,
}

impl Call {
    pub(super) fn of<T: 'static>(store: &mut StoreContextMut<'_, T>, get: Get<T>) -> Self {
        let attached = get(store.data_mut());
        Self {
            map: Arc::clone(&attached.map),
            observer: attached.observer.clone(),
        }
    }

    /// Does an operation that may be refused: the inner error is the app's answer, the outer
    /// one ends the app.
    pub(super) fn ask<R, E: Into<Error>>(
        &self,
        operation: Operation,
        key_len: usize,
        outcome: fn(&R) -> CallOutcome,
        ask: impl FnOnce(&mut LocalMap) -> Result<R, E>,
    ) -> wasmtime::Result<Result<R, wit::Error>> {
        let observer = self.observer.as_ref();
        let observer = observer.map(|observer| (observer, Instant::now()));
        let answer = ask(&mut lock(&self.map)).map_err(E::into);
        if let Some((observer, start)) = observer {
            let outcome = match &answer {
                Ok(answer) => outcome(answer),
                Err(error) => convert::observed(error),
            };
            observer.observed(operation, key_len, outcome, start.elapsed());
        }
        match answer {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => convert::refused(error).map(Err),
        }
    }

    /// Does an operation that the contract has no refusal for.
    pub(super) fn read<R, E: Into<Error>>(
        &self,
        operation: Operation,
        key_len: usize,
        outcome: fn(&R) -> CallOutcome,
        read: impl FnOnce(&mut LocalMap) -> Result<R, E>,
    ) -> wasmtime::Result<R> {
        self.ask(operation, key_len, outcome, read)?.map_err(|_| {
            let name = operation.name();
            wasmtime::Error::msg(format!("the map refused `{name}`, which cannot be refused"))
        })
    }
}

/// The outcome of what looks for a key.
pub(super) fn found<V>(answer: &Option<V>) -> CallOutcome {
    hit(&answer.is_some())
}

/// The same, where the answer is no more than that.
pub(super) fn hit(there: &bool) -> CallOutcome {
    if *there {
        CallOutcome::Hit
    } else {
        CallOutcome::Miss
    }
}

/// The outcome of what does not.
pub(super) fn done<R>(_: &R) -> CallOutcome {
    CallOutcome::Ok
}
