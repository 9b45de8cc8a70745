//! Room for what is to be written. Everything that can fail is done here, before
//! anything is changed; a living entry is evicted only when that is sure to be enough.
//!
//! There is one plan of it, for a single write as for a batch: what is needed
//! ([`Map::needs`]), whether that is at hand ([`Map::fits`]), and, where it is not, what gains
//! room without harm, in one order ([`Map::gain`]). Last comes eviction.

use super::{CallTime, Map, REAP_LIMIT};
use crate::address::EntryAddr;
use crate::arena::{Arena, Demand};
use crate::blocks::BLOCK_SIZE;
use crate::clock::Clock;
use crate::error::{Error, NoRoom};
use crate::eviction::EvictionState;
use crate::index::{Bucket, Index};
use crate::key::KeyProbe;
use crate::layout::EntryLayout;
use crate::limits::Policy;

/// What the tables take for each entry, at most, when each one has just been split: so
/// much is kept for them when blocks are added.
const TABLE_BYTES: u64 = 12;

/// How many entries of a table that cannot grow are compared for the one to evict.
const SAMPLE: usize = 16;

/// What is to become of a key.
pub(super) struct PlannedWrite<'a> {
    pub(super) key: &'a [u8],
    pub(super) hash: u32,
    pub(super) action: Action<'a>,
    /// Its entry.
    pub(super) at: Option<EntryAddr>,
    /// What the entry has left, once released, to the one that takes its place.
    pub(super) released: Option<EvictionState>,
    /// The bucket of the index that leads to the entry, once released.
    pub(super) bucket: Option<Bucket>,
}

/// What is to become of the entry of a key.
#[derive(Clone, Copy)]
pub(super) enum Action<'a> {
    /// Stays as it is.
    Keep,
    /// Gets another deadline.
    Touch(Option<u64>),
    /// Is made, or replaced.
    Store(New<'a>),
    /// Is removed.
    Remove,
}

/// A value to be stored, and what belongs to it.
#[derive(Clone, Copy)]
pub(super) struct New<'a> {
    pub(super) value: Bytes<'a>,
    pub(super) version: u64,
    pub(super) deadline: Option<u64>,
    pub(super) layout: EntryLayout,
}

impl<'a> New<'a> {
    #[inline(always)]
    pub(super) const fn of(
        key: &[u8],
        value: Bytes<'a>,
        version: u64,
        deadline: Option<u64>,
    ) -> Self {
        let layout = EntryLayout::new(key.len(), value.get().len());
        Self {
            value,
            version,
            deadline,
            layout,
        }
    }
}

/// The bytes of a value to be stored.
#[derive(Clone, Copy)]
pub(super) enum Bytes<'a> {
    Given(&'a [u8]),
    Counter([u8; 8]),
}

impl Bytes<'_> {
    #[inline]
    pub(super) const fn get(&self) -> &[u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Counter(bytes) => bytes,
        }
    }
}

impl<'a> PlannedWrite<'a> {
    #[inline]
    pub(super) const fn new(
        key: &'a [u8],
        hash: u32,
        at: Option<EntryAddr>,
        action: Action<'a>,
    ) -> Self {
        Self {
            key,
            hash,
            action,
            at,
            released: None,
            bucket: None,
        }
    }

    /// Returns the deadline that the entry is to have, if it is to have one.
    #[inline]
    const fn deadline(&self) -> Option<u64> {
        match self.action {
            Action::Store(New { deadline, .. }) | Action::Touch(deadline) => deadline,
            Action::Keep | Action::Remove => None,
        }
    }

    /// Returns the layout that the entry is to have, if it is to be stored.
    #[inline]
    const fn layout(&self) -> Option<&EntryLayout> {
        match &self.action {
            Action::Store(new) => Some(&new.layout),
            Action::Keep | Action::Touch(_) | Action::Remove => None,
        }
    }

    /// Returns `true` if an entry is to be added.
    #[inline]
    const fn is_new(&self) -> bool {
        self.at.is_none() && matches!(self.action, Action::Store(_))
    }
}

/// Slots that are needed.
trait Slots<'a>: Default {
    fn take(&mut self, layout: &'a EntryLayout);
    fn fit(&self, arena: &Arena) -> bool;
}

impl<'a> Slots<'a> for Demand {
    fn take(&mut self, layout: &'a EntryLayout) {
        Self::take(self, layout);
    }

    fn fit(&self, arena: &Arena) -> bool {
        arena.fits_all(self)
    }
}

