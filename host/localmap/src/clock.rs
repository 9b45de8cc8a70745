//! The clock of a map.

pub(crate) mod coarse;

use crate::contract::duration::nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A clock that measures the TTLs of a map.
///
/// A map reads the clock at most once per operation. If the clock steps back, time stands still for
/// the map until the clock has caught up.
///
/// ```
/// use localmap::{Clock, Host, MapOptions};
/// use std::time::{Duration, SystemTime, UNIX_EPOCH};
///
/// /// The system's wall clock.
/// struct WallClock;
///
/// impl Clock for WallClock {
///     fn now(&self) -> Duration {
///         SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
///     }
/// }
///
/// let map = Host::new()?.map(&MapOptions::new().clock(WallClock))?;
/// # Ok::<(), localmap::CreateError>(())
/// ```
///
/// # Panics
///
/// A clock that panics terminates the map that reads it, with
/// [`TerminationCause::Panicked`](crate::TerminationCause::Panicked).
pub trait Clock: Send + Sync {
    /// Returns the time since an origin that must not change while a map uses the clock.
    ///
    /// The map counts the time in nanoseconds in 64 bits. Times of more than 584 years are treated
    /// as the end of the clock.
    fn now(&self) -> Duration;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Duration {
        (**self).now()
    }
}

/// The monotonic clock of the operating system, which is the default of
/// [`MapOptions::clock`](crate::MapOptions::clock).
///
/// ```
/// use localmap::{Clock, SystemClock};
///
/// let clock = SystemClock::new();
/// assert!(clock.now() <= clock.now());
/// ```
#[derive(Debug, Clone)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// Creates a clock that starts at zero. See [`SystemClock`] for an example.
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

/// A clock that moves only when it is set or advanced. Use it to test expiry without sleeping, or
/// for time from another source.
///
/// Clones refer to the same clock.
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
    /// Creates a clock at zero. See [`ManualClock`] for an example.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward. It stops at its end, after 584 years. See [`ManualClock`] for an
    /// example.
    pub fn advance(&self, by: Duration) {
        let by = nanos(by);
        // The closure never returns `None`, so there is no error.
        let _ = self
            .nanos
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                Some(now.saturating_add(by))
            });
    }

    /// Sets the clock. Maps ignore a step backwards.
    ///
    /// ```
    /// use localmap::{Clock, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// clock.set(Duration::from_secs(60));
    /// assert_eq!(clock.now(), Duration::from_secs(60));
    /// ```
    pub fn set(&self, to: Duration) {
        self.nanos.store(nanos(to), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}
