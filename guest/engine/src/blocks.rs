//! The memory of a map: blocks of 4 KiB, which never move, and a list of those that are
//! free.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU16;

use bytemuck::Zeroable;

use crate::address::{BlockId, SlotAddr};
use crate::error::NoRoom;
use crate::layout::{BLOCK_WORDS, Class};
use crate::list::{Links, List, Nodes};

/// Bytes of a block with what is kept about it.
pub(crate) const BLOCK_SIZE: u64 = size_of::<Block>() as u64;

/// The most blocks: what an address of 30 bits reaches, 4 GiB.
const MAX_BLOCKS: usize = 1 << 20;

/// The most blocks that are added at a time: 64 KiB, what the memory of a component grows
/// by.
const MOST_ADDED: usize = 16;

/// What is known of a block. That of a free one is all zero, but for its links.
#[derive(Clone, Copy, Debug, Zeroable)]
pub(crate) struct BlockMeta {
    /// Its neighbours in the list that it is in, of free blocks or of those of a class
    /// that have a free slot.
    prev: Option<BlockId>,
    next: Option<BlockId>,
    /// See [`class`](Self::class): one more than its number, or 0.
    class: u8,
    /// Slots that are in use.
    used: u8,
    /// Slots that have ever been in use: those behind have never been touched.
    bump: u8,
    /// The first free slot that has been in use: one more than the word it begins at. The
    /// first word of a free slot leads to the next one in the same way.
    free: Option<NonZeroU16>,
    /// Slots that a plan will free.
    pub(crate) planned_free: u8,
    /// For a count of blocks.
    pub(crate) marked: bool,
}

impl BlockMeta {
    /// Returns the class of its slots; `None`: it is free.
    #[inline]
    pub(crate) fn class(&self) -> Option<Class> {
        self.class.checked_sub(1).map(Class::numbered)
    }

    /// Returns how many slots are in use.
    pub(crate) const fn used(&self) -> u8 {
        self.used
    }

    /// Returns how many slots have ever been in use.
    pub(crate) const fn bump(&self) -> u8 {
        self.bump
    }
}

/// A block with what is known of it.
#[derive(Zeroable)]
pub(crate) struct Block {
    words: [u32; BLOCK_WORDS],
    meta: BlockMeta,
}

/// A slot that has been given back.
pub(crate) struct Given {
    pub(crate) block: BlockId,
    pub(crate) class: Class,
    /// No slot of its block was free before.
    pub(crate) was_full: bool,
    /// No slot of its block is in use any more.
    pub(crate) is_empty: bool,
}

impl Block {
    /// Returns the words from a slot on, to the end of the block.
    #[inline(always)]
    pub(crate) fn words(&self, slot: SlotAddr) -> &[u32] {
        &self.words[slot.word()..]
    }

    #[inline(always)]
    pub(crate) fn words_mut(&mut self, slot: SlotAddr) -> &mut [u32] {
        &mut self.words[slot.word()..]
    }

    /// Returns a word of a slot, without a check: from behind the end it goes on at the front.
    #[inline(always)]
    pub(crate) fn word(&self, slot: SlotAddr, word: usize) -> &u32 {
        &self.words[(slot.word() + word) % BLOCK_WORDS]
    }

    /// Returns the class of its slots, which are in use.
    #[inline]
    pub(crate) fn class(&self) -> Class {
        self.meta.class().unwrap_or(Class::LARGEST)
    }

    /// Returns the slots that have been in use and are free, as bits.
    pub(crate) fn free_slots(&self, class: Class) -> u128 {
        let mut free = 0;
        let mut next = self.meta.free;
        while let Some(at) = next {
            let word = usize::from(at.get() - 1);
            free |= 1 << (word / class.words());
            next = NonZeroU16::new(self.words[word] as u16);
        }
        free
    }
}

/// All blocks.
pub(crate) struct Blocks {
    /// By their numbers; `None`: there is no such block now.
    blocks: Vec<Option<Box<Block>>>,
    /// How many there are.
    held: u32,
    /// Those that are free.
    vacant: List<BlockId>,
    /// How many are free.
    free: u32,
}

