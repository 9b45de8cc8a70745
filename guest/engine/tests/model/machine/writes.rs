//! Writes: their results, and their side effects when room is short.

use std::borrow::Cow;
use std::collections::BTreeSet;

use localmap_engine::{self as engine, Condition, Error, Map, Outcome, Stats};

use super::clock::FakeClock;
use super::operation::{Change, When};
use super::pair::Pair;
use super::room::Room;
use super::scan;
use super::values::key;

/// The bytes of a change.
struct Bytes {
    key: Cow<'static, [u8]>,
    value: Cow<'static, [u8]>,
}

impl Bytes {
    fn of(change: &Change) -> Self {
        let value = match change {
            Change::Set(_, datum, _) | Change::SetIf(_, datum, ..) => datum.bytes(),
            _ => Cow::Borrowed(&[][..]),
        };
        Self {
            key: key(change.key()),
            value,
        }
    }
}

/// Converts the change to that of the map.
fn words<'a>(change: &Change, bytes: &'a Bytes, version: u64) -> engine::Change<'a> {
    let (key, value) = (&*bytes.key, &*bytes.value);
    match *change {
        Change::Set(_, _, ttl) => engine::Change::Set { key, value, ttl },
        Change::SetIf(_, _, ttl, when) => engine::Change::SetIf {
            key,
            value,
            ttl,
            condition: condition(when, version),
        },
        Change::Increment(_, delta, ttl) => engine::Change::Increment { key, delta, ttl },
        Change::Touch(_, ttl) => engine::Change::Touch { key, ttl },
        Change::Delete(_) => engine::Change::Delete { key },
        Change::DeleteIf(..) => engine::Change::DeleteIf { key, version },
    }
}

fn condition(when: When, version: u64) -> Condition {
    match when {
        When::Absent => Condition::Absent,
        When::Present => Condition::Present,
        When::Version(_) => Condition::Version(version),
    }
}

/// Applies one change through its own function.
fn one(map: &mut Map<FakeClock>, change: &Change, version: u64) -> Result<Outcome, Error> {
    let Bytes { key, value } = &Bytes::of(change);
    match *change {
        Change::Set(_, _, ttl) => map.set(key, value, ttl).map(Outcome::Stored),
        Change::SetIf(_, _, ttl, when) => {
            let condition = condition(when, version);
            map.set_if(key, value, ttl, condition).map(Outcome::Stored)
        }
        Change::Increment(_, delta, ttl) => map.increment(key, delta, ttl).map(Outcome::Counter),
        Change::Touch(_, ttl) => map.touch(key, ttl).map(Outcome::Touched),
        Change::Delete(_) => Ok(Outcome::Deleted(map.delete(key))),
        Change::DeleteIf(..) => map.delete_if(key, version).map(|()| Outcome::Deleted(true)),
    }
}

impl Pair {
    pub(super) fn one(&mut self, change: &Change, now: u64) {
        let version = self.model.wanted(change, now);
        let answer = one(&mut self.map, change, version);
        let answer = answer.map(|outcome| vec![outcome]);
        let answer = answer.map_err(|error| (0, error));
        self.wrote(&[(*change, version)], &answer, now);
    }

    pub(super) fn apply(&mut self, changes: &[Change], now: u64) {
        let wanted = |change: &Change| (*change, self.model.wanted(change, now));
        let wanted: Vec<_> = changes.iter().map(wanted).collect();
        let bytes: Vec<Bytes> = changes.iter().map(Bytes::of).collect();
        let changes = wanted.iter().zip(&bytes);
        let changes: Vec<_> = changes
            .map(|((change, version), bytes)| words(change, bytes, *version))
            .collect();
        let answer = self.map.apply(&changes);
        self.wrote(&wanted, &answer, now);
    }

    /// Checks the results of some changes.
    fn wrote(
        &mut self,
        changes: &[(Change, u64)],
        answer: &Result<Vec<Outcome>, (u32, Error)>,
        now: u64,
    ) {
        self.model.expire(self.clock.seen());
        let attempt = self.model.attempt(changes, now);
        let room = Room::of(&self.model, &attempt, &self.pinned(), now);
        let stats = self.map.glance();
        let evicted = stats.evicted - self.model.counts.evicted;
        match (answer, &attempt.answer) {
            (Err((at, Error::Full)), planned) => {
                assert!(planned.is_ok(), "full before {planned:?}");
                assert_eq!(*at as usize, changes.len() - 1, "all together are too much");
                assert!(room.may_refuse, "full, with room left: {stats:?}");
                self.model.refuse(&attempt);
                self.all_due_are_gone(&stats, now);
            }
            (answer, planned) => assert_eq!(answer, planned, "{changes:?}"),
        }
        if answer.is_err() {
            if attempt.answer.is_err() {
                self.model.undo(&attempt);
            }
            assert_eq!(evicted, 0, "evicted for a write that failed");
            return;
        }
        self.tally.batches += u64::from(changes.len() > 1);
        assert!(!room.must_refuse, "more entries than there may be");
        let mut gone = BTreeSet::new();
        if evicted > 0 {
            self.all_due_are_gone(&stats, now);
            gone = self.model.living(now).map(|(key, _)| key).collect();
            for key in scan::keys(&mut self.map, &self.model, now) {
                gone.remove(&key);
            }
        }
        assert_eq!(gone.len() as u64, evicted, "gone are {gone:?}");
        room.judge(&gone, &self.model);
        for key in gone {
            self.model.remove(key, now);
            self.model.counts.evicted += 1;
        }
    }

    /// Expired entries are removed before living ones, and before a write fails.
    fn all_due_are_gone(&self, stats: &Stats, now: u64) {
        assert_eq!(
            stats.expired, self.model.counts.expired,
            "some that are due are left"
        );
        let living = self.model.living(now).count();
        assert_eq!(living, self.model.len(), "the clock was not read");
    }
}
