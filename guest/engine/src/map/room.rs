//! Room for what is to be written. Everything that can fail is done here, before
//! anything is changed; what is alive is evicted only when that is sure to be enough.

use super::{Map, REAP_LIMIT};
use crate::arena::Demand;
use crate::blocks::BLOCK_SIZE;
use crate::clock::Clock;
use crate::entry::{Header, Wanted};
use crate::error::{Error, NoRoom};
use crate::index::Index;
use crate::layout::Layout;
use crate::limits::Policy;

/// What the tables take for each entry, at most, when each one has just been split: so
/// much is kept for them when blocks are added.
const TABLE_BYTES: u64 = 12;

/// How many entries of a table that cannot grow are compared for the one to evict.
const SAMPLE: usize = 16;

/// What is to become of a key.
pub(super) struct Planned<'a> {
    pub(super) key: &'a [u8],
    pub(super) hash: u32,
    pub(super) fate: Fate<'a>,
    /// Its entry.
    pub(super) at: Option<u32>,
    /// What the entry that is to take its place gets from it.
    pub(super) heritage: Option<Heritage>,
}

/// What an entry leaves to the one in its place.
#[derive(Clone, Copy)]
pub(super) struct Heritage {
    pub(super) freq: u8,
    pub(super) queue: u8,
}

/// What is to become of the entry of a key.
#[derive(Clone, Copy)]
pub(super) enum Fate<'a> {
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
    pub(super) layout: Layout,
}

impl<'a> New<'a> {
    #[inline(always)]
    pub(super) const fn of(
        key: &[u8],
        value: Bytes<'a>,
        version: u64,
        deadline: Option<u64>,
    ) -> Self {
        let layout = Layout::new(key.len(), value.get().len());
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

impl Planned<'_> {
    /// The deadline that it is to have, where it is to have one.
    const fn deadline(&self) -> Option<u64> {
        match self.fate {
            Fate::Store(New { deadline, .. }) | Fate::Touch(deadline) => deadline,
            Fate::Keep | Fate::Remove => None,
        }
    }

    /// The layout that it is to have, where it is to be stored.
    #[inline]
    pub(super) fn layout(&self) -> Option<Layout> {
        match &self.fate {
            Fate::Store(new) => Some(new.layout),
            _ => None,
        }
    }
}

impl<C: Clock> Map<C> {
    /// Bytes of all memory that the map holds.
    pub(super) fn bytes(&self) -> u64 {
        let beside = self.wheel.bytes() + self.eviction.bytes() + self.pins.bytes();
        self.arena.bytes() + self.index.bytes() + beside
    }

    pub(super) fn note_high_water(&mut self) {
        self.high_water = self.high_water.max(self.bytes());
    }

    /// The most bytes that it may hold. What the wheel will take is set aside, so that a
    /// first deadline needs no room.
    pub(super) fn most(&self) -> u64 {
        let most = self.limits.max_bytes.min(self.ceiling);
        most.saturating_sub(crate::wheel::BYTES - self.wheel.bytes())
    }

    /// Whether all is at hand for this, without evicting, allocating or moving anything:
    /// the way of nearly all writes. `found`: the entry of the key.
    #[inline]
    pub(super) fn is_ready(&self, found: Option<u32>, planned: &Planned<'_>) -> bool {
        if planned.deadline().is_some() && !self.wheel.is_ready() {
            return false;
        }
        let Some(layout) = planned.layout() else {
            return true;
        };
        match found {
            Some(entry) => self.in_place(entry, &layout) || self.arena.fits(&layout),
            None => {
                u64::from(self.index.len()) < self.limits.max_entries
                    && self.index.has_room(planned.hash, 1)
                    && self.arena.fits(&layout)
            }
        }
    }

    /// Whether a value of this layout can be written over that of an entry.
    #[inline]
    pub(super) fn in_place(&self, entry: u32, layout: &Layout) -> bool {
        !self.arena.header(entry).has(Header::PINNED) && self.arena.layout(entry).same_slots(layout)
    }

    /// Makes room for one entry that is new where adding blocks, emptying one or evicting a
    /// single entry is sure to be enough: the way of nearly all writes to a map that is full.
    /// False: that is not known.
    ///
    /// What goes and what grows comes in the order of [`make_room`](Self::make_room).
    #[inline(never)]
    pub(super) fn make_way(&mut self, planned: &Planned<'_>) -> bool {
        let wheel = planned.deadline().is_none() || self.wheel.is_ready();
        let Some(layout) = planned.layout() else {
            return false;
        };
        if planned.at.is_some() || !wheel || !self.index.has_room(planned.hash, 1) {
            return false;
        }
        let crowded = u64::from(self.index.len()) >= self.limits.max_entries;
        let made =
            !crowded && self.grow() || self.reap_due(REAP_LIMIT) > 0 || !crowded && self.evacuate();
        let way = if made {
            self.is_ready(None, planned)
        } else {
            self.evict_for(&layout)
        };
        self.note_high_water();
        way
    }

