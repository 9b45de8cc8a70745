//! What a map must answer, from a sorted map and a straightforward reading of the
//! contract.

use std::collections::BTreeMap;
use std::vec::Vec;

use super::Operation;
use crate::{Condition, ConfigureError, Error, KeyFault, Limits, Setting, Stats, Ttl};

/// A value, its version and the time it has left.
pub(super) type Owned = (Vec<u8>, u64, Option<u64>);

/// What an operation answers.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Done,
    Value(Option<Vec<u8>>),
    Entry(Option<Owned>),
    Values(Vec<Option<Vec<u8>>>),
    Truth(Result<bool, Error>),
    Version(Result<u64, Error>),
    Sum(Result<i64, Error>),
    Scan(Vec<(Vec<u8>, Owned)>),
    Number(u64),
    Stats(Stats),
    Configured(Result<(), ConfigureError>),
}

/// A value and what belongs to it.
pub(super) struct Entry {
    value: Vec<u8>,
    pub(super) version: u64,
    deadline: Option<u64>,
}

/// The reference. Entries that are due stay until the clock has been read, since a
/// clock that goes back may not have been seen yet.
pub(super) struct Model {
    entries: BTreeMap<Vec<u8>, Entry>,
    limits: Limits,
    version: u64,
    /// Without `entries` and `bytes`, which follow from the entries.
    pub(super) stats: Stats,
}

