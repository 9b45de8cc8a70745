//! What time it is for a map of the guest's own.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use localmap_engine::Clock;

use crate::types::nanos;

/// A clock that stands still until it is told to go on: for tests of expiry, which
/// then need not sleep, and for time that comes from elsewhere.
///
/// Its clones are one clock.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    nanos: Rc<Cell<u64>>,
}

impl ManualClock {
    /// A clock that stands at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward. It stops at its end, 584 years from zero.
    pub fn advance(&self, by: Duration) {
        self.nanos.set(self.nanos.get().saturating_add(nanos(by)));
    }

    /// Sets the clock. Maps take no notice of a step backwards.
    pub fn set(&self, to: Duration) {
        self.nanos.set(nanos(to));
    }

    /// Where it stands.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.get())
    }
}

/// The clocks that a map can have. No code of the guest is among them: it could enter
/// the map that is just asking.
pub(super) enum Time {
    /// WASI's monotonic clock, or the operating system's, from this moment.
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