    /// Evicts an entry, where that makes room for one of this layout.
    fn evict_for(&mut self, layout: &Layout) -> bool {
        let Some(victim) = self.eviction.victim(&mut self.arena) else {
            return false;
        };
        let enough = self.arena.fits(layout) || self.in_place(victim, layout);
        if enough {
            self.evict(victim);
        }
        enough
    }

    /// Whether all is at hand for this, without evicting, allocating or moving anything.
    /// What is given back on the way does not count.
    fn are_ready(&self, plan: &[Planned<'_>]) -> bool {
        let (mut demand, mut new) = (Demand::default(), 0);
        for planned in plan {
            if planned.deadline().is_some() && !self.wheel.is_ready() {
                return false;
            }
            let Some(layout) = planned.layout() else {
                continue;
            };
            if !planned.at.is_some_and(|at| self.in_place(at, &layout)) {
                demand.take(&layout);
                new += usize::from(planned.at.is_none());
            }
        }
        let is_new = |planned: &&Planned<'_>| planned.at.is_none() && planned.layout().is_some();
        u64::from(self.index.len()) + new as u64 <= self.limits.max_entries
            && self.arena.fits_all(&demand)
            // As if all of them were of the same table.
            && plan
                .iter()
                .filter(is_new)
                .all(|planned| self.index.has_room(planned.hash, new))
    }

    /// Makes room for all of this together, each of another key. Entries may lie elsewhere
    /// afterwards, and the plan knows where. Entries of these keys are not evicted.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, plan: &mut [Planned<'_>]) -> Result<(), Error> {
        self.locate(plan);
        if self.are_ready(plan) {
            return Ok(());
        }
        for entry in plan.iter().filter_map(|planned| planned.at) {
            self.eviction.hold(&mut self.arena, entry);
        }
        let made = self.make_all_room(plan);
        self.note_high_water();
        self.locate(plan);
        for entry in plan.iter().filter_map(|planned| planned.at) {
            self.eviction.let_go(&mut self.arena, entry);
        }
        made.map_err(|NoRoom| {
            self.arena.trim();
            self.counts.refused += 1;
            Error::Full
        })
    }

