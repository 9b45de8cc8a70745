//! A map and a model too simple to be wrong, under the same operations, with few keys, tiny
//! limits, and a clock that jumps and runs backwards. The operations are decoded from bytes, so
//! that a test and a fuzzer share this code.

mod case;
mod clock;
mod mirror;
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

/// Counts of what has been done, to check that every kind of operation occurred.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    pub(crate) hits: u64,
    pub(crate) writes: u64,
    pub(crate) expired: u64,
    pub(crate) evicted: u64,
    pub(crate) refused: u64,
    /// Batches of several changes that succeeded.
    pub(crate) batches: u64,
    /// Values that could be read only through a pin.
    pub(crate) detached: u64,
    /// Scans that were completed, with other operations in between.
    pub(crate) scans: u64,
    /// Changes that a mirror was told.
    pub(crate) told: u64,
    /// Times that changes had been lost.
    pub(crate) lost: u64,
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
        self.told += other.told;
        self.lost += other.lost;
    }
}

/// Runs a case. Panics if the map and the model differ.
pub(crate) fn run(case: &Case) -> Tally {
    let mut pair = Pair::new(&case.setup);
    for (at, operation) in case.operations.iter().enumerate() {
        pair.perform(operation);
        pair.check(at);
    }
    pair.end()
}
