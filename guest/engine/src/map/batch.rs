//! Several changes that happen together or not at all: they are worked out one after
//! another on paper, then room is made for what comes out, then it is done.

use alloc::vec::Vec;
use hashbrown::HashTable;

use super::room::{Bytes, Fate, New, Planned};
use super::writes::{COUNTER_LEN, add, check};
use super::{Change, Condition, Map, Outcome, Ttl};
use crate::clock::Clock;
use crate::error::{Error, NoRoom};

/// The most changes that [`Map::apply`] takes.
pub const MAX_CHANGES: usize = 1024;

/// The keys of a batch, and what is to become of each.
struct Batch<'a> {
    plan: Vec<Planned<'a>>,
    /// The places in `plan`, by the hashes of the keys.
    places: HashTable<usize>,
    outcomes: Vec<Outcome>,
    /// The version given last.
    version: u64,
}

/// What a change finds.
struct Present<'a> {
    version: u64,
    deadline: Option<u64>,
    /// `None`: it lies in the map.
    value: Option<Bytes<'a>>,
}

impl<C: Clock> Map<C> {
    /// Makes several changes: all of them in their order, each seeing what those before
    /// it have done, or none.
    ///
    /// # Errors
    ///
    /// The number of the first change that fails, counted from 0, and its error, as the
    /// operation of its name would give it. [`Error::Full`] with the number of the last
    /// one where there is no room for all together, and with [`MAX_CHANGES`] where there
    /// are more than that.
    pub fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
        self.clock.begin();
        if changes.len() > MAX_CHANGES {
            self.counts.refused += 1;
            return Err((MAX_CHANGES as u32, Error::Full));
        }
        let last = changes.len().saturating_sub(1) as u32;
        let Ok(mut batch) = Batch::new(changes.len(), self.version) else {
            self.counts.refused += 1;
            return Err((last, Error::Full));
        };
        for (number, change) in (0u32..).zip(changes) {
            let worked_out = self.work_out(&mut batch, change);
            let outcome = worked_out.map_err(|error| (number, error))?;
            batch.outcomes.push(outcome);
        }
        self.reap_some();
        let plan = &mut batch.plan;
        plan.iter_mut().for_each(|planned| planned.at = None);
        self.make_room(plan).map_err(|error| (last, error))?;
        let writes = self.counts.writes + batch.version - self.version;
        self.version = batch.version;
        self.commit(&mut batch.plan);
        // Values that were overwritten within the batch have been written too.
        self.counts.writes = writes;
        Ok(batch.outcomes)
    }

    /// Works out one change, as the operation of its name would do it.
    fn work_out<'a>(
        &mut self,
        batch: &mut Batch<'a>,
        change: &Change<'a>,
    ) -> Result<Outcome, Error> {
        match *change {
            Change::Set { key, value, ttl } => self.plan_store(batch, key, value, ttl, None),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => self.plan_store(batch, key, value, ttl, Some(condition)),
            Change::Increment { key, delta, ttl } => {
                self.limits.check_key(key)?;
                let ttl = self.span(ttl)?;
                self.limits.check_value(COUNTER_LEN)?;
                let (place, present) = self.look(batch, key);
                let deadline = match &present {
                    Some(present) => present.deadline,
                    None => self.deadline(ttl),
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
                let (place, present) = self.look(batch, key);
                if present.is_none() {
                    return Ok(Outcome::Touched(false));
                }
                let deadline = self.deadline(ttl);
                match &mut batch.plan[place].fate {
                    Fate::Store(new) => new.deadline = deadline,
                    fate => *fate = Fate::Touch(deadline),
                }
                Ok(Outcome::Touched(true))
            }
            Change::Delete { key } => Ok(Outcome::Deleted(self.plan_delete(batch, key, None)?)),
            Change::DeleteIf { key, version } => {
                let condition = Some(Condition::Version(version));
                Ok(Outcome::Deleted(self.plan_delete(batch, key, condition)?))
            }
        }
    }

    fn plan_store<'a>(
        &mut self,
        batch: &mut Batch<'a>,
        key: &'a [u8],
        value: &'a [u8],
        ttl: Ttl,
        condition: Option<Condition>,
    ) -> Result<Outcome, Error> {
        self.limits.check_key(key)?;
        let ttl = self.span(ttl)?;
        self.limits.check_value(value.len())?;
        let (place, present) = self.look(batch, key);
        if let Some(condition) = condition {
            check(present.map(|present| present.version), condition)?;
        }
        let deadline = self.deadline(ttl);
        let version = batch.store(place, Bytes::Given(value), deadline);
        Ok(Outcome::Stored(version))
    }

    fn plan_delete<'a>(
        &mut self,
        batch: &mut Batch<'a>,
        key: &'a [u8],
        condition: Option<Condition>,
    ) -> Result<bool, Error> {
        // A key that cannot exist is absent.
        let exists = self.limits.check_key(key).is_ok();
        let looked = exists.then(|| self.look(batch, key));
        let (place, present) = looked.unwrap_or((usize::MAX, None));
        let there = present.is_some();
        if let Some(condition) = condition {
            check(present.map(|present| present.version), condition)?;
        }
        if there {
            batch.plan[place].fate = Fate::Remove;
        }
        Ok(there)
    }

    /// The place of a key in the plan, and what is there by then.
    fn look<'a>(&mut self, batch: &mut Batch<'a>, key: &'a [u8]) -> (usize, Option<Present<'a>>) {
        let (hash, found) = self.living(key);
        let place = batch.place(key, hash, found);
        let header = |entry| *self.arena.header(entry);
        let present = match batch.plan[place].fate {
            Fate::Remove => None,
            Fate::Store(new) => Some(Present {
                version: new.version,
                deadline: new.deadline,
                value: Some(new.value),
            }),
            Fate::Keep => found.map(header).map(|header| Present {
                version: header.version,
                deadline: header.deadline(),
                value: None,
            }),
            Fate::Touch(deadline) => found.map(header).map(|header| Present {
                version: header.version,
                deadline,
                value: None,
            }),
        };
        // At the end of the clock, what is written is due at once.
        let lives = |present: &Present<'_>| {
            !present
                .deadline
                .is_some_and(|deadline| self.clock.reached(deadline))
        };
        (place, present.filter(lives))
    }
}

