//! Scans that are interleaved with other operations.

use std::collections::{BTreeMap, BTreeSet};

use localmap_engine::{Map, hash_of};

use super::clock::FakeClock;
use super::model::Model;
use super::values::key;

/// The number of entries that an empty page must have passed if the scan is not finished.
const PLACES_OF_A_PAGE: u64 = 500;

/// A scan of all keys.
#[derive(Default)]
pub(super) struct Scan {
    cursor: u64,
    pages: u32,
    /// The entries that have existed since the scan began: their keys, and the number of each
    /// entry.
    throughout: BTreeMap<u16, u64>,
    /// The number of times that each key was visited.
    given: BTreeMap<Vec<u8>, u32>,
}

impl Scan {
    pub(super) fn begin(model: &Model, now: u64) -> Self {
        let throughout = model.living(now).map(|(key, entry)| (key, entry.born));
        Self {
            throughout: throughout.collect(),
            ..Self::default()
        }
    }

    /// Requests the next page. Returns `true` if it was the last one, after checking the scan.
    pub(super) fn page(
        &mut self,
        map: &mut Map<FakeClock>,
        limit: u32,
        model: &Model,
        now: u64,
    ) -> bool {
        let mut hashes = BTreeSet::new();
        let by_key = by_key(model, now);
        let next = map.scan(b"", self.cursor, limit, |scanned| {
            hashes.insert(hash_of(model.seed, scanned.key));
            let entry = by_key.get(scanned.key).copied();
            let entry = entry.and_then(|number| model.get(number, now));
            let entry = entry.expect("what is given is there");
            assert_eq!(scanned.version, entry.version);
            assert_eq!(scanned.expires_in, entry.expires_in(now));
            entry.datum.check(scanned.value);
            *self.given.entry(scanned.key.to_vec()).or_default() += 1;
        });
        bounded(&hashes, limit);
        self.pages += 1;
        assert!(self.pages < 100_000, "a scan without an end");
        let Some(next) = next else {
            for number in self.throughout.keys() {
                let times = self.given.get(&*key(*number)).copied().unwrap_or(0);
                assert_eq!(times, 1, "{number} was there and was given {times} times");
            }
            return true;
        };
        // The page may have passed only entries that are due.
        let places = map.glance().entries;
        let all_live = places == by_key.len() as u64;
        assert!(
            !hashes.is_empty() || !all_live || places > PLACES_OF_A_PAGE,
            "an empty page"
        );
        self.cursor = next;
        false
    }

    /// Removes entries that no longer exist from the list.
    pub(super) fn forget(&mut self, model: &Model, now: u64) {
        let same = |key: u16, born| model.get(key, now).is_some_and(|entry| entry.born == born);
        self.throughout.retain(|key, born| same(*key, *born));
    }
}

/// Returns the numbers of the existing keys.
pub(super) fn by_key(model: &Model, now: u64) -> BTreeMap<Vec<u8>, u16> {
    let living = model.living(now);
    living
        .map(|(number, _)| (key(number).to_vec(), number))
        .collect()
}

/// Checks the length of a page by its hashes: entries with the same hash are on the same page.
fn bounded(hashes: &BTreeSet<u32>, limit: u32) {
    let count = hashes.len();
    assert!(
        count <= limit.max(1) as usize,
        "{count} entries in a page of {limit}"
    );
}

/// Performs a whole scan in pages, which must visit exactly the entries of the model.
pub(super) fn whole(map: &mut Map<FakeClock>, prefix: &[u8], limit: u32, model: &Model, now: u64) {
    let mut expected = by_key(model, now);
    expected.retain(|key, _| key.starts_with(prefix));
    let mut next = Some(0);
    while let Some(cursor) = next {
        let mut hashes = BTreeSet::new();
        next = map.scan(prefix, cursor, limit, |scanned| {
            hashes.insert(hash_of(model.seed, scanned.key));
            let number = expected.remove(scanned.key).expect("there, and given once");
            let entry = model.get(number, now).expect("it is there");
            assert_eq!(scanned.version, entry.version, "of {number}");
            assert_eq!(scanned.expires_in, entry.expires_in(now), "of {number}");
            entry.datum.check(scanned.value);
        });
        bounded(&hashes, limit);
    }
    assert!(expected.is_empty(), "missing in a scan: {expected:?}");
}

/// Returns the existing keys, by number.
pub(super) fn keys(map: &mut Map<FakeClock>, model: &Model, now: u64) -> Vec<u16> {
    let by_key = by_key(model, now);
    let (mut keys, mut next) = (Vec::new(), Some(0));
    while let Some(cursor) = next {
        next = map.scan(b"", cursor, u32::MAX, |scanned| {
            keys.push(*by_key.get(scanned.key).expect("a key of the model"));
        });
    }
    keys
}