/// The slots of one entry, if any: what a single write needs.
#[derive(Default)]
struct OneEntry<'a>(Option<&'a EntryLayout>);

impl<'a> Slots<'a> for OneEntry<'a> {
    #[inline]
    fn take(&mut self, layout: &'a EntryLayout) {
        self.0 = Some(layout);
    }

    #[inline]
    fn fit(&self, arena: &Arena) -> bool {
        self.0.is_none_or(|layout| arena.fits(layout))
    }
}

/// What a plan needs, and what it gives back.
#[derive(Default)]
struct Needs<S> {
    slots: S,
    /// Entries that are added.
    new: u64,
    /// Entries that are removed.
    gone: u64,
    /// A deadline is set.
    timed: bool,
}

impl<C: Clock> Map<C> {
    /// Returns the bytes of all memory that the map holds.
    pub(super) fn bytes(&self) -> u64 {
        let others = self.wheel.bytes() + self.eviction.bytes() + self.pins.bytes();
        self.arena.bytes() + self.index.bytes() + others
    }

    pub(super) fn note_high_water(&mut self) {
        self.high_water = self.high_water.max(self.bytes());
    }

    /// Returns the most bytes that it may hold. What the wheel will take is set aside, so that a
    /// first deadline needs no room.
    pub(super) fn most(&self) -> u64 {
        let most = self.limits.max_bytes.min(self.ceiling);
        most.saturating_sub(crate::wheel::BYTES - self.wheel.bytes())
    }

