//! Takes the statistics of all maps, at most once a second, for all that read them.

mod counted;
mod maps;
mod named;
mod sums;
mod totals;
mod watched;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::overview::Overview;
use crate::survey::totals::Totals;
use crate::survey::watched::Watched;
use localmap::{Host, LocalMap, Tenants, lock};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

/// The age from which statistics are taken again, in nanoseconds.
const MAX_AGE_NS: u64 = 1_000_000_000;

/// Takes the statistics, and keeps the last ones.
pub(crate) struct Surveyor {
    clock: Clock,
    watched: Mutex<Watched>,
    last: Mutex<Option<Arc<Overview>>>,
    /// Locked while statistics are taken.
    totals: Mutex<Totals>,
}

impl Surveyor {
    /// Creates a surveyor of nothing. At most `named_tenants` have metrics of their own.
    pub(crate) fn new(clock: Clock, named_tenants: usize) -> Self {
        Self {
            clock,
            watched: Mutex::default(),
            last: Mutex::default(),
            totals: Mutex::new(Totals::new(named_tenants)),
        }
    }

    pub(crate) fn watch_host(&self, host: &Host) {
        lock(&self.watched).host = Some(host.clone());
    }

    pub(crate) fn watch_tenants(&self, tenants: &Tenants) {
        lock(&self.watched).tenants = Some(tenants.clone());
    }

    pub(crate) fn watch_map(&self, class: &str, map: &Arc<Mutex<LocalMap>>) {
        lock(&self.watched).add_map(class, map);
    }

    /// Returns statistics that are at most about a second old. If another thread is just taking new ones,
    /// returns the last ones. No operation of a map is waited for. `metrics` has the classes whose operations
    /// are counted.
    pub(crate) fn overview(&self, metrics: &Metrics) -> Arc<Overview> {
        let mut totals = match self.last() {
            Some(last) if self.is_fresh(&last) => return last,
            Some(last) => match self.totals.try_lock() {
                Ok(totals) => totals,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return last,
            },
            None => self.totals.lock().unwrap_or_else(PoisonError::into_inner),
        };
        // Another thread may have taken them between the two locks.
        if let Some(last) = self.last().filter(|last| self.is_fresh(last)) {
            return last;
        }
        let watched = lock(&self.watched).take();
        let overview = Arc::new(totals.take(watched, metrics, || self.now()));
        *lock(&self.last) = Some(Arc::clone(&overview));
        overview
    }

    fn last(&self) -> Option<Arc<Overview>> {
        lock(&self.last).clone()
    }

    fn is_fresh(&self, overview: &Overview) -> bool {
        self.now().saturating_sub(overview.taken) < MAX_AGE_NS
    }

    fn now(&self) -> u64 {
        self.clock.nanos(self.clock.raw())
    }

    /// Forgets the last statistics, so that new ones are taken.
    #[cfg(test)]
    pub(crate) fn forget(&self) {
        *lock(&self.last) = None;
    }
}

impl fmt::Debug for Surveyor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surveyor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
