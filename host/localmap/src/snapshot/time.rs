//! The time of a map and of the readers of its snapshot, which agree on what has expired even if
//! the clock steps back.

use crate::clock::Clock;
use crate::contract::duration::map_time;
use crate::sync::{AtomicU64, Ordering};
use std::sync::Arc;

/// A clock, and a time from which it does not go back.
pub(crate) struct SharedTime {
    clock: Arc<dyn Clock>,
    /// The latest time that the map has seen or at which a reader has seen an entry expire, in
    /// nanoseconds.
    latest: AtomicU64,
}

impl SharedTime {
    /// Wraps the clock of a map that has seen the time `seen`.
    pub(crate) fn new(clock: Arc<dyn Clock>, seen: u64) -> Self {
        let latest = AtomicU64::new(seen);
        Self { clock, latest }
    }

    /// Returns the time in nanoseconds. Readers call it, so it writes nothing that they share.
    pub(crate) fn now(&self) -> u64 {
        map_time(self.clock.now()).max(self.latest.load(Ordering::Relaxed))
    }

    /// Records that it is `time` or later. Returns the latest time recorded.
    pub(crate) fn record(&self, time: u64) -> u64 {
        let latest = self.latest.load(Ordering::Relaxed);
        if latest >= time {
            return latest;
        }
        self.latest.fetch_max(time, Ordering::Relaxed).max(time)
    }
}
