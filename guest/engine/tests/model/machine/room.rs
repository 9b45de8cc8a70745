//! Whether there is room, and who has to go where there is none. The model does not
//! know how a map lays out its memory, so between "surely enough" and "surely not"
//! it lets the map decide.

use std::collections::BTreeSet;

use localmap_engine::Policy;

use super::model::{Attempt, Entry, Model};
use super::values::Datum;

/// Pages that a map may have begun and not filled: tables, and one of each kind of
/// block.
const BEGUN: u64 = 2 << 20;

/// The most bytes that one entry takes up: a page begun for it alone, and what lies
/// beside its value.
fn alone(datum: Datum) -> u64 {
    let len = datum.len() as u64;
    65_536 + 512 + len + len / 4
}

/// The same among many that share pages.
fn among_many(datum: Datum) -> u64 {
    let len = datum.len() as u64;
    320 + len + len / 4
}

/// The most bytes that a map takes up which holds these.
fn most(data: impl Iterator<Item = Datum> + Clone) -> u64 {
    let few: u64 = data.clone().map(alone).sum();
    let many: u64 = data.map(among_many).sum();
    (131_072 + few).min(BEGUN + many)
}

/// What an attempt needs of a map.
pub(super) struct Room {
    /// It may be refused, or must be.
    pub(super) may_refuse: bool,
    pub(super) must_refuse: bool,
    /// It evicts just so many, where that is known.
    evicts: Option<u64>,
    /// The entries that may go for it, those used longest ago first.
    others: Vec<(u16, Entry)>,
    /// All that cannot go.
    stay: Vec<Datum>,
    /// The most entries at a time.
    peak: u64,
}

impl Room {
    /// Judges what has just been tried on the model. `pins` are the versions and
    /// values that pins hold.
    pub(super) fn of(model: &Model, attempt: &Attempt, pins: &[(u64, Datum)], now: u64) -> Self {
        let exempt: BTreeSet<u16> = attempt.before.iter().map(|(key, _)| *key).collect();
        let pinned: BTreeSet<u64> = pins.iter().map(|(version, _)| *version).collect();
        let may_go = |key: u16, entry: &Entry| {
            let held = exempt.contains(&key) || pinned.contains(&entry.version);
            model.limits.policy != Policy::Refuse && !held
        };
        let (mut others, mut stay) = (Vec::new(), Vec::new());
        for (key, entry) in model.living(now) {
            if may_go(key, entry) {
                others.push((key, *entry));
            } else {
                stay.push(entry.datum);
            }
        }
        others.sort_by_key(|(_, entry)| entry.used);
        // An old value stays until the new one is there.
        let old = attempt.before.iter().filter_map(|(_, before)| *before);
        stay.extend(old.map(|entry| entry.datum));
        stay.extend(pins.iter().map(|(_, datum)| *datum));

        let max = model.limits.max_entries;
        let (over, at_the_end) = (
            attempt.peak.saturating_sub(max),
            attempt.entries.saturating_sub(max),
        );
        let all = stay.iter().copied().chain(data(&others));
        let sure = most(all) <= model.limits.max_bytes && over == at_the_end;
        let go = others.len() as u64;
        Self {
            may_refuse: over > go || most(stay.iter().copied()) > model.limits.max_bytes,
            must_refuse: at_the_end > go,
            evicts: sure.then_some(over),
            others,
            stay,
            peak: attempt.peak,
        }
    }

    /// Judges who has gone.
    pub(super) fn judge(&self, gone: &BTreeSet<u16>, model: &Model) {
        let count = gone.len() as u64;
        if let Some(evicts) = self.evicts {
            assert_eq!(count, evicts, "bytes are not short: evicted {gone:?}");
        }
        let (went, remain): (Vec<_>, Vec<_>) =
            self.others.iter().partition(|(key, _)| gone.contains(key));
        assert_eq!(went.len(), gone.len(), "pinned, or of this call: {gone:?}");
        if model.limits.policy == Policy::Lru {
            let used = went.iter().map(|(_, entry)| entry.used).max();
            let spared = remain.iter().find(|(_, entry)| Some(entry.used) < used);
            assert_eq!(spared, None, "used longer ago than one of {gone:?}");
        }
        let smallest = data(&went).min_by_key(|datum| datum.len());
        if let Some(smallest) = smallest {
            let all = self.stay.iter().copied().chain(data(&remain)).chain([smallest]);
            let needless = self.peak - count < model.limits.max_entries
                && most(all) <= model.limits.max_bytes;
            assert!(!needless, "not all of {gone:?} had to go");
        }
    }
}

fn data(entries: &[(u16, Entry)]) -> impl Iterator<Item = Datum> + Clone {
    entries.iter().map(|(_, entry)| entry.datum)
}
