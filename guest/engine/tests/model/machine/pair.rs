//! A map together with its model.

use localmap_engine::{Error, Map, PinId, Stats};

use super::Tally;
use super::case::{Scale, Setup};
use super::clock::FakeClock;
use super::mirror::Mirror;
use super::model::{Counts, Model};
use super::operation::{Change, Operation};
use super::scan::{self, Scan};
use super::values::{Datum, key};

/// The maximum number of due entries that a call frees in addition to its own.
const REAPED: u64 = 16;

/// Blocks of 4 KiB that are partly free, one for each size of slot, plus more than the places of
/// pins take.
const PARTLY_FREE: u64 = 40 * 4096;

/// The number of operations between two full checks of a large map.
const LARGE: usize = 61;

/// A pin, and the value that it must hold.
struct Held {
    pin: PinId,
    version: u64,
    datum: Datum,
}

pub(super) struct Pair {
    setup: Setup,
    pub(super) clock: FakeClock,
    pub(super) map: Map<FakeClock>,
    pub(super) model: Model,
    scans: [Option<Scan>; 2],
    mirror: Mirror,
    pins: Vec<Held>,
    high_water: u64,
    pub(super) tally: Tally,
}

impl Pair {
    pub(super) fn new(setup: &Setup) -> Self {
        let clock = FakeClock::at(setup.now);
        let mut map = Map::new(clock.clone(), setup.seed, setup.limits.clone());
        Self {
            mirror: Mirror::new(&mut map, setup.seed),
            map,
            clock,
            model: Model::new(setup.seed, setup.limits.clone()),
            scans: [None, None],
            pins: Vec::new(),
            high_water: 0,
            tally: Tally::default(),
            setup: setup.clone(),
        }
    }

    /// The versions and values that pins hold.
    pub(super) fn pinned(&self) -> Vec<(u64, Datum)> {
        self.pins
            .iter()
            .map(|held| (held.version, held.datum))
            .collect()
    }

    /// Performs an operation on both sides, and compares the results.
    pub(super) fn perform(&mut self, operation: &Operation) {
        if let Operation::Fill(from, count, datum, ttl) = *operation {
            for number in from..from.saturating_add(count) {
                let number = number % self.setup.scale.keys();
                self.perform(&Operation::One(Change::Set(number, datum, ttl)));
            }
            return;
        }
        self.tally.operations += 1;
        let now = self.clock.time();
        self.forget(now);
        let (reads, before) = (self.clock.reads(), self.map.glance());
        self.answer(operation, now);
        let (reads, after) = (self.clock.reads() - reads, self.map.glance());
        if self.single(operation) && after.evicted == before.evicted {
            assert!(reads <= 1, "the clock was read {reads} times");
        }
        self.model.expire(self.clock.seen());
        if let Some(own) = self.may_take_back(operation, &before, &after) {
            let expired = after.expired - before.expired;
            assert!(expired <= own, "{expired} entries were taken back");
        }
        self.compare_counts(&after);
        self.forget(self.clock.time());
    }

    /// Returns `true` if the operation is a single call of the map.
    const fn single(&self, operation: &Operation) -> bool {
        !matches!(operation, Operation::Scan(..))
    }

    /// Returns the number of due entries that it may free, or `None` for all.
    fn may_take_back(&self, operation: &Operation, before: &Stats, after: &Stats) -> Option<u64> {
        let limits = &self.model.limits;
        Some(match operation {
            Operation::Len | Operation::Stats | Operation::Sweep(_) | Operation::Clear => None?,
            Operation::One(_) | Operation::Apply(_) => {
                // A write that would otherwise return `full` may free all of them.
                let short = after.evicted > before.evicted
                    || after.refused > before.refused
                    || before.entries + 8 > limits.max_entries
                    || before.bytes - before.free + 1_000_000 > limits.max_bytes;
                let keys = match operation {
                    Operation::Apply(changes) => changes.len() as u64,
                    _ => 1,
                };
                (!short).then_some(keys + REAPED)?
            }
            Operation::GetMany(keys) => keys.len() as u64 + REAPED,
            _ => 1 + REAPED,
        })
    }

