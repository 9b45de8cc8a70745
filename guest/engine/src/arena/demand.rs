//! The slots that a plan needs and gives back.

use super::Arena;
use crate::address::EntryAddr;
use crate::layout::{Class, EntryLayout};

/// The slots that a plan needs, minus those that it gives back.
#[derive(Clone)]
pub(crate) struct Demand {
    slots: [i64; Class::COUNT],
    /// The number of blocks that are given back.
    blocks: u64,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            slots: [0; Class::COUNT],
            blocks: 0,
        }
    }
}

/// Returns the number of blocks with this many slots of a class; 0 if there are more than enough.
fn blocks_for(slots: i64, class: Class) -> u64 {
    // A plan needs slots of few classes, and each division takes longer than this comparison.
    if slots <= 0 {
        return 0;
    }
    slots.cast_unsigned().div_ceil(class.slots() as u64)
}

impl Demand {
    /// Returns the number of blocks needed if every block is free.
    pub(crate) fn blocks(&self) -> u64 {
        let slots = self.slots.iter().zip(Class::all());
        slots.map(|(&slots, class)| blocks_for(slots, class)).sum()
    }

    /// Adds the slots that an entry needs.
    pub(crate) fn take(&mut self, layout: &EntryLayout) {
        for (class, count) in layout.slots() {
            self.slots[class.index()] += i64::from(count);
        }
    }
}

impl Arena {
    /// Returns `true` if there is room for the whole demand.
    pub(crate) fn fits_all(&self, demand: &Demand) -> bool {
        let missing = demand.slots.iter().zip(&self.slabs).zip(Class::all());
        let blocks = missing
            .map(|((&slots, slabs), class)| blocks_for(slots - i64::from(slabs.free), class));
        blocks.sum::<u64>() <= demand.blocks + u64::from(self.blocks.free())
    }

    /// Subtracts the slots that an entry would give back.
    pub(crate) fn give_back(&mut self, entry: EntryAddr, demand: &mut Demand) {
        let mut next = Some(entry.slot());
        while let Some(slot) = next {
            let class = self.class(slot);
            demand.slots[class.index()] -= 1;
            let meta = self.blocks.meta_of_mut(slot);
            meta.planned_free += 1;
            if meta.planned_free == meta.used() {
                // The whole block becomes free, not only its slots.
                demand.slots[class.index()] += class.slots() as i64;
                demand.blocks += 1;
            }
            next = self.next_slot(entry, slot);
        }
    }

    /// Resets the counters of [`give_back`](Self::give_back).
    pub(crate) fn forget_given(&mut self, entry: EntryAddr) {
        let mut next = Some(entry.slot());
        while let Some(slot) = next {
            self.blocks.meta_of_mut(slot).planned_free = 0;
            next = self.next_slot(entry, slot);
        }
    }

    /// Returns the number of blocks that contain these entries.
    #[expect(clippy::needless_pass_by_value, reason = "an iterator is consumed")]
    pub(crate) fn count_blocks(&mut self, entries: impl Iterator<Item = EntryAddr> + Clone) -> u64 {
        let mut blocks = 0;
        for (mark, entry) in [true, false]
            .into_iter()
            .flat_map(|mark| entries.clone().map(move |entry| (mark, entry)))
        {
            let mut next = Some(entry.slot());
            while let Some(slot) = next {
                let meta = self.blocks.meta_of_mut(slot);
                blocks += u64::from(mark && !meta.marked);
                meta.marked = mark;
                next = self.next_slot(entry, slot);
            }
        }
        blocks
    }
}
