//! The observer of a map, which sees each operation of it.

use crate::contract::error::Error;
use crate::contract::observer::{Asked, CallOutcome, ObservedCall, Observer};
use std::sync::Arc;

/// The observer of a map, if it has one, and the number of the caller of the next operation.
pub(crate) struct Observation {
    observer: Option<Arc<dyn Observer>>,
    pub(crate) caller: u64,
}

impl Observation {
    pub(crate) fn new(observer: Option<Arc<dyn Observer>>) -> Self {
        Self {
            observer,
            caller: 0,
        }
    }

    /// Performs an operation. `seen` returns its outcome and the length of the values that it has read,
    /// and `evicted` counts the evicted entries of the map.
    #[inline]
    pub(crate) fn call<R>(
        &self,
        asked: Asked<'_>,
        seen: impl FnOnce(&R) -> (CallOutcome, usize),
        evicted: impl Fn() -> u64,
        call: impl FnOnce() -> R,
    ) -> R {
        match self.observer.as_deref() {
            None => call(),
            Some(observer) => observe(observer, asked, self.caller, seen, evicted, call),
        }
    }

    /// Reports an operation of an app that was rejected before the map was called.
    pub(crate) fn rejected(&self, asked: Asked<'_>, error: &Error) {
        if let Some(observer) = self.observer.as_deref() {
            let seen = |&(): &()| (CallOutcome::of(error), 0);
            observe(observer, asked, self.caller, seen, || 0, || ());
        }
    }
}

/// Performs an operation and reports it.
#[inline]
pub(crate) fn observe<R>(
    observer: &dyn Observer,
    asked: Asked<'_>,
    caller: u64,
    seen: impl FnOnce(&R) -> (CallOutcome, usize),
    evicted: impl Fn() -> u64,
    call: impl FnOnce() -> R,
) -> R {
    let Asked {
        operation,
        key,
        key_len,
        value_len,
    } = asked;
    let Some(began) = observer.begin(operation, key) else {
        return call();
    };
    let counts = operation.stores() && observer.counts_evictions();
    let before = if counts { evicted() } else { 0 };
    let answer = call();
    let after = if counts { evicted() } else { 0 };
    let (outcome, read) = seen(&answer);
    observer.end(
        began,
        &ObservedCall {
            operation,
            key,
            key_len,
            value_len: value_len.max(read),
            outcome,
            evicted: after.saturating_sub(before),
            caller,
        },
    );
    answer
}
