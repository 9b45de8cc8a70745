//! Reservation of room for writes. Everything that can fail happens here, before anything is
//! changed. A living entry is evicted only if evicting is sure to make enough room.
//!
//! A single write and a batch are planned in the same way: what they need ([`Map::needs`]),
//! whether it is available ([`Map::fits`]), and, if not, how to gain room without removing living
//! entries, in a fixed order ([`Map::gain`]). Eviction comes last.

use super::lookup::hashes;
use super::{CallTime, Map, REAP_LIMIT};
use crate::address::EntryAddr;
use crate::arena::{Arena, Demand};
use crate::blocks::BLOCK_SIZE;
use crate::clock::Clock;
use crate::error::{Error, NoRoom};
use crate::eviction::EvictionState;
use crate::index::{self, Bucket, Index, hash_of};
use crate::key::KeyProbe;
use crate::layout::EntryLayout;
use crate::limits::Policy;

/// Maximum table bytes per entry, reached just after every table has split; reserved when blocks
/// are added.
const TABLE_BYTES: u64 = 12;

/// The number of entries of a table that cannot grow that are compared to choose the one to evict.
const SAMPLE: usize = 16;

/// The share of a plan that may be evicted until it is counted again what the plan gives back.
const PATIENCE: u32 = 64;

/// The planned action for a key.
pub(super) struct PlannedWrite<'a> {
    pub(super) key: &'a [u8],
    pub(super) hash: u32,
    pub(super) action: Action<'a>,
    /// The entry of the key.
    pub(super) at: Option<EntryAddr>,
    /// The state that a released entry passes on to its replacement.
    pub(super) released: Option<EvictionState>,
    /// The bucket of the index that contains the released entry.
    pub(super) bucket: Option<Bucket>,
}

/// The planned action for the entry of a key.
#[derive(Clone, Copy)]
pub(super) enum Action<'a> {
    /// The entry stays as it is.
    Keep,
    /// The entry gets another deadline.
    Touch(Option<u64>),
    /// The entry is created or replaced.
    Store(New<'a>),
    /// The entry is removed.
    Remove,
}

/// A value to store, with its layout, version and deadline.
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

/// The bytes of a value to store.
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

    /// Returns the new deadline of the entry, if it gets one.
    #[inline]
    const fn deadline(&self) -> Option<u64> {
        match self.action {
            Action::Store(New { deadline, .. }) | Action::Touch(deadline) => deadline,
            Action::Keep | Action::Remove => None,
        }
    }

    /// Returns the new layout of the entry, if it is stored.
    #[inline]
    const fn layout(&self) -> Option<&EntryLayout> {
        match &self.action {
            Action::Store(new) => Some(&new.layout),
            Action::Keep | Action::Touch(_) | Action::Remove => None,
        }
    }

    /// Returns `true` if an entry is added.
    #[inline]
    const fn is_new(&self) -> bool {
        self.at.is_none() && matches!(self.action, Action::Store(_))
    }
}

/// The slots that a plan needs.
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

/// The slots of one entry, if any, which a single write needs.
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

/// The resources that a plan needs and gives back.
#[derive(Default)]
struct Needs<S> {
    slots: S,
    /// The number of entries that are added.
    new: u64,
    /// The number of entries that are removed.
    gone: u64,
    /// Whether a deadline is set.
    timed: bool,
}