    /// Returns what a plan needs. What it gives back on the way does not count.
    #[inline(always)]
    fn needs<'p, S: Slots<'p>>(&self, plan: &'p [PlannedWrite<'_>]) -> Needs<S> {
        let mut needs = Needs::<S>::default();
        for planned in plan {
            needs.timed |= planned.deadline().is_some();
            needs.gone +=
                u64::from(planned.at.is_some() && matches!(planned.action, Action::Remove));
            let Some(layout) = planned.layout() else {
                continue;
            };
            if !planned.at.is_some_and(|at| self.in_place(at, layout)) {
                needs.slots.take(layout);
                needs.new += u64::from(planned.at.is_none());
            }
        }
        needs
    }

    /// Returns `true` if all is at hand for a plan, without evicting, allocating or moving
    /// anything.
    #[inline(always)]
    fn fits<'p, S: Slots<'p>>(&self, plan: &'p [PlannedWrite<'_>]) -> bool {
        let needs = self.needs::<S>(plan);
        if needs.timed && !self.wheel.is_ready() {
            return false;
        }
        u64::from(self.index.len()) + needs.new <= self.limits.max_entries
            // As if all of them were of the same table.
            && plan
                .iter()
                .filter(|planned| planned.is_new())
                .all(|planned| self.index.has_room(planned.hash, needs.new as usize))
            && needs.slots.fit(&self.arena)
    }

    /// Returns `true` if all is at hand for a single write: the way of nearly all writes.
    #[inline]
    pub(super) fn fits_one(&self, planned: &PlannedWrite<'_>) -> bool {
        self.fits::<OneEntry<'_>>(core::slice::from_ref(planned))
    }

    /// Returns `true` if a value of this layout can be written over that of an entry.
    #[inline]
    pub(super) fn in_place(&self, entry: EntryAddr, layout: &EntryLayout) -> bool {
        let header = self.arena.header(entry);
        let there = || EntryLayout::new(header.key_len(), header.value_len());
        !header.is_pinned() && there().same_slots(layout)
    }

    /// Gains room without evicting anything that is alive: adds blocks, takes back what is due,
    /// or empties a block, whatever comes first in this order. `crowded`: there are too many
    /// entries, so that only fewer of them are of use. Returns `false` if there is nothing to
    /// gain.
    #[inline]
    fn gain(&mut self, call: &mut CallTime, crowded: bool) -> bool {
        !crowded && self.grow()
            || self.reap_due(call, REAP_LIMIT) > 0
            || !crowded && self.evacuate()
    }

    /// Makes room for one entry that is new where gaining some, or evicting a single entry, is
    /// sure to be enough: the way of nearly all writes to a map that is full. Returns `false` if
    /// that is not known.
    #[inline(never)]
    pub(super) fn try_reserve_one(
        &mut self,
        call: &mut CallTime,
        planned: &PlannedWrite<'_>,
    ) -> bool {
        let wheel = planned.deadline().is_none() || self.wheel.is_ready();
        let Some(layout) = planned.layout() else {
            return false;
        };
        if planned.at.is_some() || !wheel || !self.index.has_room(planned.hash, 1) {
            return false;
        }
        let crowded = u64::from(self.index.len()) >= self.limits.max_entries;
        let reserved = if self.gain(call, crowded) {
            self.fits_one(planned)
        } else {
            self.evict_for(layout)
        };
        self.note_high_water();
        reserved
    }

    /// Evicts an entry, where that makes room for one of this layout.
    fn evict_for(&mut self, layout: &EntryLayout) -> bool {
        let Some(victim) = self.eviction.victim(&mut self.arena) else {
            return false;
        };
        let enough = self.arena.fits(layout) || self.in_place(victim, layout);
        if enough {
            self.evict(victim);
        }
        enough
    }

    /// Makes room for all of this together, each of another key. Entries may lie elsewhere
    /// afterwards, and the plan knows where. Entries of these keys are not evicted.
    #[cold]
    #[inline(never)]
    pub(super) fn try_reserve(
        &mut self,
        call: &mut CallTime,
        plan: &mut [PlannedWrite<'_>],
    ) -> Result<(), Error> {
        self.locate_all(plan);
        if self.fits::<Demand>(plan) {
            return Ok(());
        }
        for entry in plan.iter().filter_map(|planned| planned.at) {
            self.eviction.hold(&mut self.arena, entry);
        }
        let reserved = self.reserve_loop(call, plan);
        self.note_high_water();
        self.locate_all(plan);
        for entry in plan.iter().filter_map(|planned| planned.at) {
            self.eviction.let_go(&mut self.arena, entry);
        }
        reserved.map_err(|NoRoom| {
            self.arena.trim();
            self.counts.refused += 1;
            Error::Full
        })
    }

    /// Finds the entries of a plan.
    fn locate_all(&self, plan: &mut [PlannedWrite<'_>]) {
        for planned in plan {
            planned.at = self.locate(planned.hash, &KeyProbe::new(planned.key));
        }
    }

    fn reserve_loop(
        &mut self,
        call: &mut CallTime,
        plan: &mut [PlannedWrite<'_>],
    ) -> Result<(), NoRoom> {
        if plan.iter().any(|planned| planned.deadline().is_some()) && !self.wheel.is_ready() {
            self.reserve_wheel()?;
        }
        let mut sure = false;
        for at in 0..plan.len() {
            if plan[at].is_new() {
                self.reserve_index(call, plan, plan[at].hash, &mut sure)?;
            }
        }
        loop {
            self.locate_all(plan);
            let mut needs = self.needs::<Demand>(plan);
            let len = u64::from(self.index.len()) + needs.new - needs.gone;
            let crowded = len > self.limits.max_entries;
            if !crowded {
                self.give_back(plan, &mut needs.slots);
                if needs.slots.fit(&self.arena) {
                    return Ok(());
                }
            }
            if self.gain(call, crowded) {
                continue;
            }
            self.check_evictable(plan, &mut sure)?;
            let victim = self.eviction.victim(&mut self.arena).ok_or(NoRoom)?;
            self.evict(victim);
        }
    }

    fn reserve_wheel(&mut self) -> Result<(), NoRoom> {
        let fits = |map: &Self| map.bytes() <= map.most();
        if fits(self) || self.arena.shrink() && fits(self) {
            return self.wheel.reserve();
        }
        Err(NoRoom)
    }

    /// Makes room in the table that a hash belongs to, for all that the plan puts there.
    fn reserve_index(
        &mut self,
        call: &mut CallTime,
        plan: &mut [PlannedWrite<'_>],
        hash: u32,
        sure: &mut bool,
    ) -> Result<(), NoRoom> {
        loop {
            let (most, rest) = (self.most(), self.bytes() - self.index.bytes());
            let count = |index: &Index| {
                let there = |planned: &&PlannedWrite<'_>| index.same_table(planned.hash, hash);
                plan.iter().filter(there).count()
            };
            let may_grow = |index: &Index, bytes| rest + index.bytes() + bytes <= most;
            let reserved = self.index.reserve(&self.arena, hash, count, may_grow);
            if reserved.is_ok() {
                return Ok(());
            }
            // A block that is emptied is given up for the table.
            if self.arena.shrink() || self.reap_due(call, REAP_LIMIT) > 0 || self.evacuate() {
                continue;
            }
            self.check_evictable(plan, sure)?;
            let victim = if self.index.is_one_table() {
                self.eviction.victim(&mut self.arena)
            } else {
                self.lowest_of_a_table(hash)
            };
            self.evict(victim.ok_or(NoRoom)?);
        }
    }

    /// Returns the one to evict of some that share a table: the one that goes next of all may be
    /// in another.
    fn lowest_of_a_table(&self, hash: u32) -> Option<EntryAddr> {
        let in_a_queue = |&entry: &EntryAddr| self.eviction.holds(&self.arena, entry);
        let candidates = self.index.neighbours(hash).filter(in_a_queue);
        candidates
            .take(SAMPLE)
            .min_by_key(|&entry| self.eviction.rank(&self.arena, entry))
    }

    /// Fails unless evicting is sure to be enough.
    fn check_evictable(
        &mut self,
        plan: &mut [PlannedWrite<'_>],
        sure: &mut bool,
    ) -> Result<(), NoRoom> {
        if *sure {
            return Ok(());
        }
        self.locate_all(plan);
        let needs = self.needs::<Demand>(plan);
        let staying = u64::from(self.index.len() - self.eviction.len());
        let crowded = staying + needs.new - needs.gone > self.limits.max_entries;
        if self.limits.policy == Policy::Refuse || crowded {
            return Err(NoRoom);
        }
        for planned in &mut *plan {
            if planned.at.is_some_and(|entry| self.frees(entry, planned)) {
                planned.at = None;
            }
        }
        // What is left when all that may go has gone.
        let staying = plan.iter().filter_map(|planned| planned.at);
        let staying = staying.chain(self.pins.entries());
        let stay = self.arena.count_blocks(staying);
        self.locate_all(plan);
        let blocks = stay + needs.slots.blocks();
        let missing = blocks.saturating_sub(self.arena.blocks());
        if missing * BLOCK_SIZE > self.most().saturating_sub(self.bytes()) {
            return Err(NoRoom);
        }
        while blocks > self.arena.blocks() {
            if !self.grow() {
                return Err(NoRoom);
            }
        }
        *sure = true;
        Ok(())
    }

    /// Takes what a plan gives back off what it needs.
    fn give_back(&mut self, plan: &[PlannedWrite<'_>], demand: &mut Demand) {
        let freed = |map: &Self, planned: &PlannedWrite<'_>| {
            planned.at.filter(|&entry| map.frees(entry, planned))
        };
        for planned in plan {
            if let Some(entry) = freed(self, planned) {
                self.arena.give_back(entry, demand);
            }
        }
        for planned in plan {
            if let Some(entry) = freed(self, planned) {
                self.arena.forget_given(entry);
            }
        }
    }

    /// Returns `true` if what is planned gives back the memory of the entry that is there.
    fn frees(&self, entry: EntryAddr, planned: &PlannedWrite<'_>) -> bool {
        if self.arena.header(entry).is_pinned() {
            return false;
        }
        match planned.layout() {
            Some(layout) => !self.in_place(entry, layout),
            None => matches!(planned.action, Action::Remove),
        }
    }

    /// Adds blocks, where the limit and the memory at hand allow it.
    fn grow(&mut self) -> bool {
        let mut grown = false;
        for _ in 0..self.arena.worth_adding() {
            let tables = TABLE_BYTES * (u64::from(self.index.len()) + 1);
            let more = tables.saturating_sub(self.index.bytes()) + self.arena.growth();
            if self.bytes() + more > self.most() {
                break;
            }
            if self.arena.grow().is_err() {
                self.ceiling = self.bytes();
                break;
            }
            grown = true;
        }
        grown
    }

    /// Empties a block by moving what is in it, where that is possible.
    pub(super) fn evacuate(&mut self) -> bool {
        let (index, wheel) = (&mut self.index, &mut self.wheel);
        let (eviction, pins) = (&mut self.eviction, &mut self.pins);
        self.arena.evacuate(|arena, from, to| {
            let header = *arena.header(to);
            if header.is_pinned() {
                pins.moved(arena, to);
            }
            if !header.is_detached() {
                index.replace(header.hash(), from, to);
                wheel.moved(arena, to);
                eviction.moved(arena, to);
            }
        })
    }

    fn evict(&mut self, entry: EntryAddr) {
        let (most, bytes) = (self.most(), self.bytes());
        let header = self.arena.header(entry);
        let hash = header.hash();
        self.eviction.evicted(header, |more| bytes + more <= most);
        self.unlink(hash, entry);
        self.counts.evicted += 1;
    }
}
