//! The map against a model that is too simple to be wrong, under random operations
//! on few keys, with tiny limits and a clock that jumps and goes back.

mod model;
mod operation;
mod validate;

use core::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::vec::Vec;

use proptest::prelude::*;

use super::Map;
use crate::{Clock, Limits};
use model::{Answer, Model};
use operation::{Operation, operation, small_limits};

/// A clock that the test sets, and that tells what has been read.
#[derive(Clone, Default)]
struct FakeClock {
    now: Rc<Cell<u64>>,
    /// The latest time that was read.
    seen: Rc<Cell<u64>>,
    reads: Rc<Cell<u32>>,
}

impl Clock for FakeClock {
    fn now(&self) -> u64 {
        self.reads.set(self.reads.get() + 1);
        self.seen.set(self.seen.get().max(self.now.get()));
        self.now.get()
    }
}

/// A scan that goes on while other operations happen.
#[derive(Default)]
struct Scan {
    cursor: u64,
    /// The keys that have been there since it began.
    throughout: BTreeSet<Vec<u8>>,
    /// How often each key was given.
    given: BTreeMap<Vec<u8>, u32>,
}

struct Pair {
    clock: FakeClock,
    map: Map<FakeClock>,
    model: Model,
    scan: Option<Scan>,
}

impl Pair {
    fn new(limits: Limits) -> Self {
        let clock = FakeClock::default();
        Self {
            map: Map::new(clock.clone(), 1, limits.clone()),
            clock,
            model: Model::new(limits),
            scan: None,
        }
    }

    /// Does the same on both sides and compares.
    fn perform(&mut self, operation: &Operation) {
        match operation {
            Operation::Advance(by) => self.clock.now.set(self.clock.now.get().saturating_add(*by)),
            Operation::Rewind(by) => self.clock.now.set(self.clock.now.get().saturating_sub(*by)),
            _ => {}
        }
        // The time of this call, if it reads the clock. If it does not, its answer
        // must be right at this time too.
        let now = self.clock.seen.get().max(self.clock.now.get());
        self.forget(now);
        let (reads, expired) = (self.clock.reads.get(), self.map.expired);
        let answer = self.answer(operation, now);
        let reads = self.clock.reads.get() - reads;
        let expired = self.map.expired - expired;

        let once = reads <= 1 || matches!(operation, Operation::Scan(..));
        assert!(once, "the clock was read {reads} times");
        self.model.expire(self.clock.seen.get());
        assert_eq!(answer, self.model.perform(operation, now), "at {now}");
        if let Some(own) = operation.may_take_back() {
            assert!(expired <= own, "{expired} entries taken back");
        }
        let counted = (self.map.hits, self.map.misses, self.map.writes);
        let stats = &self.model.stats;
        assert_eq!(counted, (stats.hits, stats.misses, stats.writes));
        self.forget(now);
    }

    /// What the map answers.
    fn answer(&mut self, operation: &Operation, now: u64) -> Answer {
        match operation {
            Operation::Sweep(max) => {
                let before = self.map.expired;
                let swept = self.map.sweep(*max);
                assert!(swept <= *max);
                assert_eq!(u64::from(swept), self.map.expired - before);
                if swept < *max {
                    let left = self.map.expiry.count_due(&self.map.arena, now);
                    assert_eq!(left, 0);
                }
                Answer::Done
            }
            Operation::Page(limit) => {
                self.page(*limit, now);
                Answer::Done
            }
            _ => operation.perform(&mut self.map),
        }
    }

    /// Goes on with the scan, and judges it when it is at its end.
    fn page(&mut self, limit: u32, now: u64) {
        let model = &self.model;
        let scan = self.scan.get_or_insert_with(|| Scan {
            throughout: model.living(now).map(|(key, _)| key.clone()).collect(),
            ..Scan::default()
        });
        let given = &mut scan.given;
        let next = self.map.scan(b"", scan.cursor, limit, |scanned| {
            let there = model.get(scanned.key, now).map(|entry| entry.version);
            assert_eq!(there, Some(scanned.version));
            *given.entry(scanned.key.to_vec()).or_default() += 1;
        });
        if let Some(next) = next {
            assert!(next > scan.cursor);
            scan.cursor = next;
            return;
        }
        for key in &scan.throughout {
            let times = scan.given.get(key).copied().unwrap_or(0);
            assert_eq!(times, 1, "{key:?} was there and was given {times} times");
        }
        self.scan = None;
    }

    /// Strikes what is not there any more off the list of the scan.
    fn forget(&mut self, now: u64) {
        if let Some(scan) = &mut self.scan {
            scan.throughout
                .retain(|key| self.model.get(key, now).is_some());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 900, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn few_keys_and_tiny_limits(
        limits in small_limits(),
        operations in prop::collection::vec(operation(0..6), 1..100),
    ) {
        let mut pair = Pair::new(limits);
        for operation in &operations {
            pair.perform(operation);
            pair.map.validate();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn many_keys(operations in prop::collection::vec(operation(0..3000).prop_map(Operation::tame), 10_000)) {
        let mut pair = Pair::new(Limits::default());
        for operations in operations.chunks(500) {
            for operation in operations {
                pair.perform(operation);
            }
            pair.map.validate();
        }
    }
}