impl<'a> Batch<'a> {
    /// With room for so many changes.
    fn new(changes: usize, version: u64) -> Result<Self, NoRoom> {
        let (mut plan, mut outcomes) = (Vec::new(), Vec::new());
        let mut places = HashTable::new();
        plan.try_reserve_exact(changes)?;
        outcomes.try_reserve_exact(changes)?;
        places.try_reserve(changes, |_| 0)?;
        Ok(Self {
            plan,
            places,
            outcomes,
            version,
        })
    }

    /// The place of a key in the plan.
    fn place(&mut self, key: &'a [u8], hash: u32, at: Option<u32>) -> usize {
        let wide = u64::from(hash) << 32 | u64::from(hash);
        let plan = &mut self.plan;
        let same = |&place: &usize| plan[place].hash == hash && plan[place].key == key;
        if let Some(&place) = self.places.find(wide, same) {
            return place;
        }
        let place = plan.len();
        plan.push(Planned {
            key,
            hash,
            fate: Fate::Keep,
            at,
            heritage: None,
        });
        // There is room for all: see `new`.
        self.places.insert_unique(wide, place, |_| 0);
        place
    }

    fn store(&mut self, place: usize, value: Bytes<'a>, deadline: Option<u64>) -> u64 {
        self.version += 1;
        let planned = &mut self.plan[place];
        planned.fate = Fate::Store(New::of(planned.key, value, self.version, deadline));
        self.version
    }
}
