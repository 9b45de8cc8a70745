//! Time since telemetry began, in nanoseconds, read from the counter of the processor where it can be.

use quanta::Clock as Counter;
use std::time::SystemTime;

/// The clock of a [`Telemetry`](crate::Telemetry).
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    counter: Counter,
    start: u64,
    started_at: SystemTime,
}

impl Clock {
    /// Creates a clock that begins at 0. The first one of a process takes up to 200 ms.
    pub(crate) fn new() -> Self {
        let counter = Counter::new();
        let start = counter.raw();
        Self {
            counter,
            start,
            started_at: SystemTime::now(),
        }
    }

    /// Returns the counter, which [`nanos`](Self::nanos) converts.
    #[inline]
    pub(crate) fn raw(&self) -> u64 {
        self.counter.raw()
    }

    /// Returns the time of a [`raw`](Self::raw) value, in nanoseconds since the clock began.
    #[inline]
    pub(crate) fn nanos(&self, raw: u64) -> u64 {
        self.counter.delta_as_nanos(self.start, raw)
    }

    /// Returns the nanoseconds between two [`raw`](Self::raw) values.
    #[inline]
    pub(crate) fn between(&self, start: u64, end: u64) -> u64 {
        self.counter.delta_as_nanos(start, end)
    }

    /// Returns when the clock began, by the wall clock.
    pub(crate) fn started_at(&self) -> SystemTime {
        self.started_at
    }
}