    fn answer(&mut self, operation: &Operation, now: u64) {
        match operation {
            Operation::Advance(by) => self.clock.advance(*by),
            Operation::Rewind(by) => self.clock.rewind(*by),
            Operation::AdvanceToDeadline(off) => {
                // The end of the clock's range is reached only by cases that begin close to it.
                let deadline = self.model.earliest_deadline();
                let near = |deadline: &u64| *deadline < u64::MAX || self.setup.now > u64::MAX / 2;
                if let Some(deadline) = deadline.filter(near) {
                    self.clock
                        .set(deadline.saturating_add_signed((*off).into()));
                }
            }
            Operation::Get(number) => {
                let value = self.map.get(&key(*number));
                let entry = self.model.read(*number, now);
                assert_eq!(value.is_some(), entry.is_some(), "get {number}");
                if let (Some(value), Some(entry)) = (value, entry) {
                    entry.datum.check(value);
                }
            }
            Operation::GetEntry(number) => {
                let found = self.map.get_entry(&key(*number));
                let entry = self.model.read(*number, now);
                let told = found.map(|found| (found.version, found.expires_in));
                let expected = entry.map(|entry| (entry.version, entry.expires_in(now)));
                assert_eq!(told, expected, "get_entry {number}");
                if let (Some(found), Some(entry)) = (found, entry) {
                    entry.datum.check(found.value);
                }
            }
            Operation::GetMany(numbers) => {
                let keys: Vec<_> = numbers.iter().map(|number| key(*number)).collect();
                let mut asked = numbers.iter();
                let (map, model) = (&mut self.map, &mut self.model);
                map.get_many(keys.iter().map(|key| &**key), |value| {
                    let number = asked.next().expect("one answer for each key");
                    let entry = model.read(*number, now);
                    assert_eq!(value.is_some(), entry.is_some(), "get_many {number}");
                    if let (Some(value), Some(entry)) = (value, entry) {
                        entry.datum.check(value);
                    }
                });
                assert_eq!(asked.next(), None, "an answer for each key");
            }
            Operation::Contains(number) => {
                let there = self.map.contains(&key(*number));
                assert_eq!(there, self.model.get(*number, now).is_some());
            }
            Operation::Take(number) => {
                let entry = self.model.read(*number, now);
                let taken = self.map.take(&key(*number), |value| {
                    entry.expect("it is not there").datum.check(value);
                });
                assert_eq!(taken.is_some(), entry.is_some(), "take {number}");
                self.model.expire(self.clock.seen());
                self.model.remove(*number, now);
            }
            Operation::One(change) => self.one(change, now),
            Operation::Apply(changes) => self.apply(changes, now),
            Operation::Pin(number) => self.pin(*number, now),
            Operation::Unpin(which) => {
                if !self.pins.is_empty() {
                    let at = usize::from(*which) % self.pins.len();
                    let held = self.pins.swap_remove(at);
                    self.map.unpin(held.pin);
                    // From now on it may be evicted again, after all others.
                    if self.pins.iter().all(|other| other.version != held.version) {
                        self.model.use_version(held.version);
                    }
                }
            }
            Operation::Scan(number, len, limit) => {
                let key = key(*number);
                let prefix = &key[..key.len().min((*len).into())];
                scan::whole(&mut self.map, prefix, *limit, &self.model, now);
            }
            Operation::Page(which, limit) => {
                let scan = &mut self.scans[usize::from(*which)];
                let going = scan.get_or_insert_with(|| Scan::begin(&self.model, now));
                if going.page(&mut self.map, *limit, &self.model, now) {
                    *scan = None;
                    self.tally.scans += 1;
                }
            }
            Operation::Len => {
                let len = self.map.len();
                assert_eq!(len, self.model.living(now).count() as u64, "len");
                self.nothing_due_is_left(now);
            }
            Operation::Stats => self.stats(now),
            Operation::Sweep(max) => self.sweep(*max, now),
            Operation::Clear => {
                self.map.clear();
                self.model.expire(self.clock.seen());
                self.model.clear();
            }
            Operation::Configure(limits) => {
                let answer = self.map.configure(limits.clone());
                let expected = self.model.configure(limits);
                let faults = expected.as_ref().err();
                let same = match &answer {
                    Ok(()) => expected.is_ok(),
                    Err(fault) => faults.is_some_and(|faults| faults.contains(fault)),
                };
                assert!(same, "{answer:?} instead of {expected:?}");
                assert_eq!(*self.map.limits(), self.model.limits);
            }
            Operation::Fill(..) => unreachable!("it is many operations"),
        }
    }

    fn pin(&mut self, number: u16, now: u64) {
        let full = self.pins.len() >= self.model.limits.max_pins as usize;
        let answer = self.map.pin(&key(number));
        let entry = self.model.read(number, now);
        match (answer, entry) {
            (Ok(Some(pin)), Some(entry)) => {
                assert!(!full, "pinned {number}");
                self.pins.push(Held {
                    pin,
                    version: entry.version,
                    datum: entry.datum,
                });
            }
            (Ok(None), None) => {}
            (Err(Error::Full), Some(_)) => {
                // A pin takes a place. Free memory may be in a block of each size that also holds
                // something else.
                let stats = self.map.glance();
                let taken = stats.bytes - stats.free + PARTLY_FREE;
                let room = taken < self.model.limits.max_bytes;
                assert!(full || !room, "{} pins are full", self.pins.len());
                self.model.counts.refused += 1;
            }
            (answer, entry) => unreachable!("{answer:?}, and there is {entry:?}"),
        }
    }

