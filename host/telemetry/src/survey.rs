//! The statistics of all maps, taken at most once a second and shared by all that read them.

pub(crate) mod maps;
mod named;
mod sums;
mod totals;

use crate::survey::totals::Totals;
use crate::telemetry::Shared;
use localmap::{HostStats, Stats, TenantName, lock};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

/// The age from which statistics are taken again, in nanoseconds.
const MAX_AGE_NS: u64 = 1_000_000_000;

/// The statistics of all maps at about one instant.
#[derive(Debug)]
pub(crate) struct Overview {
    /// When they were taken, on the clock of the telemetry.
    pub(crate) taken: u64,
    /// The sums of the classes, in the order of their names. Counts never decrease.
    pub(crate) classes: Vec<ClassView>,
    /// Live tenants in the order of their names, and then the maps that belong to none.
    pub(crate) rows: Vec<Row>,
    /// The tenants that have metrics of their own, and for each class the sum of the others, if there are
    /// any. Counts never decrease.
    pub(crate) named: Vec<NamedTenant>,
    /// `None` if no host is watched.
    pub(crate) host: Option<HostStats>,
}

/// The sums of a class: of its tenants, live and dropped, and of maps that belong to none.
#[derive(Debug, Clone)]
pub(crate) struct ClassView {
    pub(crate) name: Arc<str>,
    pub(crate) stats: Stats,
    /// Live tenants.
    pub(crate) tenants: u32,
    /// Bytes that its live tenants may hold at the moment.
    pub(crate) granted: u64,
    /// Tenants that were created.
    pub(crate) created: u64,
    /// Tenants that were dropped, by reason.
    pub(crate) dropped: [(&'static str, u64); 4],
    /// Checkouts that returned an error.
    pub(crate) refused: u64,
    /// Operations that exceeded the rates of tenants.
    pub(crate) rate_limited: u64,
}

/// A live tenant, or a map that belongs to none.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: RowName,
    pub(crate) class: Arc<str>,
    /// How long it has been idle; `None` if it is in use.
    pub(crate) idle: Option<Duration>,
    /// With what was counted before the tenant was created the last time, if that is known.
    pub(crate) stats: Stats,
    pub(crate) granted: u64,
    pub(crate) rate_limited: u64,
    /// The number of times that it was created.
    pub(crate) created: u64,
}

/// The name of a [`Row`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowName {
    Tenant(TenantName),
    /// A map that belongs to no tenant: the name of its class.
    Map(Arc<str>),
}

/// A tenant that has metrics of its own, or the sum of the others of a class.
#[derive(Debug, Clone)]
pub(crate) struct NamedTenant {
    /// `None` for the others.
    pub(crate) name: Option<TenantName>,
    pub(crate) class: Arc<str>,
    pub(crate) stats: Stats,
}

/// Takes the statistics, and keeps the last ones.
#[derive(Default)]
pub(crate) struct Surveyor {
    last: Mutex<Option<Arc<Overview>>>,
    /// Locked while statistics are taken.
    totals: Mutex<Totals>,
}

impl Shared {
    /// Returns statistics that are at most about a second old. If another thread is just taking new ones,
    /// returns the last ones. No operation of a map is waited for.
    pub(crate) fn overview(&self) -> Arc<Overview> {
        let surveyor = &self.surveyor;
        let last = surveyor.last();
        let mut totals = match last {
            Some(last) if self.is_fresh(&last) => return last,
            Some(last) => match surveyor.totals.try_lock() {
                Ok(totals) => totals,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return last,
            },
            None => surveyor
                .totals
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        };
        // Another thread may have taken them between the two locks.
        if let Some(last) = surveyor.last().filter(|last| self.is_fresh(last)) {
            return last;
        }
        let overview = Arc::new(totals.take(self));
        *lock(&surveyor.last) = Some(Arc::clone(&overview));
        overview
    }

    fn is_fresh(&self, overview: &Overview) -> bool {
        self.now().saturating_sub(overview.taken) < MAX_AGE_NS
    }

    /// Returns the time since the telemetry began, in nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        self.clock.nanos(self.clock.raw())
    }
}

impl Surveyor {
    fn last(&self) -> Option<Arc<Overview>> {
        lock(&self.last).clone()
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
