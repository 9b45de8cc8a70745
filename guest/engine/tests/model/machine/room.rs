//! Whether there is room, and which entries must be removed if there is none. The model does not
//! know the memory layout of a map, so between "surely enough" and "surely not enough" it accepts
//! the decision of the map.

use std::collections::BTreeSet;

use localmap_engine::Policy;

use super::model::{Attempt, Entry, Model};
use super::values::Datum;

/// The size of a block with its metadata. Memory is assigned to slots of one size in this unit.
const BLOCK: u64 = 4096 + 48;

/// The maximum table bytes of a map of a few entries.
const TABLES: u64 = 6 << 10;

/// The maximum bytes of a map of thousands of entries in tables, and in one block of each size in
/// which only the first slot is used.
const MANY: u64 = 400 << 10;

/// The maximum number of blocks for one entry that does not share any of them.
fn blocks(datum: Datum) -> u64 {
    match datum.len() as u64 {
        0..=700 => 1,
        len => 3 + len / 4088,
    }
}

/// Returns the maximum number of bytes of a map with these entries.
fn most(data: impl Iterator<Item = Datum> + Clone) -> u64 {
    let few: u64 = data.clone().map(blocks).sum();
    let many: u64 = data.map(|datum| 130 + datum.len() as u64 * 5 / 4).sum();
    (TABLES + few * BLOCK).min(MANY + many)
}

/// The effect of an attempt on a map.
pub(super) struct Room {
    /// It may fail, or must fail.
    pub(super) may_refuse: bool,
    pub(super) must_refuse: bool,
    /// The exact number of evictions, if it is known.
    evicts: Option<u64>,
    /// The entries that may be evicted for it, least recently used first.
    others: Vec<(u16, Entry)>,
    /// The entries that cannot be evicted.
    stay: Vec<Datum>,
    /// The number of entries if none is evicted.
    entries: u64,
}

impl Room {
    /// Judges an attempt that has just been made on the model. `pins` are the versions and values
    /// that pins hold.
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
        // An old value stays until the new one is stored.
        let old = attempt.before.iter().filter_map(|(_, before)| *before);
        stay.extend(old.map(|entry| entry.datum));
        stay.extend(pins.iter().map(|(_, datum)| *datum));

        let over = attempt.entries.saturating_sub(model.limits.max_entries);
        let many = over > others.len() as u64;
        let max_bytes = model.limits.max_bytes;
        let sure = most(stay.iter().copied()) <= max_bytes;
        let all = most(stay.iter().copied().chain(data(&others)));
        Self {
            may_refuse: many || attempt.takes_room && !sure,
            must_refuse: many,
            evicts: (all <= max_bytes).then_some(over),
            others,
            stay,
            entries: attempt.entries,
        }
    }

    /// Checks which entries were evicted.
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
        // The last eviction was necessary, whichever entry it was.
        let last = match model.limits.policy {
            Policy::Lru => went.iter().max_by_key(|(_, entry)| entry.used),
            _ => went.iter().max_by_key(|(_, entry)| entry.datum.len()),
        };
        if let Some((_, last)) = last {
            let rest = self.stay.iter().copied().chain(data(&remain));
            let needless = self.entries - count < model.limits.max_entries
                && most(rest.chain([last.datum])) <= model.limits.max_bytes;
            assert!(!needless, "not all of {gone:?} had to go");
        }
    }
}

fn data(entries: &[(u16, Entry)]) -> impl Iterator<Item = Datum> + Clone {
    entries.iter().map(|(_, entry)| entry.datum)
}
