//! How many entries and bytes tenants held from time to time, for the counters of a trace.

use crate::names::TenantId;
use localmap::{Stats, lock};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

/// What the maps of a tenant hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Held {
    pub(crate) entries: u64,
    /// Bytes of keys and values.
    pub(crate) payload: u64,
    /// Other bytes in use.
    pub(crate) overhead: u64,
    /// Bytes that are free.
    pub(crate) free: u64,
}

impl Held {
    /// Adds the statistics of a map.
    pub(crate) fn add(&mut self, stats: &Stats) {
        self.entries += stats.entries;
        self.payload += stats.payload;
        self.overhead += stats.overhead;
        self.free += stats.free;
    }
}

/// What a tenant held at a time, in nanoseconds since the clock began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) at: u64,
    pub(crate) tenant: TenantId,
    pub(crate) held: Held,
}

/// The last samples.
pub(crate) struct Samples {
    max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    samples: VecDeque<Sample>,
    /// What each live tenant held the last time.
    last: BTreeMap<TenantId, Held>,
}

impl Samples {
    /// Creates a list of at most `max` samples.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            state: Mutex::default(),
        }
    }

    /// Adds a sample of each tenant that holds something else than before. Tenants that are missing hold
    /// nothing.
    pub(crate) fn add(&self, at: u64, held: BTreeMap<TenantId, Held>) {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let gone = state.last.keys().filter(|id| !held.contains_key(id));
        let gone = gone.map(|id| (*id, Held::default()));
        let changed = held
            .iter()
            .filter(|(id, held)| state.last.get(id) != Some(held));
        let changed = changed.map(|(id, held)| (*id, *held));
        for (tenant, held) in gone.chain(changed) {
            if state.samples.len() >= self.max {
                state.samples.pop_front();
            }
            state.samples.push_back(Sample { at, tenant, held });
        }
        state.last = held;
    }

    /// Returns the samples, the oldest one first.
    pub(crate) fn get(&self) -> Vec<Sample> {
        lock(&self.state).samples.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(all: &[(u32, u64)]) -> BTreeMap<TenantId, Held> {
        let of = |&(id, entries)| {
            let held = Held {
                entries,
                ..Held::default()
            };
            (TenantId(id), held)
        };
        all.iter().map(of).collect()
    }

    #[test]
    fn only_changes_are_sampled_and_the_last_ones_are_kept() {
        let samples = Samples::new(3);
        samples.add(1, held(&[(1, 10), (2, 20)]));
        samples.add(2, held(&[(1, 10), (2, 21)]));
        samples.add(3, held(&[(1, 10)]));
        samples.add(4, held(&[(1, 10)]));
        let seen = samples.get().into_iter();
        let seen: Vec<_> = seen.map(|s| (s.at, s.tenant.0, s.held.entries)).collect();
        assert_eq!(seen, [(1, 2, 20), (2, 2, 21), (3, 2, 0)]);
    }
}
