//! Time: what a map asks of its host, the clamp that keeps it from running backwards, and the
//! one place that decides whether an entry has expired.

/// A monotonic clock.
///
/// Every `Fn() -> u64` is one.
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
    /// Returns the nanoseconds since a moment that does not change. If the time is before one
    /// that the map has already seen, the map goes on with that one.
    fn now(&self) -> u64;
}

impl<F: Fn() -> u64> Clock for F {
    fn now(&self) -> u64 {
        self()
    }
}

/// A clock that never runs backwards.
pub(crate) struct CallClock<C> {
    clock: C,
    /// The latest time read.
    seen: u64,
}

/// The time of one call of the map: it is read when it is first asked for, and stays what it is
/// until the call ends. Each call makes one, and hands it to all that needs the time.
#[must_use]
pub(crate) struct CallTime {
    /// Whether the clock has been read in this call. The time is the clock's `seen` then.
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
            self.seen = self.seen.max(self.clock.now());
            call.is_read = true;
        }
        self.seen
    }

    /// Returns the latest time read, in this call or before. Costs nothing.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns `true` if an entry with this deadline has expired; `None`: it never does. Reads
    /// the clock only if the deadline is later than the latest time read.
    ///
    /// Every operation that meets an entry decides by this whether it is still there, by way of
    /// [`is_due`].
    #[inline]
    pub(crate) fn expired(&mut self, call: &mut CallTime, deadline: Option<u64>) -> bool {
        let due = |deadline| is_due(deadline, self.seen) || is_due(deadline, self.now(call));
        deadline.is_some_and(due)
    }
}

/// Returns `true` if an entry with this deadline has expired at `now`: the deadline is the first
/// nanosecond at which it has.
///
/// Expiry is decided here and nowhere else: by the operations through [`CallClock::expired`],
/// and by the wheel for the entries that it frees.
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
