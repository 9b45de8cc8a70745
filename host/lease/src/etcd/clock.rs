//! The clock of leases.

use localmap::Clock;
use std::time::Duration;

/// `CLOCK_BOOTTIME` on Linux, which also counts the time for which the machine sleeps, and the system's
/// clock elsewhere. `CLOCK_MONOTONIC` stands still while the machine sleeps: with it, a lease that has ended
/// meanwhile would seem to be there afterwards.
#[derive(Debug, Default)]
pub(super) struct BootClock {
    #[cfg(not(target_os = "linux"))]
    clock: localmap::SystemClock,
}

impl Clock for BootClock {
    #[cfg(target_os = "linux")]
    fn now(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // It is never negative.
        Duration::try_from(now).unwrap_or_default()
    }

    #[cfg(not(target_os = "linux"))]
    fn now(&self) -> Duration {
        self.clock.now()
    }
}
