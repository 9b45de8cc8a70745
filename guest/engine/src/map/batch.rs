//! Batches: several changes that happen together or not at all. The changes are planned one after
//! another, then room is made for the result, then the plan is carried out.

use alloc::vec::Vec;
use hashbrown::HashTable;

use super::lookup::Found;
use super::room::{Action, Bytes, New, PlannedWrite};
use super::types::MAX_CHANGES;
use super::writes::{COUNTER_LEN, add, check};
use super::{CallTime, Change, Condition, Map, Outcome, Ttl, hashes};
use crate::address::{EntryAddr, EntryRef};
use crate::clock::Clock;
use crate::error::{Error, NoRoom};
use crate::wheel;

/// The keys of a batch, and the planned action for each.
struct Batch<'a> {
    plan: Vec<PlannedWrite<'a>>,
    /// The indexes into `plan`, by the hashes of the keys.
    places: HashTable<usize>,
    outcomes: Vec<Outcome>,
    /// Room for the ranks of all keys.
    ranks: Vec<u32>,
    /// The last version assigned.
    version: u64,
}

/// A change that overwrites a value with another one of the same length.
struct Overwrite {
    hash: u32,
    /// The entry that the index most likely has for the hash.
    likely: Option<EntryRef>,
    /// The entry, and its new deadline.
    found: Option<(Found, Option<u64>)>,
}

/// The current entry of a key, as seen by a change.
struct Present<'a> {
    version: u64,
    deadline: Option<u64>,
    /// The value, or `None` if it is the one in the map.
    value: Option<Bytes<'a>>,
}

