//! The clock of a map, a clamp that keeps it from running backwards, and the one place that
//! decides whether an entry has expired.

/// A monotonic clock.
///
/// Any `Fn() -> u64` can be used as a clock.
///
/// ```
/// use localmap_engine::{Clock, Limits, Map};
/// use std::time::Instant;
///
/// struct SinceStart(Instant);
///
/// impl Clock for SinceStart {
///     fn now(&self) -> u64 {
///         self.0.elapsed().as_nanos() as u64
///     }
/// }
///
/// let map = Map::new(SinceStart(Instant::now()), 42, Limits::default());
/// ```
pub trait Clock {
    /// Returns the nanoseconds since a fixed moment. If a clock goes backwards, the map keeps
    /// using the latest time that it has seen. The map's time ends one nanosecond before
    /// `u64::MAX`, so that an entry written at the end has time left.
    fn now(&self) -> u64;
}

impl<F: Fn() -> u64> Clock for F {
    fn now(&self) -> u64 {
        self()
    }
}

/// The last time that a map sees. It is before the latest deadline, `u64::MAX`, so every TTL has at
/// least one nanosecond left when it is set, at the end of the clock too.
const LAST: u64 = u64::MAX - 1;

/// A clock that never runs backwards, and ends at [`LAST`].
pub(crate) struct CallClock<C> {
    clock: C,
    /// The latest time read.
    seen: u64,
}

/// The time of one call of the map. It is read when it is first needed, and stays the same until
/// the call ends. Each call creates one and passes it to all functions that need the time.
#[must_use]
pub(crate) struct CallTime {
    /// Whether the clock has been read in this call. If so, the time is `seen` of the clock.
    is_read: bool,
}

impl CallTime {
    /// Begins a call.
    #[inline(always)]
    pub(crate) const fn begin() -> Self {
        Self { is_read: false }
    }
}

impl<C: Clock> CallClock<C> {
    pub(crate) const fn new(clock: C) -> Self {
        Self { clock, seen: 0 }
    }

    /// Returns the time of a call.
    #[inline]
    pub(crate) fn now(&mut self, call: &mut CallTime) -> u64 {
        if !call.is_read {
            self.seen = self.seen.max(self.clock.now().min(LAST));
            call.is_read = true;
        }
        self.seen
    }

    /// Returns the latest time read, in this call or before, without reading the clock.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns `true` if an entry with this deadline has expired. `None` never expires. Reads the
    /// clock only if the deadline is later than the latest time read.
    ///
    /// Every operation that encounters an entry uses this, and thereby [`is_due`], to decide
    /// whether the entry still exists.
    #[inline]
    pub(crate) fn expired(&mut self, call: &mut CallTime, deadline: Option<u64>) -> bool {
        let due = |deadline| is_due(deadline, self.seen) || is_due(deadline, self.now(call));
        deadline.is_some_and(due)
    }
}

/// Returns `true` if an entry with this deadline has expired at `now`. The deadline is the first
/// nanosecond at which the entry has expired.
///
/// Expiry is decided only here: for the operations through [`CallClock::expired`], and for the
/// wheel when it frees entries.
#[inline]
pub(crate) const fn is_due(deadline: u64, now: u64) -> bool {
    deadline <= now
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    #[test]
    fn reads_once_in_a_call_and_never_goes_back() {
        let (time, reads) = (Cell::new(10), Cell::new(0));
        let mut clock = CallClock::new(|| {
            reads.set(reads.get() + 1);
            time.get()
        });
        let mut call = CallTime::begin();
        let times = (clock.now(&mut call), clock.now(&mut call));
        assert_eq!((times, reads.get()), ((10, 10), 1));
        time.set(5);
        assert_eq!((clock.now(&mut CallTime::begin()), reads.get()), (10, 2));
        time.set(11);
        assert_eq!((clock.now(&mut CallTime::begin()), reads.get()), (11, 3));
    }

    #[test]
    fn ends_before_the_latest_deadline() {
        let mut clock = CallClock::new(|| u64::MAX);
        assert_eq!(clock.now(&mut CallTime::begin()), LAST);
        assert!(!clock.expired(&mut CallTime::begin(), Some(u64::MAX)));
        assert!(clock.expired(&mut CallTime::begin(), Some(LAST)));
    }

    #[test]
    fn a_deadline_behind_the_time_seen_needs_no_reading() {
        let (time, reads) = (Cell::new(10), Cell::new(0));
        let mut clock = CallClock::new(|| {
            reads.set(reads.get() + 1);
            time.get()
        });
        let mut call = CallTime::begin();
        assert!(!clock.expired(&mut call, Some(11)) && clock.expired(&mut call, Some(10)));
        assert_eq!(reads.get(), 1);
        let mut call = CallTime::begin();
        assert!(clock.expired(&mut call, Some(10)));
        assert_eq!(reads.get(), 1);
        time.set(11);
        assert!(clock.expired(&mut call, Some(11)));
        assert_eq!(reads.get(), 2);
        assert!(!clock.expired(&mut CallTime::begin(), None));
        assert_eq!(reads.get(), 2);
    }
}
