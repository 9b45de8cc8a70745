//! Operations that the map's observer sees.

use super::LocalMap;
use crate::contract::error::Error;
use crate::contract::observer::{Asked, CallOutcome, Seen, found};

impl LocalMap {
    /// Sets the number of the caller of the next operations, which the
    /// [observer](crate::MapOptions::observer) of the map gets with each of them: for example, that of
    /// a request. Default: 0.
    ///
    /// ```
    /// use localmap::{Host, MapOptions, ObservedCall, Observer, Ttl};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// #[derive(Default)]
    /// struct LastCaller(AtomicU64);
    ///
    /// impl Observer for LastCaller {
    ///     fn end(&self, _: u64, call: &ObservedCall<'_>) {
    ///         self.0.store(call.caller, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// let last = Arc::new(LastCaller::default());
    /// let mut map = Host::new()?.map(&MapOptions::new().observer(last.clone()))?;
    /// map.set_caller(17);
    /// map.set(b"k", b"v", Ttl::Never)?;
    /// assert_eq!(last.0.load(Ordering::Relaxed), 17);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_caller(&mut self, caller: u64) {
        self.observation.caller = caller;
    }

    /// Performs an operation, and reports it with its outcome and the length of the values that it has
    /// read, which `of` returns.
    #[inline]
    pub(super) fn observed<V, E: Clone + Into<Error>>(
        &self,
        asked: Asked<'_>,
        of: impl FnOnce(&V) -> (CallOutcome, usize),
        call: impl FnOnce(&Self) -> Result<V, E>,
    ) -> Result<V, E> {
        let seen = |answer: &Result<V, E>| match answer {
            Ok(value) => of(value),
            Err(error) => (CallOutcome::of(&error.clone().into()), 0),
        };
        self.observation
            .call(asked, seen, || self.evicted(), || call(self))
    }

    /// Returns the number of entries that the map has evicted; 0 if it has terminated.
    #[cold]
    pub(crate) fn evicted(&self) -> u64 {
        let stats = self.enter(|core| core.stats());
        stats.map_or(0, |stats| stats.evicted)
    }
}

/// Describes an operation that always succeeds.
pub(super) fn done<V>(_: &V) -> (CallOutcome, usize) {
    (CallOutcome::Ok, 0)
}

/// Describes an operation that returns `true` if the key was present.
pub(super) fn hit(present: &bool) -> (CallOutcome, usize) {
    (found(*present), 0)
}

/// Describes an operation that reads values.
pub(super) fn read<V: Seen>(value: &V) -> (CallOutcome, usize) {
    (value.outcome(), value.value_len())
}
