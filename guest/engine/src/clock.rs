//! Time: what a map asks of its host, and the clamp that keeps it from running
//! backwards.

/// A monotonic clock.
///
/// Every `Fn() -> u64` is one.
pub trait Clock {
    /// Nanoseconds since a moment that does not change. A map takes a time
    /// before one that it has already seen for that later one.
    fn now(&self) -> u64;
}

impl<F: Fn() -> u64> Clock for F {
    fn now(&self) -> u64 {
        self()
    }
}

/// A clock that never runs backwards and is read at most once in a call.
pub(crate) struct CallClock<C> {
    clock: C,
    /// The latest time read.
    seen: u64,
    /// Whether `seen` was read in the present call.
    fresh: bool,
}

impl<C: Clock> CallClock<C> {
    pub(crate) const fn new(clock: C) -> Self {
        Self {
            clock,
            seen: 0,
            fresh: false,
        }
    }

    /// Begins a call: the next [`now`](Self::now) reads the clock again.
    pub(crate) const fn begin(&mut self) {
        self.fresh = false;
    }

    /// The time of the present call.
    pub(crate) fn now(&mut self) -> u64 {
        if !self.fresh {
            self.seen = self.seen.max(self.clock.now());
            self.fresh = true;
        }
        self.seen
    }

    /// Whether `deadline` is reached, where it is the first thing that a call asks for: it
    /// needs no [`begin`](Self::begin).
    #[inline(always)]
    pub(crate) fn reached_first(&mut self, deadline: u64) -> bool {
        if deadline <= self.seen {
            return true;
        }
        self.seen = self.seen.max(self.clock.now());
        self.fresh = true;
        deadline <= self.seen
    }

    /// The latest time read, in this call or before. Costs nothing.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether `deadline` is reached. Reads the clock only where the latest time
    /// read does not tell.
    pub(crate) fn reached(&mut self, deadline: u64) -> bool {
        deadline <= self.seen || deadline <= self.now()
    }
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
        clock.begin();
        assert_eq!((clock.now(), clock.now(), reads.get()), (10, 10, 1));
        time.set(5);
        clock.begin();
        assert_eq!((clock.now(), reads.get()), (10, 2));
        time.set(11);
        clock.begin();
        assert_eq!((clock.now(), reads.get()), (11, 3));
    }

    #[test]
    fn a_deadline_behind_the_time_seen_needs_no_reading() {
        let (time, reads) = (Cell::new(10), Cell::new(0));
        let mut clock = CallClock::new(|| {
            reads.set(reads.get() + 1);
            time.get()
        });
        clock.begin();
        assert!(!clock.reached(11) && clock.reached(10));
        assert_eq!(reads.get(), 1);
        clock.begin();
        assert!(clock.reached(10));
        assert_eq!(reads.get(), 1);
        time.set(11);
        assert!(clock.reached(11));
        assert_eq!(reads.get(), 2);
    }
}