impl<C: Clock> Map<C> {
    /// Returns the total memory of the map, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        let others = self.wheel.bytes() + self.eviction.bytes() + self.pins.bytes();
        self.arena.bytes() + self.index.bytes() + others
    }

    pub(super) fn note_high_water(&mut self) {
        self.high_water = self.high_water.max(self.bytes());
    }

    /// Returns the maximum number of bytes that the map may hold. The memory of the wheel is
    /// subtracted in advance, so that the first deadline needs no additional room.
    pub(super) fn most(&self) -> u64 {
        let most = self.limits.max_bytes.min(self.ceiling);
        most.saturating_sub(crate::wheel::BYTES - self.wheel.bytes())
    }

    /// Returns the resources that a plan needs. Memory that it gives back during the write does
    /// not count.
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

    /// Returns `true` if everything that a plan needs is available, except for room in the index, without
    /// evicting, allocating or moving anything.
    #[inline(always)]
    fn fits<'p, S: Slots<'p>>(&self, plan: &'p [PlannedWrite<'_>]) -> bool {
        let needs = self.needs::<S>(plan);
        if needs.timed && !self.wheel.is_ready() {
            return false;
        }
        u64::from(self.index.len()) + needs.new <= self.limits.max_entries
            && needs.slots.fit(&self.arena)
    }

    /// Returns `true` if everything that a single write needs is available, as it is for nearly
    /// all writes.
    #[inline]
    pub(super) fn fits_one(&self, planned: &PlannedWrite<'_>) -> bool {
        self.fits::<OneEntry<'_>>(core::slice::from_ref(planned))
            && (!planned.is_new() || self.index.has_room(planned.hash, 1))
    }

    /// Returns `true` if a value with this layout can overwrite that of an entry.
    #[inline]
    pub(super) fn in_place(&self, entry: EntryAddr, layout: &EntryLayout) -> bool {
        let header = self.arena.header(entry);
        let there = || EntryLayout::new(header.key_len(), header.value_len());
        !header.is_pinned() && there().same_slots(layout)
    }

    /// Gains room without evicting living entries. Adds blocks, frees entries that are due, or
    /// empties a block, whichever is possible first in this order. `crowded` means that there are
    /// too many entries, so only removing some of them helps. Returns `false` if there is nothing
    /// to gain.
    #[inline]
    fn gain(&mut self, call: &mut CallTime, crowded: bool) -> bool {
        !crowded && self.grow()
            || self.reap_due(call, REAP_LIMIT) > 0
            || !crowded && self.evacuate()
    }

    /// Makes room for one new entry if gaining room, or evicting a single entry, is sure to be
    /// enough, as it is for nearly all writes to a full map. Otherwise returns `false`.
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

    /// Evicts an entry if that makes room for an entry with this layout.
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

    /// Makes room for the whole plan, in which all keys are different. May move entries, and
    /// updates their addresses in the plan. Does not evict entries of these keys. `ranks` is as long as the
    /// plan, and used for its ranks.
    #[cold]
    #[inline(never)]
    pub(super) fn try_reserve(
        &mut self,
        call: &mut CallTime,
        plan: &mut [PlannedWrite<'_>],
        ranks: &mut [u32],
    ) -> Result<(), Error> {
        self.locate_all(plan);
        let new = plan.iter().filter(|planned| planned.is_new());
        let ranks = index::sorted(ranks, new.map(|planned| planned.hash));
        if self.index.has_room_for(ranks) && self.fits::<Demand>(plan) {
            return Ok(());
        }
        for entry in plan.iter().filter_map(|planned| planned.at) {
            self.eviction.hold(&mut self.arena, entry);
        }
        let reserved = self.reserve_loop(call, plan, ranks);
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
        mut ranks: &[u32],
    ) -> Result<(), NoRoom> {
        if plan.iter().any(|planned| planned.deadline().is_some()) && !self.wheel.is_ready() {
            self.reserve_wheel()?;
        }
        let mut sure = None;
        // No entry of the plan becomes a new one meanwhile: none of them is evicted, nor expires during
        // the call.
        while !ranks.is_empty() {
            let reserved = self.reserve_table(call, plan, ranks, &mut sure)?;
            ranks = &ranks[reserved..];
        }
        loop {
            self.locate_all(plan);
            let needs = self.needs::<Demand>(plan);
            let frees = |planned: &PlannedWrite<'_>| self.freed(planned).is_some();
            let freeing = plan.iter().position(frees).unwrap_or(plan.len());
            // What a plan gives back takes time to count. Entries that go meanwhile only add to it.
            let patience = (plan.len() - freeing) as u32 / PATIENCE + 1;
            let mut gone = patience;
            let mut demand = needs.slots.clone();
            loop {
                let len = u64::from(self.index.len()) + needs.new - needs.gone;
                let crowded = len > self.limits.max_entries;
                if gone >= patience {
                    demand = self.demand_after(&plan[freeing..], &needs.slots);
                    gone = 0;
                }
                if !crowded && self.arena.fits_all(&demand) {
                    return Ok(());
                }
                if !crowded && self.grow() {
                    continue;
                }
                let reaped = self.reap_due(call, REAP_LIMIT);
                gone += reaped;
                if reaped > 0 {
                    continue;
                }
                if !crowded && self.evacuate() {
                    for _ in 1..patience {
                        self.evacuate();
                    }
                    // They may have moved entries of the plan, which nothing else does.
                    break;
                }
                self.check_evictable(plan, &[], &mut sure)?;
                match self.eviction.victim(&mut self.arena) {
                    Some(victim) => self.evict(victim),
                    None if gone == 0 => return Err(NoRoom),
                    None => gone = patience,
                }
                gone += 1;
            }
        }
    }

    fn reserve_wheel(&mut self) -> Result<(), NoRoom> {
        let fits = |map: &Self| map.bytes() <= map.most();
        if fits(self) || self.arena.shrink() && fits(self) {
            return self.wheel.reserve();
        }
        Err(NoRoom)
    }

    /// Makes room in the table for the first of these ranks, for all of them that belong to it. Returns how
    /// many these are.
    fn reserve_table(
        &mut self,
        call: &mut CallTime,
        plan: &mut [PlannedWrite<'_>],
        ranks: &[u32],
        sure: &mut Option<u64>,
    ) -> Result<usize, NoRoom> {
        loop {
            let (most, rest) = (self.most(), self.bytes() - self.index.bytes());
            let may_grow = |index: &Index, bytes| rest + index.bytes() + bytes <= most;
            let reserved = self.index.reserve(hashes(&self.arena), ranks, may_grow);
            if let Ok(count) = reserved {
                return Ok(count);
            }
            // A block that has been emptied is released for the table, unless evicting relies on it.
            let is_spare = sure.is_none_or(|blocks| self.arena.blocks() > blocks);
            if is_spare && self.arena.shrink()
                || self.reap_due(call, REAP_LIMIT) > 0
                || is_spare && self.evacuate()
            {
                continue;
            }
            self.check_evictable(plan, ranks, sure)?;
            let victim = if self.index.is_one_table() {
                self.eviction.victim(&mut self.arena)
            } else {
                self.lowest_of_a_table(hash_of(ranks[0]))
            };
            self.evict(victim.ok_or(NoRoom)?);
        }
    }

    /// Returns the entry to evict among some that share a table, because the next entry to evict
    /// overall may be in another table.
    fn lowest_of_a_table(&self, hash: u32) -> Option<EntryAddr> {
        let in_a_queue = |&entry: &EntryAddr| self.eviction.holds(&self.arena, entry);
        let candidates = self.neighbours(hash).filter(in_a_queue);
        candidates
            .take(SAMPLE)
            .min_by_key(|&entry| self.eviction.rank(&self.arena, entry))
    }

    /// Returns an error unless evicting is sure to make enough room, in the tables for some ranks too. Sets
    /// `sure` to the number of blocks that this takes.
    fn check_evictable(
        &mut self,
        plan: &mut [PlannedWrite<'_>],
        ranks: &[u32],
        sure: &mut Option<u64>,
    ) -> Result<(), NoRoom> {
        if sure.is_some() {
            return Ok(());
        }
        self.locate_all(plan);
        let needs = self.needs::<Demand>(plan);
        let staying = u64::from(self.index.len() - self.eviction.len());
        let crowded = staying + needs.new - needs.gone > self.limits.max_entries;
        if self.limits.policy == Policy::Refuse || crowded {
            return Err(NoRoom);
        }
        // The memory of what the plan frees is there for other entries, but not yet for tables.
        let present = plan.iter().filter_map(|planned| planned.at);
        let present = present.chain(self.pins.entries());
        let occupied = self.arena.count_blocks(present);
        for planned in &mut *plan {
            if self.freed(planned).is_some() {
                planned.at = None;
            }
        }
        // The entries that are left if everything evictable has been evicted.
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
        let spare = self.arena.blocks().saturating_sub(blocks.max(occupied)) * BLOCK_SIZE;
        if self.table_growth(ranks) > self.most().saturating_sub(self.bytes()) + spare {
            return Err(NoRoom);
        }
        *sure = Some(blocks);
        Ok(())
    }

    /// Returns the bytes that tables need at most to grow for the entries with these ranks once all others that can
    /// be are evicted.
    fn table_growth(&self, ranks: &[u32]) -> u64 {
        let (mut bytes, mut rest) = (0, ranks);
        while let Some(&first) = rest.first() {
            let hash = hash_of(first);
            let new = self.index.run(rest);
            let evictable = |entry: &EntryAddr| self.eviction.holds(&self.arena, *entry);
            let staying = self.neighbours(hash).filter(|entry| !evictable(entry));
            bytes += self.index.growth(hash, staying.count() + new);
            rest = &rest[new..];
        }
        bytes
    }

    /// Returns what a plan needs once it has given back what it frees.
    fn demand_after(&mut self, plan: &[PlannedWrite<'_>], demand: &Demand) -> Demand {
        let mut demand = demand.clone();
        for planned in plan {
            if let Some(entry) = self.freed(planned) {
                self.arena.give_back(entry, &mut demand);
            }
        }
        for planned in plan {
            if let Some(entry) = self.freed(planned) {
                self.arena.forget_given(entry);
            }
        }
        demand
    }

    /// Returns the existing entry of a key if the planned action frees its memory.
    fn freed(&self, planned: &PlannedWrite<'_>) -> Option<EntryAddr> {
        planned.at.filter(|&entry| self.frees(entry, planned))
    }

    /// Returns `true` if the planned action frees the memory of the existing entry.
    fn frees(&self, entry: EntryAddr, planned: &PlannedWrite<'_>) -> bool {
        if self.arena.header(entry).is_pinned() {
            return false;
        }
        match planned.layout() {
            Some(layout) => !self.in_place(entry, layout),
            None => matches!(planned.action, Action::Remove),
        }
    }

    /// Adds blocks, if the limit and the available memory allow it.
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

    /// Empties a block by moving its contents, if possible.
    pub(super) fn evacuate(&mut self) -> bool {
        let (index, wheel) = (&mut self.index, &mut self.wheel);
        let (eviction, pins) = (&mut self.eviction, &mut self.pins);
        self.arena.evacuate(|arena, from, to| {
            let header = *arena.header(to);
            if header.is_pinned() {
                pins.moved(arena, to);
            }
            if !header.is_detached() {
                index.replace(header.hash(), arena.reference(from), arena.reference(to));
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
