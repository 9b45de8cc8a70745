//! A map and a model too simple to be wrong, under the same operations, with few keys, tiny
//! limits, and a clock that jumps and runs backwards. The operations are decoded from bytes, so
//! that a test and a fuzzer share this code.

mod case;
mod clock;
mod model;
mod operation;
mod pair;
mod room;
mod scan;
mod values;
mod writes;

pub(crate) use case::{Case, Scale, Setup};
pub(crate) use operation::{Change, Operation, Wanted, When};
pub(crate) use values::Datum;

use std::ops::AddAssign;

use pair::Pair;

/// What has been done, so that it is known that each of these came about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    pub(crate) hits: u64,
    pub(crate) writes: u64,
    pub(crate) expired: u64,
    pub(crate) evicted: u64,
    pub(crate) refused: u64,
    /// Batches of several changes that were done.
    pub(crate) batches: u64,
    /// Values that were read through a pin alone.
    pub(crate) detached: u64,
    /// Scans that came to their end, with other operations in between.
    pub(crate) scans: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.hits += other.hits;
        self.writes += other.writes;
        self.expired += other.expired;
        self.evicted += other.evicted;
        self.refused += other.refused;
        self.batches += other.batches;
        self.detached += other.detached;
        self.scans += other.scans;
    }
}

/// Does what the case says, and panics where map and model do not agree.
pub(crate) fn run(case: &Case) -> Tally {
    let mut pair = Pair::new(&case.setup);
    for (at, operation) in case.operations.iter().enumerate() {
        pair.perform(operation);
        pair.check(at);
    }
    pair.end()
}
