//! The expected results, from a sorted map and a straightforward reading of the contract. Which
//! entries must be removed when room is short is checked in `room`.

use std::collections::{BTreeMap, BTreeSet};

use localmap_engine::{Condition, ConfigureError, Error, Limits, Outcome, Setting, Ttl};

use super::operation::{Change, Wanted, When};
use super::values::{Datum, check_key, key};

/// A value with its metadata.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) datum: Datum,
    pub(super) version: u64,
    pub(super) deadline: Option<u64>,
    /// A number for each entry. An entry that is deleted and set again gets another number.
    pub(super) born: u64,
    /// The time of its last use, for `lru`.
    pub(super) used: u64,
}

impl Entry {
    pub(super) fn lives(&self, now: u64) -> bool {
        self.deadline.is_none_or(|deadline| now < deadline)
    }

    pub(super) fn expires_in(&self, now: u64) -> Option<u64> {
        self.deadline.map(|deadline| deadline.saturating_sub(now))
    }
}

/// The counters of the statistics. Fields that follow from the entries are not included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) writes: u64,
    pub(super) expired: u64,
    pub(super) evicted: u64,
    pub(super) refused: u64,
}

/// The model. Entries that are due stay until the clock has been read, since the map may not have
/// seen the latest time of a clock that runs backwards.
pub(super) struct Model {
    /// The seed of the map's hash function.
    pub(super) seed: u64,
    entries: BTreeMap<u16, Entry>,
    pub(super) limits: Limits,
    version: u64,
    /// Numbers new entries and uses.
    step: u64,
    pub(super) counts: Counts,
}

/// A batch that has been applied to the model as if there were room for it.
pub(super) struct Attempt {
    pub(super) answer: Result<Vec<Outcome>, (u32, Error)>,
    /// The resulting entries.
    pub(super) entries: u64,
    /// The previous entries of the changed keys, or `None` if a key was absent.
    pub(super) before: Vec<(u16, Option<Entry>)>,
    /// Whether any of its changes needs room.
    pub(super) takes_room: bool,
    version: u64,
    writes: u64,
}

impl Model {
    pub(super) fn new(seed: u64, limits: Limits) -> Self {
        Self {
            seed,
            entries: BTreeMap::new(),
            limits,
            version: 0,
            step: 0,
            counts: Counts::default(),
        }
    }

    /// Removes the entries that are due.
    pub(super) fn expire(&mut self, now: u64) {
        let before = self.entries.len();
        self.entries.retain(|_, entry| entry.lives(now));
        self.counts.expired += (before - self.entries.len()) as u64;
    }

    /// Returns the entries that exist at this time.
    pub(super) fn living(&self, now: u64) -> impl Iterator<Item = (u16, &Entry)> {
        let entries = self.entries.iter().map(|(key, entry)| (*key, entry));
        entries.filter(move |(_, entry)| entry.lives(now))
    }

    pub(super) fn get(&self, key: u16, now: u64) -> Option<&Entry> {
        self.entries.get(&key).filter(|entry| entry.lives(now))
    }

