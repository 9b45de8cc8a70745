//! The clock that measures the age of a mirror.

use localmap::Clock;
use std::time::Duration;

/// A clock that also counts the time for which the machine sleeps: `CLOCK_BOOTTIME` on Linux, and the
/// [`SystemClock`](localmap::SystemClock) elsewhere. The default of
/// [`MirrorOptions::clock`](crate::MirrorOptions::clock).
///
/// `CLOCK_MONOTONIC` stands still while the machine sleeps, so with it the first read afterwards would
/// report the age that the mirror had before.
///
/// ```
/// use localmap::Clock;
/// use localmap_mirror::BootClock;
///
/// let clock = BootClock::new();
/// assert!(clock.now() <= clock.now());
/// ```
#[derive(Debug, Clone, Default)]
pub struct BootClock {
    #[cfg(not(target_os = "linux"))]
    clock: localmap::SystemClock,
}

impl BootClock {
    /// Creates the clock. See [`BootClock`] for an example.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Clock for BootClock {
    #[cfg(target_os = "linux")]
    fn now(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // Neither is negative: the machine was started at 0.
        Duration::new(
            u64::try_from(now.tv_sec).unwrap_or(0),
            u32::try_from(now.tv_nsec).unwrap_or(0),
        )
    }

    #[cfg(not(target_os = "linux"))]
    fn now(&self) -> Duration {
        self.clock.now()
    }
}
