//! What time it is for a map.

use crate::contract::duration::nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A clock that the TTLs of a map are measured with.
///
/// A map asks for the time at most once per operation. It clamps what it gets:
/// a clock that runs backwards stands still for the map until it has caught up.
pub trait Clock: Send + Sync {
    /// The time since an origin that does not change while a map uses the clock.
    ///
    /// The map counts it in nanoseconds in 64 bits; what is over 584 years
    /// stands at the end of the clock.
    fn now(&self) -> Duration;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Duration {
        (**self).now()
    }
}

/// The monotonic clock of the operating system. The default.
#[derive(Debug, Clone)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that stands at zero now.
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// A clock that stands still until it is told to go on: for tests of expiry,
/// which then need not sleep, and for time that comes from elsewhere.
///
/// Its clones are one clock.
///
/// ```
/// use localmap::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let same = clock.clone();
/// same.advance(Duration::from_secs(30));
/// assert_eq!(clock.now(), Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that stands at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward. It stops at its end, 584 years from zero.
    pub fn advance(&self, by: Duration) {
        let by = nanos(by);
        // The closure never gives `None`, so there is no error to look at.
        let _ = self
            .nanos
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                Some(now.saturating_add(by))
            });
    }

    /// Sets the clock. Maps take no notice of a step backwards.
    pub fn set(&self, to: Duration) {
        self.nanos.store(nanos(to), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}