impl Blocks {
    pub(crate) const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            held: 0,
            vacant: List::EMPTY,
            free: 0,
        }
    }

    /// Returns the bytes of all blocks and of what is kept about them.
    pub(crate) fn bytes(&self) -> u64 {
        let list = self.blocks.capacity() * size_of::<Option<Box<Block>>>();
        u64::from(self.held) * BLOCK_SIZE + list as u64
    }

    /// Returns how many there are, free or not.
    pub(crate) const fn held(&self) -> u32 {
        self.held
    }

    /// Returns how many are free.
    pub(crate) const fn free(&self) -> u32 {
        self.free
    }

    /// Returns the block that a slot lies in.
    #[inline(always)]
    pub(crate) fn of(&self, slot: SlotAddr) -> &Block {
        self.at(slot.block_index())
    }

    #[inline(always)]
    pub(crate) fn of_mut(&mut self, slot: SlotAddr) -> &mut Block {
        self.at_mut(slot.block_index())
    }

    #[inline(always)]
    fn at(&self, index: usize) -> &Block {
        match self.blocks.get(index) {
            Some(Some(block)) => block,
            _ => no_block(),
        }
    }

    #[inline(always)]
    fn at_mut(&mut self, index: usize) -> &mut Block {
        match self.blocks.get_mut(index) {
            Some(Some(block)) => block,
            _ => no_block(),
        }
    }

    /// Returns the words from a slot on, to the end of its block.
    #[inline(always)]
    pub(crate) fn words(&self, slot: SlotAddr) -> &[u32] {
        self.of(slot).words(slot)
    }

    #[inline(always)]
    pub(crate) fn words_mut(&mut self, slot: SlotAddr) -> &mut [u32] {
        self.of_mut(slot).words_mut(slot)
    }

    /// Returns what [`words`](Self::words) does, and checks nothing.
    ///
    /// # Safety
    ///
    /// The slot must lie in a block that is there.
    #[inline(always)]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    pub(crate) unsafe fn words_unchecked(&self, slot: SlotAddr) -> &[u32] {
        // SAFETY: the block is there.
        let block = unsafe {
            let block = self.blocks.get_unchecked(slot.block_index());
            block.as_ref().unwrap_unchecked()
        };
        block.words(slot)
    }

    /// Returns what [`of_mut`](Self::of_mut) does, and checks nothing.
    ///
    /// # Safety
    ///
    /// The slot must lie in a block that is there.
    #[inline(always)]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    pub(crate) unsafe fn of_mut_unchecked(&mut self, slot: SlotAddr) -> &mut Block {
        // SAFETY: the block is there.
        unsafe {
            let block = self.blocks.get_unchecked_mut(slot.block_index());
            block.as_mut().unwrap_unchecked()
        }
    }

    /// Returns a block.
    pub(crate) fn block(&self, block: BlockId) -> &Block {
        self.at(block.index())
    }

    #[inline(always)]
    fn block_mut(&mut self, block: BlockId) -> &mut Block {
        self.at_mut(block.index())
    }

    /// Returns what is known of a block.
    pub(crate) fn meta(&self, block: BlockId) -> &BlockMeta {
        &self.block(block).meta
    }

    /// Returns what is known of the block that a slot lies in.
    pub(crate) fn meta_of_mut(&mut self, slot: SlotAddr) -> &mut BlockMeta {
        &mut self.of_mut(slot).meta
    }

    /// Returns how many blocks are worth adding at a time: few for a map that is small.
    pub(crate) const fn worth_adding(&self) -> u32 {
        let some = self.held / 8 + 1;
        if some < MOST_ADDED as u32 {
            some
        } else {
            MOST_ADDED as u32
        }
    }

    /// Returns the bytes that one block more takes, with a place for it.
    pub(crate) fn growth(&self) -> u64 {
        let (len, capacity) = (self.blocks.len(), self.blocks.capacity());
        let vacant = (self.held as usize) < len || len < capacity;
        let places = if vacant { 0 } else { capacity.max(4) };
        BLOCK_SIZE + (places * size_of::<Option<Box<Block>>>()) as u64
    }

    /// Adds a block.
    pub(crate) fn grow(&mut self) -> Result<(), NoRoom> {
        let mut index = self.blocks.len();
        if (self.held as usize) < index
            && let Some(vacant) = self.blocks.iter().position(Option::is_none)
        {
            index = vacant;
        }
        if index >= MAX_BLOCKS {
            return Err(NoRoom);
        }
        // It is zeroed where it lies: on the stack it would take a page there.
        let block = bytemuck::try_zeroed_box().map_err(|()| NoRoom)?;
        if index < self.blocks.len() {
            self.blocks[index] = Some(block);
        } else {
            if self.blocks.len() == self.blocks.capacity() {
                let more = self.blocks.capacity().max(4);
                self.blocks.try_reserve_exact(more)?;
            }
            self.blocks.push(Some(block));
        }
        self.held += 1;
        self.make_vacant(BlockId::at(index));
        Ok(())
    }

    /// Takes a free block for slots of a class.
    pub(crate) fn take(&mut self, class: Class) -> Option<BlockId> {
        let block = self.take_vacant()?;
        self.block_mut(block).meta.class = class.index() as u8 + 1;
        Some(block)
    }

    /// Gives a block back.
    pub(crate) fn give(&mut self, block: BlockId) {
        self.block_mut(block).meta = BlockMeta::zeroed();
        self.make_vacant(block);
    }

    /// Takes a slot of a block that has a free one. If it was the last one, returns the
    /// neighbours of the block, too.
    #[inline]
    pub(crate) fn take_slot(
        &mut self,
        block: BlockId,
        class: Class,
    ) -> (SlotAddr, Option<Links<BlockId>>) {
        let Block { words, meta } = self.block_mut(block);
        meta.used += 1;
        let full = (usize::from(meta.used) == class.slots()).then_some(Links {
            prev: meta.prev,
            next: meta.next,
        });
        let word = match meta.free {
            None => {
                meta.bump += 1;
                (usize::from(meta.bump) - 1) * class.words()
            }
            Some(free) => {
                let word = usize::from(free.get() - 1);
                meta.free = NonZeroU16::new(words[word] as u16);
                word
            }
        };
        (block.slot(word), full)
    }

    /// Gives a slot back. A block of which none is in use any more is to be
    /// [given back](Self::give), too. One that was full is to come before `first_open` of its
    /// class, which it knows already.
    #[inline]
    pub(crate) fn give_slot(
        &mut self,
        slot: SlotAddr,
        first_open: impl Fn(Class) -> Option<BlockId>,
    ) -> Given {
        let block = self.of_mut(slot);
        let class = block.class();
        let Block { words, meta } = block;
        let was_full = usize::from(meta.used) == class.slots();
        meta.used -= 1;
        words[slot.word()] = meta.free.map_or(0, |free| free.get().into());
        meta.free = NonZeroU16::new(slot.word() as u16 + 1);
        if was_full {
            (meta.prev, meta.next) = (None, first_open(class));
        }
        Given {
            is_empty: meta.used == 0,
            block: slot.block(),
            class,
            was_full,
        }
    }

    /// Gives up blocks where many are free.
    #[inline]
    pub(crate) fn trim(&mut self) {
        while self.free > MOST_ADDED as u32 + self.held / 4 {
            self.shrink();
        }
    }

    /// Gives up a block that is free. Returns `false` if there is none.
    pub(crate) fn shrink(&mut self) -> bool {
        let Some(block) = self.take_vacant() else {
            return false;
        };
        self.blocks[block.index()] = None;
        self.held -= 1;
        true
    }

    /// Puts a block in front of a list.
    #[inline]
    pub(crate) fn push(&mut self, list: &mut List<BlockId>, block: BlockId) {
        let Links { prev, next } = list.push(self, block);
        let meta = &mut self.block_mut(block).meta;
        (meta.prev, meta.next) = (prev, next);
    }

    /// Takes a block out of a list.
    #[inline]
    pub(crate) fn remove(&mut self, list: &mut List<BlockId>, block: BlockId) {
        let links = self.links(block);
        list.remove(self, links);
    }

    fn make_vacant(&mut self, block: BlockId) {
        let mut vacant = self.vacant;
        self.push(&mut vacant, block);
        self.vacant = vacant;
        self.free += 1;
    }

    fn take_vacant(&mut self) -> Option<BlockId> {
        let mut vacant = self.vacant;
        let block = vacant.first()?;
        self.remove(&mut vacant, block);
        self.vacant = vacant;
        self.free -= 1;
        Some(block)
    }

    /// Returns all blocks.
    #[cfg(any(test, feature = "validate"))]
    pub(crate) fn ids(&self) -> impl Iterator<Item = BlockId> + use<'_> {
        let held = self.blocks.iter().enumerate();
        held.filter_map(|(index, block)| block.is_some().then_some(BlockId::at(index)))
    }

    /// Returns the blocks in the order of their numbers: the first one from `index` on.
    pub(crate) fn first_from(&self, index: usize) -> Option<BlockId> {
        let rest = self.blocks.get(index..)?;
        let at = rest.iter().position(Option::is_some)?;
        Some(BlockId::at(index + at))
    }
}

impl Nodes<BlockId> for Blocks {
    #[inline]
    fn links(&self, node: BlockId) -> Links<BlockId> {
        let BlockMeta { prev, next, .. } = *self.meta(node);
        Links { prev, next }
    }

    #[inline]
    fn set_prev(&mut self, node: BlockId, prev: Option<BlockId>) {
        self.block_mut(node).meta.prev = prev;
    }

    #[inline]
    fn set_next(&mut self, node: BlockId, next: Option<BlockId>) {
        self.block_mut(node).meta.next = next;
    }
}

/// An address was kept for longer than its block was there.
#[cold]
#[inline(never)]
#[expect(clippy::panic, reason = "a fault of ours, which must not go on")]
fn no_block() -> ! {
    panic!("an address leads to no block")
}
