//! What the guard of a server says about itself, for its metrics.

use localmap::lock;
use std::fmt;
use std::sync::{Arc, Mutex};

/// What a guard says about itself at one instant: see [`Telemetry::watch_guard`](crate::Telemetry::watch_guard).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GuardSample {
    /// Whether locks can be had.
    pub available: bool,
    /// Keys that are locked, or waited for.
    pub keys: u64,
    /// Requests that wait for a lock.
    pub waiting: u64,
    /// Locks that were acquired. This and the counts below never decrease.
    pub acquired: u64,
    /// Locks that were not had, because others held them for too long.
    pub held: u64,
    /// The same, because too many requests waited.
    pub too_many_waiters: u64,
    /// The same, because there was no lease.
    pub no_lease: u64,
    /// The same, because the store of the locks did not answer, or refused.
    pub unavailable: u64,
    /// Leases that were granted.
    pub leases: u64,
    /// Leases that were lost, and all locks with them.
    pub leases_lost: u64,
}

/// Asks a guard about itself.
type Ask = Arc<dyn Fn() -> GuardSample + Send + Sync>;

/// The guard that is watched, if there is one.
#[derive(Default)]
pub(crate) struct WatchedGuard(Mutex<Option<Ask>>);

impl WatchedGuard {
    pub(crate) fn set(&self, ask: impl Fn() -> GuardSample + Send + Sync + 'static) {
        *lock(&self.0) = Some(Arc::new(ask));
    }

    /// Asks the guard.
    pub(crate) fn sample(&self) -> Option<GuardSample> {
        let ask = lock(&self.0).clone();
        ask.map(|ask| ask())
    }
}

impl fmt::Debug for WatchedGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedGuard").finish_non_exhaustive()
    }
}