impl Model {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            entries: BTreeMap::new(),
            limits,
            version: 0,
            stats: Stats::default(),
        }
    }

    /// Removes what is due.
    pub(super) fn expire(&mut self, now: u64) {
        let before = self.entries.len();
        self.entries.retain(|_, entry| entry.lives(now));
        self.stats.expired += (before - self.entries.len()) as u64;
    }

    /// What is there at this time.
    pub(super) fn living(&self, now: u64) -> impl Iterator<Item = (&Vec<u8>, &Entry)> {
        self.entries
            .iter()
            .filter(move |(_, entry)| entry.lives(now))
    }

    pub(super) fn get(&self, key: &[u8], now: u64) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.lives(now))
    }

    /// Removes what is there at this time.
    fn remove(&mut self, key: &[u8], now: u64) -> bool {
        self.get(key, now).is_some() && self.entries.remove(key).is_some()
    }

    pub(super) fn perform(&mut self, operation: &Operation, now: u64) -> Answer {
        match operation {
            Operation::Get(key) => Answer::Value(self.read(key, now).map(|entry| entry.0)),
            Operation::GetEntry(key) => Answer::Entry(self.read(key, now)),
            Operation::GetMany(keys) => {
                let read = |key: &Vec<u8>| self.read(key, now).map(|entry| entry.0);
                Answer::Values(keys.iter().map(read).collect())
            }
            Operation::Contains(key) => Answer::Truth(Ok(self.get(key, now).is_some())),
            Operation::Set(key, value, ttl) => {
                Answer::Version(self.store(key, value, *ttl, now, None))
            }
            Operation::SetIf(key, value, ttl, condition) => {
                Answer::Version(self.store(key, value, *ttl, now, Some(*condition)))
            }
            Operation::Increment(key, delta, ttl) => {
                Answer::Sum(self.increment(key, *delta, *ttl, now))
            }
            Operation::Touch(key, ttl) => Answer::Truth(self.touch(key, *ttl, now)),
            Operation::Take(key) => {
                let value = self.read(key, now).map(|entry| entry.0);
                self.remove(key, now);
                Answer::Value(value)
            }
            Operation::Delete(key) => Answer::Truth(Ok(self.remove(key, now))),
            Operation::DeleteIf(key, version) => {
                let held = self.check(key, now, Condition::Version(*version));
                Answer::Truth(held.map(|()| self.remove(key, now)))
            }
            Operation::Scan(prefix, _) => {
                let whole = |(key, entry): (&Vec<u8>, &Entry)| (key.clone(), entry.owned(now));
                let fits = |(key, _): &(&Vec<u8>, &Entry)| key.starts_with(prefix);
                Answer::Scan(self.living(now).filter(fits).map(whole).collect())
            }
            Operation::Len => Answer::Number(self.living(now).count() as u64),
            Operation::Stats => Answer::Stats(Stats {
                entries: self.living(now).count() as u64,
                bytes: self.bytes(now),
                ..self.stats
            }),
            Operation::Configure(limits) => Answer::Configured(self.configure(limits)),
            Operation::Clear => {
                self.entries.clear();
                Answer::Done
            }
            Operation::Advance(_) | Operation::Rewind(_) => Answer::Done,
            Operation::Sweep(_) | Operation::Page(_) => Answer::Done,
        }
    }

    fn read(&mut self, key: &[u8], now: u64) -> Option<Owned> {
        let found = self.get(key, now).map(|entry| entry.owned(now));
        match found {
            Some(_) => self.stats.hits += 1,
            None => self.stats.misses += 1,
        }
        found
    }

    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        now: u64,
        condition: Option<Condition>,
    ) -> Result<u64, Error> {
        self.check_key(key)?;
        let deadline = self.deadline(ttl, now)?;
        self.check_value(value)?;
        if let Some(condition) = condition {
            self.check(key, now, condition)?;
        }
        self.put(key, value, deadline, now)
    }

    fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl, now: u64) -> Result<i64, Error> {
        self.check_key(key)?;
        let mut deadline = self.deadline(ttl, now)?;
        self.check_value(&[0; 8])?;
        let mut sum = delta;
        if let Some(entry) = self.get(key, now) {
            let counter: [u8; 8] = entry.value[..].try_into().map_err(|_| Error::NotACounter)?;
            sum = i64::from_le_bytes(counter)
                .checked_add(delta)
                .ok_or(Error::Overflow)?;
            deadline = entry.deadline;
        }
        self.put(key, &sum.to_le_bytes(), deadline, now)?;
        Ok(sum)
    }

    fn touch(&mut self, key: &[u8], ttl: Ttl, now: u64) -> Result<bool, Error> {
        self.check_key(key)?;
        let deadline = self.deadline(ttl, now)?;
        let found = self.entries.get_mut(key).filter(|entry| entry.lives(now));
        Ok(found.map(|entry| entry.deadline = deadline).is_some())
    }

    fn put(
        &mut self,
        key: &[u8],
        value: &[u8],
        deadline: Option<u64>,
        now: u64,
    ) -> Result<u64, Error> {
        let before = self
            .get(key, now)
            .map_or(0, |entry| cost(key, &entry.value));
        let entries = self.living(now).count() as u64 + u64::from(before == 0);
        let bytes = self.bytes(now) - before + cost(key, value);
        if entries > self.limits.max_entries || bytes > self.limits.max_bytes {
            return Err(Error::Full);
        }
        self.version += 1;
        self.stats.writes += 1;
        let entry = Entry {
            value: value.to_vec(),
            version: self.version,
            deadline,
        };
        self.entries.insert(key.to_vec(), entry);
        Ok(self.version)
    }

    fn bytes(&self, now: u64) -> u64 {
        self.living(now)
            .map(|(key, entry)| cost(key, &entry.value))
            .sum()
    }

    fn check(&self, key: &[u8], now: u64, condition: Condition) -> Result<(), Error> {
        let there = self.get(key, now).map(|entry| entry.version);
        match (condition, there) {
            (Condition::Absent, None) | (Condition::Present, Some(_)) => Ok(()),
            (Condition::Version(wanted), Some(version)) if wanted == version => Ok(()),
            _ => Err(Error::Conflict(there)),
        }
    }

    fn check_key(&self, key: &[u8]) -> Result<(), Error> {
        match key.len() {
            0 => Err(Error::InvalidKey(KeyFault::Empty)),
            len @ 129.. => Err(Error::InvalidKey(KeyFault::TooLong(len as u64))),
            _ if self.limits.utf8_keys && std::str::from_utf8(key).is_err() => {
                Err(Error::InvalidKey(KeyFault::NotUtf8))
            }
            _ => Ok(()),
        }
    }

    fn check_value(&self, value: &[u8]) -> Result<(), Error> {
        let max = self.limits.max_value;
        if value.len() as u64 <= max {
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

    fn configure(&mut self, to: &Limits) -> Result<(), ConfigureError> {
        let from = &self.limits;
        let lowered = [
            (Setting::MaxEntries, to.max_entries < from.max_entries),
            (Setting::MaxBytes, to.max_bytes < from.max_bytes),
            (Setting::MaxValue, to.max_value < from.max_value),
            (Setting::Utf8Keys, to.utf8_keys && !from.utf8_keys),
        ];
        if self.version > 0
            && let Some((setting, _)) = lowered.iter().find(|(_, lowered)| *lowered)
        {
            return Err(ConfigureError::Lowered(*setting));
        }
        self.limits = to.clone();
        Ok(())
    }
}

fn cost(key: &[u8], value: &[u8]) -> u64 {
    let chunks = (key.len() + value.len() + 4).div_ceil(16);
    crate::ENTRY_BYTES + 16 * chunks as u64
}

impl Entry {
    fn lives(&self, now: u64) -> bool {
        self.deadline.is_none_or(|deadline| now < deadline)
    }

    fn owned(&self, now: u64) -> Owned {
        let left = self.deadline.map(|deadline| deadline.saturating_sub(now));
        (self.value.clone(), self.version, left)
    }
}