impl<C: Clock> Map<C> {
    /// Applies several changes, all of them or none, in order. Each change sees the effects of
    /// those before it. Returns the outcome of each.
    ///
    /// # Errors
    ///
    /// The map is unchanged. Returns the index of a change, counted from 0, and
    ///
    /// - the error of the first change that fails, which is the error that the operation of the
    ///   same name would return,
    /// - [`Error::Full`] with the index of the last change if there is no room for all of them
    ///   together,
    /// - [`Error::Full`] with [`MAX_CHANGES`] if there are more changes than that.
    ///
    /// ```
    /// use localmap_engine::{Change, Error, Limits, Map, Outcome, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// let outcomes = map.apply(&[
    ///     Change::Set { key: b"name", value: b"Ada", ttl: Ttl::Never },
    ///     Change::Increment { key: b"users", delta: 1, ttl: Ttl::Never },
    /// ]);
    /// assert_eq!(outcomes, Ok(vec![Outcome::Stored(1), Outcome::Counter(1)]));
    ///
    /// let outcomes = map.apply(&[
    ///     Change::Delete { key: b"name" },
    ///     Change::DeleteIf { key: b"users", version: 7 },
    /// ]);
    /// assert_eq!(outcomes, Err((1, Error::Conflict(Some(2)))));
    /// assert!(map.contains(b"name"));
    /// ```
    pub fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
        let mut call = CallTime::begin();
        if changes.len() > MAX_CHANGES {
            self.counts.refused += 1;
            return Err((MAX_CHANGES as u32, Error::Full));
        }
        if let Some(outcomes) = self.overwrite_all(&mut call, changes) {
            return Ok(outcomes);
        }
        let last = changes.len().saturating_sub(1) as u32;
        let Ok(mut batch) = Batch::new(changes.len(), self.version) else {
            self.counts.refused += 1;
            return Err((last, Error::Full));
        };
        for (number, change) in (0u32..).zip(changes) {
            let planned = self.plan(&mut call, &mut batch, change);
            let outcome = planned.map_err(|error| (number, error))?;
            batch.outcomes.push(outcome);
        }
        self.reap_some();
        let plan = &mut batch.plan;
        plan.iter_mut().for_each(|planned| planned.at = None);
        self.index.keep_sizes();
        let reserved = self.try_reserve(&mut call, plan, &mut batch.ranks);
        if reserved.is_err() {
            self.index
                .release_sizes(hashes(&self.arena), [].into_iter());
        }
        reserved.map_err(|error| (last, error))?;
        let writes = self.counts.writes + batch.version - self.version;
        self.version = batch.version;
        self.commit(&mut batch.plan);
        let removes = |planned: &&PlannedWrite<'_>| matches!(planned.action, Action::Remove);
        let removed = batch.plan.iter().filter(removes);
        self.index
            .release_sizes(hashes(&self.arena), removed.map(|planned| planned.hash));
        // Values that were overwritten within the batch count as writes too.
        self.counts.writes = writes;
        Ok(batch.outcomes)
    }

    /// Makes a batch that only overwrites values with others of the same lengths, as many batches
    /// do: nothing can fail then, and no plan is needed. Otherwise returns `None`, and has changed
    /// nothing except that expired entries may have been freed.
    #[expect(unsafe_code, reason = "visits an entry once: see `lookup`")]
    fn overwrite_all(
        &mut self,
        call: &mut CallTime,
        changes: &[Change<'_>],
    ) -> Option<Vec<Outcome>> {
        let (mut writes, mut outcomes) = (Vec::new(), Vec::new());
        writes.try_reserve_exact(changes.len()).ok()?;
        for change in changes {
            let Change::Set { key, .. } = *change else {
                return None;
            };
            self.limits.check_key(key).ok()?;
            let hash = self.prefetch_bucket(key);
            writes.push(Overwrite {
                hash,
                likely: None,
                found: None,
            });
        }
        for write in &mut writes {
            write.likely = self.prefetch_entry(write.hash);
        }
        for write in &writes {
            // SAFETY: nothing has been removed or moved since the entry was prefetched.
            unsafe { self.prefetch_value(write.likely) };
        }
        for (change, write) in changes.iter().zip(&mut writes) {
            let Change::Set { key, value, ttl } = *change else {
                return None;
            };
            let ttl = self.span(ttl).ok()?;
            self.limits.check_value(value.len()).ok()?;
            // SAFETY: nothing has been removed or moved: if an entry has expired, this returns.
            let found = unsafe { self.living_likely(call, key, write.hash, write.likely) }?;
            let deadline = self.deadline(call, ttl);
            // SAFETY: the entry has just been found.
            if !unsafe { self.can_write_over(found, value, deadline) } {
                return None;
            }
            write.found = Some((found, deadline));
        }
        outcomes.try_reserve_exact(changes.len()).ok()?;
        for (change, write) in changes.iter().zip(writes) {
            if let (Change::Set { value, .. }, Some((found, deadline))) = (change, write.found) {
                // SAFETY: nothing has been removed or moved since the entry was found.
                let written = unsafe {
                    // An earlier change of the same key may have changed the deadline.
                    let found = self.with_deadline(found);
                    self.write_over(found, value, deadline)
                };
                debug_assert!(written, "it was possible");
                outcomes.push(Outcome::Stored(self.version));
            }
        }
        Some(outcomes)
    }

    /// Plans one change, with the effects of the operation of the same name.
    fn plan<'a>(
        &mut self,
        call: &mut CallTime,
        batch: &mut Batch<'a>,
        change: &Change<'a>,
    ) -> Result<Outcome, Error> {
        match *change {
            Change::Set { key, value, ttl } => self.plan_store(call, batch, key, value, ttl, None),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => self.plan_store(call, batch, key, value, ttl, Some(condition)),
            Change::Increment { key, delta, ttl } => {
                self.limits.check_key(key)?;
                let ttl = self.span(ttl)?;
                self.limits.check_value(COUNTER_LEN)?;
                let (place, present) = self.look(call, batch, key);
                let deadline = match &present {
                    Some(present) => present.deadline,
                    None => self.deadline(call, ttl),
                };
                let counter = present.map(|present| match present.value {
                    Some(value) => value.get().try_into().ok(),
                    None => batch.plan[place]
                        .at
                        .and_then(|entry| self.arena.counter(entry)),
                });
                let sum = add(counter, delta)?;
                batch.store(place, Bytes::Counter(sum.to_le_bytes()), deadline);
                Ok(Outcome::Counter(sum))
            }
            Change::Touch { key, ttl } => {
                self.limits.check_key(key)?;
                let ttl = self.span(ttl)?;
                let (place, present) = self.look(call, batch, key);
                if present.is_none() {
                    return Ok(Outcome::Touched(false));
                }
                let deadline = self.deadline(call, ttl);
                match &mut batch.plan[place].action {
                    Action::Store(new) => new.deadline = deadline,
                    action => *action = Action::Touch(deadline),
                }
                Ok(Outcome::Touched(true))
            }
            Change::Delete { key } => {
                let deleted = self.plan_delete(call, batch, key, None)?;
                Ok(Outcome::Deleted(deleted))
            }
            Change::DeleteIf { key, version } => {
                let condition = Some(Condition::Version(version));
                let deleted = self.plan_delete(call, batch, key, condition)?;
                Ok(Outcome::Deleted(deleted))
            }
        }
    }

    fn plan_store<'a>(
        &mut self,
        call: &mut CallTime,
        batch: &mut Batch<'a>,
        key: &'a [u8],
        value: &'a [u8],
        ttl: Ttl,
        condition: Option<Condition>,
    ) -> Result<Outcome, Error> {
        self.limits.check_key(key)?;
        let ttl = self.span(ttl)?;
        self.limits.check_value(value.len())?;
        let (place, present) = self.look(call, batch, key);
        if let Some(condition) = condition {
            check(present.map(|present| present.version), condition)?;
        }
        let deadline = self.deadline(call, ttl);
        let version = batch.store(place, Bytes::Given(value), deadline);
        Ok(Outcome::Stored(version))
    }

    fn plan_delete<'a>(
        &mut self,
        call: &mut CallTime,
        batch: &mut Batch<'a>,
        key: &'a [u8],
        condition: Option<Condition>,
    ) -> Result<bool, Error> {
        // A key that is not valid is absent.
        let exists = self.limits.check_key(key).is_ok();
        let looked = exists.then(|| self.look(call, batch, key));
        let (place, present) = looked.unwrap_or((usize::MAX, None));
        let there = present.is_some();
        if let Some(condition) = condition {
            check(present.map(|present| present.version), condition)?;
        }
        if there {
            batch.plan[place].action = Action::Remove;
        }
        Ok(there)
    }

    /// Returns the index of a key in the plan, and its entry at this point of the batch.
    fn look<'a>(
        &mut self,
        call: &mut CallTime,
        batch: &mut Batch<'a>,
        key: &'a [u8],
    ) -> (usize, Option<Present<'a>>) {
        let (hash, found) = self.living_entry(call, key);
        let place = batch.place(key, hash, found);
        let header = |entry| *self.arena.header(entry);
        let present = match batch.plan[place].action {
            Action::Remove => None,
            Action::Store(new) => Some(Present {
                version: new.version,
                deadline: new.deadline,
                value: Some(new.value),
            }),
            Action::Keep => found.map(header).map(|header| Present {
                version: header.version(),
                deadline: wheel::deadline(&header),
                value: None,
            }),
            Action::Touch(deadline) => found.map(header).map(|header| Present {
                version: header.version(),
                deadline,
                value: None,
            }),
        };
        // At the end of the clock's range, a new entry is due at once.
        let lives = |present: &Present<'_>| !self.clock.expired(call, present.deadline);
        (place, present.filter(lives))
    }
}

