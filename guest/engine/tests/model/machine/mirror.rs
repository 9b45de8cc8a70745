//! A copy of the map that follows its changes, as a host makes one. At any time it must become equal to
//! the map by reading no more than the keys that have changed.

use std::collections::{BTreeMap, BTreeSet};

use localmap_engine::{Became, Map, Told};

use super::clock::FakeClock;
use super::model::Model;
use super::scan::by_key;
use super::values::key;

/// The version and the deadline of an entry.
type Copied = (u64, Option<u64>);

pub(super) struct Mirror {
    /// The number of operations between two questions for changes.
    every: usize,
    entries: BTreeMap<Vec<u8>, Copied>,
    /// The changes that have been told.
    pub(super) told: u64,
    /// The number of times that changes had been lost.
    pub(super) lost: u64,
}

impl Mirror {
    /// Begins to watch an empty map. The seed decides how much room the changes have, and how often
    /// the mirror asks for them.
    pub(super) fn new(map: &mut Map<FakeClock>, seed: u64) -> Self {
        let max = match seed % 4 {
            0 => 300,
            1 => 1 << 20,
            2 => 40,
            _ => 3000,
        };
        map.watch(max).expect("memory");
        Self {
            every: match seed / 4 % 4 {
                0 => 1,
                1 => 3,
                2 => 20,
                _ => usize::MAX,
            },
            entries: BTreeMap::new(),
            told: 0,
            lost: 0,
        }
    }

    /// Returns `true` if the mirror asks for changes after this operation.
    pub(super) fn asks(&self, at: usize) -> bool {
        at.is_multiple_of(self.every)
    }

    /// Asks for all changes, and compares the copy with the model.
    pub(super) fn follow(&mut self, map: &mut Map<FakeClock>, model: &Model, clock: &FakeClock) {
        let now = clock.time();
        let told = loop {
            let mut changed = Vec::new();
            let told = map.changes(|change| changed.push((change.key.to_vec(), change.became)));
            self.told += changed.len() as u64;
            if told.lost {
                assert!(changed.is_empty(), "changes after a loss");
                self.lost += 1;
                self.copy(map, now);
            } else {
                self.update(map, &changed, model, now);
            }
            if !told.more {
                break told;
            }
        };
        self.compare(&told, model, now);
    }

    /// Copies the whole map.
    fn copy(&mut self, map: &mut Map<FakeClock>, now: u64) {
        self.entries.clear();
        let mut next = Some(0);
        while let Some(cursor) = next {
            next = map.scan(b"", cursor, u32::MAX, |scanned| {
                let deadline = scanned.expires_in.map(|left| now + left);
                let copied = (scanned.version, deadline);
                self.entries.insert(scanned.key.to_vec(), copied);
            });
        }
    }

    /// Reads the keys that have changed.
    fn update(
        &mut self,
        map: &mut Map<FakeClock>,
        changed: &[(Vec<u8>, Became)],
        model: &Model,
        now: u64,
    ) {
        let numbers = by_key(model, now);
        let keys: BTreeSet<&[u8]> = changed.iter().map(|(key, _)| &**key).collect();
        let keys = Vec::from_iter(keys);
        let mut rest = keys.iter().copied();
        while rest.len() > 0 {
            let mut asked = rest.clone();
            map.peek(rest, |entry| {
                let key = asked.next().expect("one answer for each key");
                let mut became = changed.iter().filter(|(other, _)| other == key);
                let stored = became.clone().any(|(_, became)| *became == Became::Stored);
                let gone = became
                    .next_back()
                    .is_some_and(|(_, last)| *last == Became::Gone);
                // What was stored may have expired since.
                assert!(
                    !(gone && entry.is_some()),
                    "it is there, and is told to be gone"
                );
                let Some(entry) = entry else {
                    self.entries.remove(key);
                    return;
                };
                let number = numbers.get(key).expect("a key of the model");
                let expected = model.get(*number, now).expect("it is there");
                expected.datum.check(entry.value);
                let copied = (entry.version, entry.expires_in.map(|left| now + left));
                let before = self.entries.insert(key.to_vec(), copied);
                let version = before.map(|(version, _)| version);
                assert!(stored || version == Some(entry.version), "touched alone");
            });
            rest = asked;
        }
    }

    fn compare(&self, told: &Told, model: &Model, now: u64) {
        let living = model.living(now);
        let expected: BTreeMap<Vec<u8>, Copied> = living
            .map(|(number, entry)| (key(number).to_vec(), (entry.version, entry.deadline)))
            .collect();
        assert_eq!(self.entries, expected, "a copy that follows the changes");
        let first = expected
            .values()
            .filter_map(|(_, deadline)| *deadline)
            .min();
        match (told.due_in, first) {
            (Some(left), Some(first)) => assert!(now + left <= first, "told too late: {left}"),
            (left, first) => assert_eq!((left, first), (None, None), "one of them alone"),
        }
    }
}
