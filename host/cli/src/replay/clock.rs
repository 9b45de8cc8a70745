//! The clock of a replay.

use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime_wasi::HostWallClock;
use wasmtime_wasi::p2::Pollable;

/// Both WASI clocks and the clock of the map, in nanoseconds since 1970. Clones share the same
/// time.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplayClock(Arc<AtomicU64>);

impl ReplayClock {
    pub(crate) fn nanos(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Moves the clock forward, but never backwards.
    pub(crate) fn reach(&self, nanos: u64) {
        self.0.fetch_max(nanos, Ordering::Relaxed);
    }
}

impl HostWallClock for ReplayClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }
}

/// The clock of a linked map.
impl localmap::Clock for ReplayClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }
}

/// Makes the clock jump to the instant that a guest waits for, unless another event that the guest
/// waits for comes first.
pub(crate) struct Sleep {
    pub(crate) clock: ReplayClock,
    pub(crate) until: u64,
}

#[async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        if self.clock.nanos() < self.until {
            // Everything else in the same poll is checked before this continues.
            tokio::task::yield_now().await;
            self.clock.reach(self.until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back() {
        let clock = ReplayClock::default();
        clock.reach(5);
        clock.reach(3);
        assert_eq!(clock.nanos(), 5);
    }

    #[test]
    fn a_sleep_makes_the_clock_jump_and_takes_no_time() {
        let clock = ReplayClock::default();
        let mut sleep = Sleep {
            clock: clock.clone(),
            until: u64::MAX,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(sleep.ready());
        assert_eq!(clock.nanos(), u64::MAX);
    }
}
