//! The coarse clock of the operating system.

use crate::clock::Clock;
use std::time::Duration;

/// The coarse monotonic clock of the operating system, which is cheaper to read than
/// [`SystemClock`](crate::SystemClock).
///
/// On Linux and Android it is `CLOCK_MONOTONIC_COARSE`, the time of the kernel's last tick. On other
/// systems it is the same clock as `SystemClock`.
///
/// # Accuracy
///
/// The clock stands still between two ticks, usually 1 to 10 ms apart: see
/// [`resolution`](Self::resolution). Both the start and the end of a TTL are moved to a tick, so an
/// entry can expire up to one resolution **earlier or later** than its TTL says. A TTL of less than
/// the resolution may end with the next tick. Use this clock if your TTLs are much longer than that.
/// All operations still agree on whether an entry has expired, since they read the same clock.
///
/// # Examples
///
/// ```
/// use localmap::{Clock, CoarseClock, Host, MapOptions};
///
/// let clock = CoarseClock::new();
/// assert!(clock.now() <= clock.now());
/// let map = Host::new()?.map(&MapOptions::new().clock(clock))?;
/// # Ok::<(), localmap::CreateError>(())
/// ```
///
/// A plugged app reads the clock of its own WASI context, which also accepts this one. A read of an
/// entry with a TTL then costs little more than the call out of the sandbox:
///
/// ```
/// use localmap::{Clock, CoarseClock};
/// use wasmtime_wasi::{HostMonotonicClock, WasiCtx};
///
/// struct Coarse(CoarseClock);
///
/// impl HostMonotonicClock for Coarse {
///     fn resolution(&self) -> u64 {
///         u64::try_from(CoarseClock::resolution().as_nanos()).unwrap_or(u64::MAX)
///     }
///
///     fn now(&self) -> u64 {
///         u64::try_from(self.0.now().as_nanos()).unwrap_or(u64::MAX)
///     }
/// }
///
/// let wasi = WasiCtx::builder().monotonic_clock(Coarse(CoarseClock::new())).build();
/// ```
#[derive(Debug, Clone)]
pub struct CoarseClock {
    source: Source,
}

impl CoarseClock {
    /// Creates a clock that starts at zero. See [`CoarseClock`] for an example.
    pub fn new() -> Self {
        let source = Source::new();
        Self { source }
    }

    /// Returns the time between two ticks of the clock.
    ///
    /// ```
    /// use localmap::CoarseClock;
    /// use std::time::Duration;
    ///
    /// assert!(CoarseClock::resolution() >= Duration::from_nanos(1));
    /// ```
    pub fn resolution() -> Duration {
        Source::resolution()
    }
}

impl Default for CoarseClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for CoarseClock {
    fn now(&self) -> Duration {
        self.source.now()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
use kernel::Source;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
use precise::Source;

/// Reads the clock of the kernel.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod kernel {
    use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};
    use std::time::Duration;

    const CLOCK: ClockId = ClockId::MonotonicCoarse;

    #[derive(Debug, Clone)]
    pub(super) struct Source {
        origin: Duration,
    }

    impl Source {
        pub(super) fn new() -> Self {
            let origin = duration(clock_gettime(CLOCK));
            Self { origin }
        }

        pub(super) fn now(&self) -> Duration {
            duration(clock_gettime(CLOCK)).saturating_sub(self.origin)
        }

        pub(super) fn resolution() -> Duration {
            duration(clock_getres(CLOCK)).max(Duration::from_nanos(1))
        }
    }

    /// Converts a time, which is never negative.
    fn duration(time: Timespec) -> Duration {
        Duration::try_from(time).unwrap_or_default()
    }
}

/// Uses the clock of the standard library.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod precise {
    use std::time::{Duration, Instant};

    #[derive(Debug, Clone)]
    pub(super) struct Source {
        origin: Instant,
    }

    impl Source {
        pub(super) fn new() -> Self {
            let origin = Instant::now();
            Self { origin }
        }

        pub(super) fn now(&self) -> Duration {
            self.origin.elapsed()
        }

        pub(super) fn resolution() -> Duration {
            Duration::from_nanos(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// Its origin and each reading are at most one tick behind the precise clock.
    #[test]
    fn is_within_its_resolution_of_the_precise_clock() {
        let before = Instant::now();
        let clock = CoarseClock::new();
        let created = Instant::now();
        let slack = CoarseClock::resolution();
        let mut last = Duration::ZERO;
        for _ in 0..10_000 {
            let least = created.elapsed();
            let now = clock.now();
            let most = before.elapsed();
            assert!(now + slack >= least && now <= most + slack, "{now:?}");
            assert!(now >= last);
            last = now;
        }
    }
}