    fn sweep(&mut self, max: u32, now: u64) {
        let taken_back = self.map.glance().expired;
        let swept = u64::from(self.map.sweep(max));
        self.model.expire(self.clock.seen());
        assert_eq!(self.map.glance().expired, taken_back + swept);
        let due = self.model.counts.expired - taken_back;
        assert!(swept <= due, "{swept} of {due} that are due were swept");
        if max > 0 {
            assert_eq!(swept, due.min(max.into()), "of {due} that are due");
        }
        if swept < max.into() {
            self.nothing_due_is_left(now);
        }
    }

    fn nothing_due_is_left(&mut self, now: u64) {
        let seen = self.clock.seen();
        self.model.expire(seen);
        assert_eq!(self.map.glance().expired, self.model.counts.expired);
        assert_eq!(self.model.living(now).count(), self.model.len());
    }

    fn stats(&mut self, now: u64) {
        let stats = self.map.stats();
        self.nothing_due_is_left(now);
        assert_eq!(stats, self.map.glance(), "all that is due has gone");
        assert_eq!(stats.entries, self.model.living(now).count() as u64);
        assert_eq!(stats.payload, self.model.payload(now));
    }

    /// Compares the statistics that are available without any work by the map. They include
    /// entries that have not been freed yet.
    fn compare_counts(&mut self, stats: &Stats) {
        let counts = &self.model.counts;
        let counted = Counts {
            hits: stats.hits,
            misses: stats.misses,
            writes: stats.writes,
            evicted: stats.evicted,
            refused: stats.refused,
            expired: counts.expired,
        };
        assert_eq!(counted, *counts);
        let left = counts.expired.checked_sub(stats.expired);
        let left = left.expect("no living entry expires");
        assert_eq!(stats.entries, self.model.len() as u64 + left, "entries");

        assert_eq!(stats.bytes, stats.payload + stats.overhead + stats.free);
        assert!(stats.bytes <= self.model.limits.max_bytes, "{stats:?}");
        self.high_water = self.high_water.max(stats.bytes);
        assert!(stats.high_water >= self.high_water, "{stats:?}");
        assert!(stats.high_water <= self.model.limits.max_bytes, "{stats:?}");
        let largest = self.pins.iter().map(|held| held.datum.len()).max();
        assert!(stats.pinned >= largest.unwrap_or(0) as u64, "{stats:?}");
        assert_eq!(stats.pinned == 0, self.pins.is_empty(), "{stats:?}");
        assert!(stats.pinned <= stats.payload + stats.overhead, "{stats:?}");
    }

    /// Removes entries that no longer exist from the lists of the scans.
    fn forget(&mut self, now: u64) {
        for scan in self.scans.iter_mut().flatten() {
            scan.forget(&self.model, now);
        }
    }

    /// Checks what must hold between any two calls.
    pub(super) fn check(&mut self, at: usize) {
        if self.setup.scale == Scale::Large && !at.is_multiple_of(LARGE) {
            return;
        }
        self.map.validate();
        for held in &self.pins {
            let pinned = self.map.pinned(&held.pin).expect("it is held");
            assert_eq!(pinned.version, held.version, "of a pin");
            held.datum.check(pinned.value);
            let there = self.model.has_version(held.version);
            self.tally.detached += u64::from(!there);
        }
        if self.setup.watch {
            let now = self.clock.time();
            scan::whole(&mut self.map, b"", u32::MAX, &self.model, now);
            self.model.expire(self.clock.seen());
            if self.mirror.asks(at) {
                self.follow();
            }
        }
    }

    /// Lets the mirror follow the map.
    fn follow(&mut self) {
        self.mirror.follow(&mut self.map, &self.model, &self.clock);
        self.model.expire(self.clock.seen());
    }

    /// Checks at the end that nothing has leaked.
    pub(super) fn end(&mut self) -> Tally {
        let now = self.clock.time();
        scan::whole(&mut self.map, b"", 7, &self.model, now);
        self.follow();
        let keys: Vec<u16> = self.model.living(now).map(|(key, _)| key).collect();
        for number in keys {
            assert!(self.map.delete(&key(number)), "{number} is there");
        }
        for held in std::mem::take(&mut self.pins) {
            let pinned = self.map.pinned(&held.pin).expect("it is held");
            held.datum.check(pinned.value);
            self.map.unpin(held.pin);
        }
        let stats = self.map.stats();
        assert_eq!((stats.entries, stats.payload, stats.pinned), (0, 0, 0));
        self.map.validate();
        self.map.clear();
        self.map.validate();
        assert!(self.map.stats().bytes <= stats.bytes);
        Tally {
            hits: stats.hits,
            writes: stats.writes,
            expired: stats.expired,
            evicted: stats.evicted,
            refused: stats.refused,
            told: self.mirror.told,
            lost: self.mirror.lost,
            ..self.tally
        }
    }
}
