//! Moving the contents of a block to other blocks, so that the block becomes free.

use super::Arena;
use crate::address::{BlockId, EntryAddr, SlotAddr};
use crate::layout::{BLOCK_WORDS, Class};

/// The number of blocks of a class that are searched for the least used one.
const LOOKED_AT: usize = 8;

impl Arena {
    /// Frees a block that has few slots in use, by moving their contents to other blocks of its
    /// class. Calls `moved` with the old and the new address of each entry that moves. Returns
    /// `false` if there is no such block.
    ///
    /// Moves fewer than 79 entries or parts.
    pub(crate) fn evacuate(
        &mut self,
        mut moved: impl FnMut(&mut Self, EntryAddr, EntryAddr),
    ) -> bool {
        let sparse = Class::all().find_map(|class| self.sparse(class));
        let Some((block, class)) = sparse else {
            return false;
        };
        let used = u32::from(self.blocks.meta(block).used());
        self.close(block, class);
        self.slabs[class.index()].free -= class.slots() as u32 - used;
        for from in self.used_slots(block, class) {
            // The other blocks have room: see `sparse`.
            let Some(to) = self.take(class) else { break };
            let mut words = [0; BLOCK_WORDS / 2];
            let words = &mut words[..class.words()];
            words.copy_from_slice(&self.blocks.words(from)[..class.words()]);
            self.blocks.words_mut(to)[..class.words()].copy_from_slice(words);
            if class.is_part() {
                self.part_moved(from, to);
            } else {
                #[cfg(target_pointer_width = "32")]
                self.split_mut(to.entry()).0.set_place(to.word());
                self.parts_follow(to.entry());
                moved(self, from.entry(), to.entry());
            }
        }
        self.blocks.give(block);
        true
    }

    /// Returns a block whose used slots would fit into the other blocks of its class.
    fn sparse(&self, class: Class) -> Option<(BlockId, Class)> {
        let slabs = self.slabs[class.index()];
        if class.slots() == 1 || slabs.free < class.slots() as u32 {
            return None;
        }
        slabs
            .open
            .iter(&self.blocks)
            .take(LOOKED_AT)
            .min_by_key(|&block| self.blocks.meta(block).used())
            .map(|block| (block, class))
    }

    /// Updates the link to a part that has moved, in the part before it or in its entry.
    fn part_moved(&mut self, from: SlotAddr, to: SlotAddr) {
        let Some(slot) = SlotAddr::from_word(self.blocks.words(to)[1]) else {
            return;
        };
        let parts_word = self.class(slot).parts_word();
        let first = &mut self.split_mut(slot.entry()).1[parts_word];
        let mut next = SlotAddr::from_word(*first);
        if next == Some(from) {
            *first = SlotAddr::to_word(Some(to));
            return;
        }
        while let Some(part) = next {
            let words = self.blocks.words_mut(part);
            next = SlotAddr::from_word(words[0]);
            if next == Some(from) {
                words[0] = SlotAddr::to_word(Some(to));
                return;
            }
        }
    }

    /// Updates the links from the parts of an entry that has moved.
    fn parts_follow(&mut self, entry: EntryAddr) {
        let mut next = self.next_slot(entry, entry.slot());
        while let Some(part) = next {
            let words = self.blocks.words_mut(part);
            words[1] = entry.to_word();
            next = SlotAddr::from_word(words[0]);
        }
    }
}
