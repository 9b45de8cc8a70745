//! The clocks of maps inside the guest.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use localmap_engine::Clock;

use crate::types::nanos;

/// A clock that moves only when the guest moves it. Use it to test expiry without sleeping,
/// or for time from another source.
///
/// Clones refer to the same clock.
///
/// ```
/// use localmap_client::in_process::ManualClock;
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// clock.set(Duration::from_secs(60));
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(clock.now(), Duration::from_secs(61));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    nanos: Rc<Cell<u64>>,
}

impl ManualClock {
    /// Creates a clock that starts at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward. It stops at its end, 584 years after zero.
    pub fn advance(&self, by: Duration) {
        self.nanos.set(self.nanos.get().saturating_add(nanos(by)));
    }

    /// Sets the clock. Maps ignore a step backwards.
    pub fn set(&self, to: Duration) {
        self.nanos.set(nanos(to));
    }

    /// Returns the time of the clock, counted from zero.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.get())
    }
}

/// The clock of a map. It never runs code of the guest, because that code could call the map while
/// the map reads the time.
pub(super) enum Time {
    /// WASI's monotonic clock (natively, the operating system's), counted from this instant.
    Since(Instant),
    Manual(ManualClock),
}

impl Clock for Time {
    fn now(&self) -> u64 {
        match self {
            Self::Since(start) => nanos(start.elapsed()),
            Self::Manual(clock) => clock.nanos.get(),
        }
    }
}