impl<'a> Batch<'a> {
    /// Creates a batch with room for the given number of changes.
    fn new(changes: usize, version: u64) -> Result<Self, NoRoom> {
        let (mut plan, mut outcomes) = (Vec::new(), Vec::new());
        let mut ranks = Vec::new();
        ranks.try_reserve_exact(changes)?;
        ranks.resize(changes, 0);
        let mut places = HashTable::new();
        plan.try_reserve_exact(changes)?;
        outcomes.try_reserve_exact(changes)?;
        places.try_reserve(changes, |_| 0)?;
        Ok(Self {
            plan,
            places,
            outcomes,
            ranks,
            version,
        })
    }

    /// Returns the index of a key in the plan.
    fn place(&mut self, key: &'a [u8], hash: u32, at: Option<EntryAddr>) -> usize {
        let wide = u64::from(hash) << 32 | u64::from(hash);
        let plan = &mut self.plan;
        let same = |&place: &usize| plan[place].hash == hash && plan[place].key == key;
        if let Some(&place) = self.places.find(wide, same) {
            return place;
        }
        let place = plan.len();
        plan.push(PlannedWrite::new(key, hash, at, Action::Keep));
        // There is room for all changes: see `new`.
        self.places.insert_unique(wide, place, |_| 0);
        place
    }

    fn store(&mut self, place: usize, value: Bytes<'a>, deadline: Option<u64>) -> u64 {
        self.version += 1;
        let planned = &mut self.plan[place];
        planned.action = Action::Store(New::of(planned.key, value, self.version, deadline));
        self.version
    }
}