    /// Finds the entries of a plan.
    fn locate(&self, plan: &mut [Planned<'_>]) {
        for planned in plan {
            let wanted = Wanted::new(planned.key);
            planned.at = self.index.find(&self.arena, planned.hash, &wanted);
        }
    }

    fn make_all_room(&mut self, plan: &mut [Planned<'_>]) -> Result<(), NoRoom> {
        if plan.iter().any(|planned| planned.deadline().is_some()) && !self.wheel.is_ready() {
            self.make_wheel()?;
        }
        let mut sure = false;
        let new = |planned: &Planned<'_>| planned.at.is_none() && planned.layout().is_some();
        let gone =
            |planned: &&Planned<'_>| planned.at.is_some() && matches!(planned.fate, Fate::Remove);
        let entries = plan.iter().filter(|&planned| new(planned)).count() as u64;
        let gone = plan.iter().filter(gone).count() as u64;
        for at in 0..plan.len() {
            if new(&plan[at]) {
                self.make_index_room(plan, plan[at].hash, &mut sure)?;
            }
        }
        loop {
            self.locate(plan);
            let len = u64::from(self.index.len()) + entries - gone;
            let crowded = len > self.limits.max_entries;
            if !crowded {
                let demand = self.demand(plan);
                if self.arena.fits_all(&demand) {
                    return Ok(());
                }
                if self.grow() {
                    continue;
                }
            }
            if self.reap_due(REAP_LIMIT) > 0 || !crowded && self.evacuate() {
                continue;
            }
            self.make_sure(plan, &mut sure)?;
            let victim = self.eviction.victim(&mut self.arena).ok_or(NoRoom)?;
            self.evict(victim);
        }
    }

    fn make_wheel(&mut self) -> Result<(), NoRoom> {
        let fits = |map: &Self| map.bytes() <= map.most();
        if fits(self) || self.arena.shrink() && fits(self) {
            return self.wheel.reserve();
        }
        Err(NoRoom)
    }

    /// Makes room in the table that a hash belongs to, for all that the plan puts there.
    fn make_index_room(
        &mut self,
        plan: &mut [Planned<'_>],
        hash: u32,
        sure: &mut bool,
    ) -> Result<(), NoRoom> {
        loop {
            let (most, rest) = (self.most(), self.bytes() - self.index.bytes());
            let count = |index: &Index| {
                let there = |planned: &&Planned<'_>| index.same_table(planned.hash, hash);
                plan.iter().filter(there).count()
            };
            let may_grow = |index: &Index, bytes| rest + index.bytes() + bytes <= most;
            let made = self.index.reserve(&self.arena, hash, count, may_grow);
            if made.is_ok() {
                return Ok(());
            }
            // A block that is emptied is given up for the table.
            if self.arena.shrink() || self.reap_due(REAP_LIMIT) > 0 || self.evacuate() {
                continue;
            }
            self.make_sure(plan, sure)?;
            let victim = if self.index.is_one_table() {
                self.eviction.victim(&mut self.arena)
            } else {
                self.lowest_of_a_table(hash)
            };
            self.evict(victim.ok_or(NoRoom)?);
        }
    }

    /// The one to evict of some that share a table: who goes next of all may be in another.
    fn lowest_of_a_table(&self, hash: u32) -> Option<u32> {
        let in_a_queue = |&entry: &u32| self.eviction.holds(&self.arena, entry);
        let candidates = self.index.neighbours(hash).filter(in_a_queue);
        candidates
            .take(SAMPLE)
            .min_by_key(|&entry| self.eviction.rank(&self.arena, entry))
    }

    /// Fails unless evicting is sure to be enough.
    fn make_sure(&mut self, plan: &mut [Planned<'_>], sure: &mut bool) -> Result<(), NoRoom> {
        if *sure {
            return Ok(());
        }
        self.locate(plan);
        let (mut entries, mut demand) = (0, Demand::default());
        for planned in &*plan {
            let Some(layout) = planned.layout() else {
                continue;
            };
            if let Some(entry) = planned.at
                && self.in_place(entry, &layout)
            {
                continue;
            }
            entries += u64::from(planned.at.is_none());
            demand.take(&layout);
        }
        let staying = u64::from(self.index.len() - self.eviction.len());
        let gone = plan
            .iter()
            .filter(|planned| planned.at.is_some() && matches!(planned.fate, Fate::Remove))
            .count() as u64;
        let crowded = staying + entries - gone > self.limits.max_entries;
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
        self.locate(plan);
        let missing = (stay + demand.blocks()).saturating_sub(self.arena.blocks());
        if missing * BLOCK_SIZE > self.most().saturating_sub(self.bytes()) {
            return Err(NoRoom);
        }
        while stay + demand.blocks() > self.arena.blocks() {
            if !self.grow() {
                return Err(NoRoom);
            }
        }
        *sure = true;
        Ok(())
    }

    /// What a plan needs, less what it gives back.
    fn demand(&mut self, plan: &[Planned<'_>]) -> Demand {
        let mut demand = Demand::default();
        for planned in plan {
            if let Some(entry) = planned.at
                && self.frees(entry, planned)
            {
                self.arena.give_back(entry, &mut demand);
            }
            if let Some(layout) = planned.layout()
                && !planned.at.is_some_and(|at| self.in_place(at, &layout))
            {
                demand.take(&layout);
            }
        }
        for planned in plan {
            if let Some(entry) = planned.at
                && self.frees(entry, planned)
            {
                self.arena.forget_given(entry);
            }
        }
        demand
    }

    /// Whether what is planned gives back the memory of the entry that is there.
    fn frees(&self, entry: u32, planned: &Planned<'_>) -> bool {
        if self.arena.header(entry).has(Header::PINNED) {
            return false;
        }
        match planned.layout() {
            Some(layout) => !self.in_place(entry, &layout),
            None => matches!(planned.fate, Fate::Remove),
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
            if header.has(Header::PINNED) {
                pins.moved(arena, to);
            }
            if !header.has(Header::DETACHED) {
                index.replace(header.hash, from, to);
                wheel.moved(arena, to);
                eviction.moved(arena, to);
            }
        })
    }

    fn evict(&mut self, entry: u32) {
        let (most, bytes) = (self.most(), self.bytes());
        let may_grow = |more| bytes + more <= most;
        self.eviction.evicted(&self.arena, entry, may_grow);
        self.vacate(entry);
        self.counts.evicted += 1;
    }
}
