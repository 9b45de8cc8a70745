//! The invariants of an arena between two calls.

use alloc::collections::BTreeSet;

use super::Arena;
use crate::address::{EntryAddr, SlotAddr};
use crate::layout::{BLOCK_WORDS, Class};

impl Arena {
    /// Calls a function with each slot of an entry and its class.
    fn for_each_slot(&self, entry: EntryAddr, mut visit: impl FnMut(SlotAddr, Class)) {
        let mut next = Some(entry.slot());
        while let Some(slot) = next {
            visit(slot, self.class(slot));
            next = self.next_slot(entry, slot);
        }
    }

    /// Panics unless these entries use exactly the slots that are in use, and the blocks and lists
    /// are consistent with them.
    pub(crate) fn validate(&self, entries: &BTreeSet<EntryAddr>) {
        let mut slots = BTreeSet::new();
        for &entry in entries {
            self.for_each_slot(entry, |slot, class| {
                assert!(slots.insert(slot), "a slot that is used twice");
                assert_eq!(class.is_part(), slot != entry.slot());
            });
            assert_eq!(self.layout(entry).class, self.class(entry.slot()));
        }
        self.validate_blocks(&slots);
    }

    fn validate_blocks(&self, slots: &BTreeSet<SlotAddr>) {
        let mut free = [0; Class::COUNT];
        let (mut free_blocks, mut used, mut listed) = (0, 0, 0);
        for block in self.blocks.ids() {
            let meta = self.blocks.meta(block);
            assert!(meta.planned_free == 0 && !meta.marked);
            let Some(class) = meta.class() else {
                free_blocks += 1;
                continue;
            };
            let here = slots.range(block.slot(0)..=block.slot(BLOCK_WORDS - 1));
            let freed = self.blocks.block(block).free_slots(class);
            let mut count = 0;
            for slot in here {
                let at = slot.word();
                assert_eq!(at % class.words(), 0, "a slot that lies between two");
                let at = at / class.words();
                assert!(at < meta.bump().into() && freed >> at & 1 == 0);
                count += 1;
            }
            assert_eq!(count, meta.used(), "a slot that leaks");
            assert_eq!(meta.bump(), meta.used() + freed.count_ones() as u8);
            assert!(meta.used() > 0, "a block that is empty and not free");
            used += usize::from(meta.used());
            free[class.index()] += class.slots() as u32 - u32::from(meta.used());
            listed += usize::from(usize::from(meta.used()) < class.slots());
        }
        assert_eq!(used, slots.len());
        assert_eq!(free_blocks, self.blocks.free());
        for class in Class::all() {
            let slabs = self.slabs[class.index()];
            assert_eq!(slabs.free, free[class.index()]);
            for block in slabs.open.iter(&self.blocks) {
                let meta = self.blocks.meta(block);
                assert_eq!(meta.class(), Some(class));
                assert!(usize::from(meta.used()) < class.slots());
                listed -= 1;
            }
        }
        assert_eq!(listed, 0, "a block with a free slot that is not listed");
    }
}
