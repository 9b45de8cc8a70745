//! A clock that the test sets, and that records its readings.

use std::cell::Cell;
use std::rc::Rc;

use localmap_engine::Clock;

/// The last time that a map sees.
const LAST: u64 = u64::MAX - 1;

#[derive(Clone, Default)]
pub(super) struct FakeClock(Rc<State>);

#[derive(Default)]
struct State {
    now: Cell<u64>,
    /// The latest time that has been read, as the map sees it.
    seen: Cell<u64>,
    reads: Cell<u64>,
}

impl Clock for FakeClock {
    fn now(&self) -> u64 {
        let State { now, seen, reads } = &*self.0;
        reads.set(reads.get() + 1);
        seen.set(seen.get().max(now.get().min(LAST)));
        now.get()
    }
}

impl FakeClock {
    pub(super) fn at(now: u64) -> Self {
        let clock = Self::default();
        clock.0.now.set(now);
        clock
    }

    pub(super) fn advance(&self, by: u64) {
        self.set(self.0.now.get().saturating_add(by));
    }

    pub(super) fn rewind(&self, by: u64) {
        self.set(self.0.now.get().saturating_sub(by));
    }

    pub(super) fn set(&self, to: u64) {
        self.0.now.set(to);
    }

    /// Returns the latest time that the map has read.
    pub(super) fn seen(&self) -> u64 {
        self.0.seen.get()
    }

    /// Returns the time for a map that reads the clock now. If a map does not need to read it, its
    /// results must still be correct at this time.
    pub(super) fn time(&self) -> u64 {
        self.seen().max(self.0.now.get().min(LAST))
    }

    /// Returns the number of readings.
    pub(super) fn reads(&self) -> u64 {
        self.0.reads.get()
    }
}
