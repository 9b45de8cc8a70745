//! Time since telemetry began, in nanoseconds, read from the counter of the processor where it can be.

use quanta::Clock as Counter;
use std::time::{Instant, SystemTime};

/// The clock of a [`Telemetry`](crate::Telemetry).
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// `None` if the clock of the system is read.
    counter: Option<Counter>,
    start: u64,
    started: Instant,
    started_at: SystemTime,
}

impl Clock {
    /// Creates a clock that begins at 0, and reads the counter of the processor. The first one of a
    /// process takes up to 200 ms.
    pub(crate) fn of_processor() -> Self {
        let counter = Counter::new();
        let start = counter.raw();
        Self {
            counter: Some(counter),
            start,
            ..Self::of_system()
        }
    }

    /// Creates a clock that begins at 0, and reads the clock of the system: at once, but each time some
    /// 20 ns slower. It suits probes, as those that listen to them take far longer.
    pub(crate) fn of_system() -> Self {
        Self {
            counter: None,
            start: 0,
            started: Instant::now(),
            started_at: SystemTime::now(),
        }
    }

    /// Returns the counter, which [`nanos`](Self::nanos) converts.
    #[inline]
    pub(crate) fn raw(&self) -> u64 {
        match &self.counter {
            Some(counter) => counter.raw(),
            None => self.elapsed(),
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Returns the time of a [`raw`](Self::raw) value, in nanoseconds since the clock began.
    #[inline]
    pub(crate) fn nanos(&self, raw: u64) -> u64 {
        self.between(self.start, raw)
    }

    /// Returns the nanoseconds between two [`raw`](Self::raw) values.
    #[inline]
    pub(crate) fn between(&self, start: u64, end: u64) -> u64 {
        match &self.counter {
            Some(counter) => counter.delta_as_nanos(start, end),
            None => end.saturating_sub(start),
        }
    }

    /// Returns when the clock began, by the wall clock.
    pub(crate) fn started_at(&self) -> SystemTime {
        self.started_at
    }
}