    /// Returns the number of entries that have not been seen to be due.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn earliest_deadline(&self) -> Option<u64> {
        self.entries
            .values()
            .filter_map(|entry| entry.deadline)
            .min()
    }

    /// Finds an entry, counts a hit or a miss, and makes it the most recently used one.
    pub(super) fn read(&mut self, key: u16, now: u64) -> Option<Entry> {
        self.step += 1;
        let found = self.entries.get_mut(&key).filter(|entry| entry.lives(now));
        let Some(entry) = found else {
            self.counts.misses += 1;
            return None;
        };
        self.counts.hits += 1;
        entry.used = self.step;
        Some(*entry)
    }

    /// Returns `true` if there is an entry with this version.
    pub(super) fn has_version(&self, version: u64) -> bool {
        self.entries.values().any(|entry| entry.version == version)
    }

    /// Makes the entry with this version the most recently used one.
    pub(super) fn use_version(&mut self, version: u64) {
        self.step += 1;
        let mut entries = self.entries.values_mut();
        if let Some(entry) = entries.find(|entry| entry.version == version) {
            entry.used = self.step;
        }
    }

    /// Removes the entry of a key at this time.
    pub(super) fn remove(&mut self, key: u16, now: u64) -> bool {
        self.get(key, now).is_some() && self.entries.remove(&key).is_some()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Returns the version that an operation refers to.
    pub(super) fn wanted(&self, change: &Change, now: u64) -> u64 {
        match change {
            Change::SetIf(key, _, _, When::Version(Wanted::Current))
            | Change::DeleteIf(key, Wanted::Current) => {
                self.get(*key, now).map_or(0, |entry| entry.version)
            }
            Change::SetIf(_, _, _, When::Version(Wanted::Before(less)))
            | Change::DeleteIf(_, Wanted::Before(less)) => self.version.saturating_sub(*less),
            _ => 0,
        }
    }

    /// Applies all changes, each with the version that it refers to.
    pub(super) fn attempt(&mut self, changes: &[(Change, u64)], now: u64) -> Attempt {
        let mut attempt = Attempt {
            answer: Ok(Vec::new()),
            entries: self.living(now).count() as u64,
            before: Vec::new(),
            takes_room: false,
            version: self.version,
            writes: self.counts.writes,
        };
        let before = self.step + 1;
        let mut outcomes = Vec::new();
        for (at, (change, version)) in (0u32..).zip(changes) {
            let key = change.key();
            let there = self.get(key, now).copied();
            match self.change(change, *version, now) {
                Ok(outcome) => {
                    attempt.takes_room |= !matches!(outcome, Outcome::Deleted(_));
                    outcomes.push(outcome);
                }
                Err(error) => {
                    attempt.answer = Err((at, error));
                    return attempt;
                }
            }
            let after = self.get(key, now);
            attempt.entries += u64::from(after.is_some());
            attempt.entries -= u64::from(there.is_some());
            attempt.before.push((key, there));
        }
        attempt.answer = Ok(outcomes);
        self.use_all(&attempt, before);
        attempt
    }

    /// Repeats the uses of an attempt that happened after `before`, key by key, in the order of
    /// the keys.
    fn use_all(&mut self, attempt: &Attempt, before: u64) {
        let mut done = BTreeSet::new();
        for (key, _) in &attempt.before {
            self.step += 1;
            let used = |entry: &&mut Entry| entry.used >= before && done.insert(*key);
            if let Some(entry) = self.entries.get_mut(key).filter(used) {
                entry.used = self.step;
            }
        }
    }

    /// Reverts an attempt for which there was no room, except for its uses of entries.
    pub(super) fn refuse(&mut self, attempt: &Attempt) {
        self.undo(attempt);
        self.use_all(attempt, 0);
        self.counts.refused += 1;
    }

    /// Reverts an attempt.
    pub(super) fn undo(&mut self, attempt: &Attempt) {
        for (key, before) in attempt.before.iter().rev() {
            match before {
                Some(entry) => _ = self.entries.insert(*key, *entry),
                None => _ = self.entries.remove(key),
            }
        }
        self.version = attempt.version;
        self.counts.writes = attempt.writes;
    }

    fn change(&mut self, change: &Change, version: u64, now: u64) -> Result<Outcome, Error> {
        match *change {
            Change::Set(key, datum, ttl) => self.store(key, datum, ttl, now, None),
            Change::SetIf(key, datum, ttl, when) => {
                let condition = match when {
                    When::Absent => Condition::Absent,
                    When::Present => Condition::Present,
                    When::Version(_) => Condition::Version(version),
                };
                self.store(key, datum, ttl, now, Some(condition))
            }
            Change::Increment(key, delta, ttl) => self.increment(key, delta, ttl, now),
            Change::Touch(key, ttl) => self.touch(key, ttl, now),
            Change::Delete(key) => Ok(Outcome::Deleted(self.remove(key, now))),
            Change::DeleteIf(key, _) => {
                self.check(key, now, Condition::Version(version))?;
                Ok(Outcome::Deleted(self.remove(key, now)))
            }
        }
    }

    fn store(
        &mut self,
        key: u16,
        datum: Datum,
        ttl: Ttl,
        now: u64,
        condition: Option<Condition>,
    ) -> Result<Outcome, Error> {
        check_key(key, &self.limits)?;
        let deadline = self.deadline(ttl, now)?;
        self.check_value(datum.len())?;
        if let Some(condition) = condition {
            self.check(key, now, condition)?;
        }
        Ok(Outcome::Stored(self.put(key, datum, deadline, now)))
    }

    fn increment(&mut self, key: u16, delta: i64, ttl: Ttl, now: u64) -> Result<Outcome, Error> {
        check_key(key, &self.limits)?;
        let mut deadline = self.deadline(ttl, now)?;
        self.check_value(8)?;
        let mut sum = delta;
        if let Some(entry) = self.get(key, now) {
            let counter = entry.datum.counter().ok_or(Error::NotACounter)?;
            sum = counter.checked_add(delta).ok_or(Error::Overflow)?;
            deadline = entry.deadline;
        }
        self.put(key, Datum::Counter(sum), deadline, now);
        Ok(Outcome::Counter(sum))
    }

    fn touch(&mut self, key: u16, ttl: Ttl, now: u64) -> Result<Outcome, Error> {
        check_key(key, &self.limits)?;
        let deadline = self.deadline(ttl, now)?;
        self.step += 1;
        let found = self.entries.get_mut(&key).filter(|entry| entry.lives(now));
        let found = found.map(|entry| (entry.deadline, entry.used) = (deadline, self.step));
        Ok(Outcome::Touched(found.is_some()))
    }

    fn put(&mut self, key: u16, datum: Datum, deadline: Option<u64>, now: u64) -> u64 {
        self.version += 1;
        self.step += 1;
        self.counts.writes += 1;
        let before = self.get(key, now);
        let entry = Entry {
            datum,
            version: self.version,
            deadline,
            born: before.map_or(self.step, |before| before.born),
            used: self.step,
        };
        self.entries.insert(key, entry);
        self.version
    }

    fn check(&self, key: u16, now: u64, condition: Condition) -> Result<(), Error> {
        let there = self.get(key, now).map(|entry| entry.version);
        match (condition, there) {
            (Condition::Absent, None) | (Condition::Present, Some(_)) => Ok(()),
            (Condition::Version(wanted), Some(version)) if wanted == version => Ok(()),
            _ => Err(Error::Conflict(there)),
        }
    }

    fn check_value(&self, len: usize) -> Result<(), Error> {
        let max = self.limits.max_value;
        if len as u64 <= max {
            return Ok(());
        }
        Err(Error::ValueTooLarge(max))
    }

    fn deadline(&self, ttl: Ttl, now: u64) -> Result<Option<u64>, Error> {
        let span = match ttl {
            Ttl::Default => self.limits.default_ttl,
            Ttl::Never => None,
            Ttl::After(0) => return Err(Error::InvalidTtl),
            Ttl::After(span) => Some(span),
        };
        Ok(span.map(|span| now.saturating_add(span)))
    }

    /// Changes the limits, or returns which ones may not be lowered.
    pub(super) fn configure(&mut self, to: &Limits) -> Result<(), Vec<ConfigureError>> {
        let from = &self.limits;
        let lowered = [
            (Setting::MaxEntries, to.max_entries < from.max_entries),
            (Setting::MaxBytes, to.max_bytes < from.max_bytes),
            (Setting::MaxKey, to.max_key < from.max_key),
            (Setting::MaxValue, to.max_value < from.max_value),
            (Setting::Utf8Keys, to.utf8_keys && !from.utf8_keys),
            (Setting::Policy, to.policy != from.policy),
            (Setting::MaxPins, to.max_pins < from.max_pins),
        ];
        let lowered = lowered.into_iter().filter(|(_, lowered)| *lowered);
        let faults: Vec<_> = lowered
            .map(|(setting, _)| ConfigureError::Lowered(setting))
            .collect();
        if self.version > 0 && !faults.is_empty() {
            return Err(faults);
        }
        self.limits = to.clone();
        Ok(())
    }

    /// Returns the total size of the keys and values that exist at this time.
    pub(super) fn payload(&self, now: u64) -> u64 {
        self.living(now)
            .map(|(number, entry)| (key(number).len() + entry.datum.len()) as u64)
            .sum()
    }
}
