//! The statistics of a host: what has become of its maps.

use crate::contract::error::TerminationCause;
use crate::sync::{AtomicU64, Ordering};

/// The statistics of a host: see [`Host::stats`](crate::Host::stats).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HostStats {
    /// Live maps.
    pub live: u32,
    /// The limit on live maps, [`HostOptions::max_maps`](crate::HostOptions::max_maps).
    pub max_maps: u32,
    /// Threads that wait for a map to end, so that they can create another one: see
    /// [`HostOptions::wait`](crate::HostOptions::wait).
    pub waiting: u32,
    /// Maps that were created.
    pub created: u64,
    /// Maps that were not created, for whatever reason.
    pub refused: u64,
    /// Maps that have ended, by cause.
    pub ended: EndedMaps,
    /// Growths of memory that were denied to maps: see
    /// [`MapOptions::max_memory`](crate::MapOptions::max_memory).
    pub memory_denied: u64,
    /// Ticks of the clock that interrupts calls, every 10 ms, which have found the same call running as the
    /// tick before: 10 ms each of calls that last for longer than that. Short calls do not count, however
    /// many there are.
    pub epochs: u64,
}

/// Maps that have ended, by [cause](TerminationCause).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EndedMaps {
    /// Dropped by their owners, or with their tenants.
    pub dropped: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Ended by a call that took too long.
    pub timed_out: u64,
    /// Ended by a trap.
    pub trapped: u64,
    /// Ended by a trap in a call that was denied memory.
    pub out_of_memory: u64,
    /// Ended by a result that the contract does not allow, or by a clock that panicked.
    pub failed: u64,
}

impl EndedMaps {
    /// Returns each cause, by its name in metrics, with the number of maps.
    ///
    /// ```
    /// let ended = localmap::Host::new()?.stats().ended;
    /// assert_eq!(ended.by_cause()[0], ("dropped", 0));
    /// # Ok::<(), localmap::CreateError>(())
    /// ```
    pub fn by_cause(&self) -> [(&'static str, u64); 6] {
        [
            ("dropped", self.dropped),
            ("cancelled", self.cancelled),
            ("timed_out", self.timed_out),
            ("trapped", self.trapped),
            ("out_of_memory", self.out_of_memory),
            ("failed", self.failed),
        ]
    }
}

/// The counts from which the statistics are read.
#[derive(Default)]
pub(crate) struct HostCounts {
    pub(crate) created: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) memory_denied: AtomicU64,
    pub(crate) epochs: AtomicU64,
    dropped: AtomicU64,
    cancelled: AtomicU64,
    timed_out: AtomicU64,
    trapped: AtomicU64,
    out_of_memory: AtomicU64,
    failed: AtomicU64,
}

impl HostCounts {
    /// Counts a map that has ended.
    pub(crate) fn ended(&self, cause: &TerminationCause) {
        add_one(match cause {
            TerminationCause::Dropped => &self.dropped,
            TerminationCause::Cancelled => &self.cancelled,
            TerminationCause::TimedOut { .. } => &self.timed_out,
            TerminationCause::Trap { .. } => &self.trapped,
            TerminationCause::OutOfMemory { .. } => &self.out_of_memory,
            TerminationCause::Fault { .. } | TerminationCause::Panicked => &self.failed,
        });
    }

    /// Returns the counts.
    pub(crate) fn stats(&self) -> HostStats {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        HostStats {
            created: count(&self.created),
            refused: count(&self.refused),
            memory_denied: count(&self.memory_denied),
            epochs: count(&self.epochs),
            ended: EndedMaps {
                dropped: count(&self.dropped),
                cancelled: count(&self.cancelled),
                timed_out: count(&self.timed_out),
                trapped: count(&self.trapped),
                out_of_memory: count(&self.out_of_memory),
                failed: count(&self.failed),
            },
            ..HostStats::default()
        }
    }
}

/// Adds 1 to a count.
pub(crate) fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
