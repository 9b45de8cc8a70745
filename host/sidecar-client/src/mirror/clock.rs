//! The clocks that measure how long the entries of a mirror have left.

use crate::nanos::nanos;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A clock that measures how long the entries of a [`Mirror`](crate::Mirror) have left.
///
/// It must not go backwards.
pub trait MirrorClock: Send + Sync {
    /// Returns the time since a moment in the past, always the same one.
    fn now(&self) -> Duration;
}

/// The monotonic clock of the system.
#[derive(Debug)]
pub(super) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl MirrorClock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that is moved by hand, for tests of expiry that do not sleep. It begins at 0.
///
/// ```
/// use localmap_sidecar_client::{ManualClock, MirrorClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_secs(3));
/// assert_eq!(clock.now(), Duration::from_secs(3));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
}

impl ManualClock {
    /// Creates a clock at 0. See [`ManualClock`] for an example.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forwards, at most to 584 years.
    pub fn advance(&self, by: Duration) {
        let by = nanos(by);
        let add = |now: u64| Some(now.saturating_add(by));
        // `add` always returns a time.
        let _ = self
            .nanos
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

impl MirrorClock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}
