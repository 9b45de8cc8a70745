//! The memory of a map: blocks of 4 KiB, which never move, and a list of the free ones.

mod owned;
#[cfg(any(target_pointer_width = "32", test))]
mod segments;

use alloc::boxed::Box;
#[cfg(not(target_pointer_width = "32"))]
use alloc::vec::Vec;
use core::num::NonZeroU16;
use core::ptr::NonNull;

use bytemuck::Zeroable;

use crate::address::{BlockId, EntryAddr, EntryRef, SlotAddr};
use crate::error::NoRoom;
use crate::layout::{BLOCK_WORDS, Class, NEXT_LINE, SHORTEST_SLOT};
use crate::list::{Links, List, Nodes};
use owned::OwnedBlock;

/// The blocks by number. `None` if there is currently no such block.
#[cfg(target_pointer_width = "32")]
type BlockList = segments::Segments<Option<OwnedBlock>>;
#[cfg(not(target_pointer_width = "32"))]
type BlockList = Vec<Option<OwnedBlock>>;

/// The size of a block with its metadata, in bytes.
pub(crate) const BLOCK_SIZE: u64 = size_of::<Block>() as u64;

/// The maximum number of blocks, which addresses of 30 bits can reach: 4 GiB.
const MAX_BLOCKS: usize = 1 << 20;

/// The maximum number of blocks added at a time: 64 KiB, the unit in which the memory of a
/// component grows.
const MOST_ADDED: usize = 16;

/// Returns the number of places by which a list with this capacity grows.
const fn more_places(capacity: usize) -> usize {
    #[cfg(target_pointer_width = "32")]
    return capacity + segments::FIRST;
    #[cfg(not(target_pointer_width = "32"))]
    if capacity < 4 { 4 } else { capacity }
}

/// Metadata of a block. For a free block, everything except the links and its number is zero.
#[derive(Clone, Copy, Debug, Zeroable)]
pub(crate) struct BlockMeta {
    /// The neighbours of the block in its list: the free blocks, or the blocks of a class that
    /// have a free slot.
    prev: Option<BlockId>,
    next: Option<BlockId>,
    /// See [`class`](Self::class): the number of the class plus 1, or 0.
    class: u8,
    /// The number of slots in use.
    used: u8,
    /// The number of slots that have ever been in use. Later slots have never been touched.
    bump: u8,
    /// The first free slot that has been in use: the number of its first word plus 1. The first
    /// word of a free slot links to the next one in the same way.
    free: Option<NonZeroU16>,
    /// The number of slots that a plan will free.
    pub(crate) planned_free: u8,
    /// Marks a block that has already been counted.
    pub(crate) marked: bool,
    /// The number of the block, which a pointer to it does not tell.
    #[cfg(target_pointer_width = "32")]
    own: Option<BlockId>,
}

impl BlockMeta {
    /// Returns the class of its slots, or `None` if the block is free.
    #[inline]
    pub(crate) fn class(&self) -> Option<Class> {
        self.class.checked_sub(1).map(Class::numbered)
    }

    /// Returns the number of slots in use.
    pub(crate) const fn used(&self) -> u8 {
        self.used
    }

    /// Returns the number of slots that have ever been in use.
    pub(crate) const fn bump(&self) -> u8 {
        self.bump
    }
}

/// A block and its metadata.
#[derive(Zeroable)]
#[repr(C)]
pub(crate) struct Block {
    words: [u32; BLOCK_WORDS],
    meta: BlockMeta,
}

/// [`Arena::slot_mut`](crate::arena::Arena::slot_mut) may read that many words from the start of a
/// slot, however short it is, without leaving its block and the metadata.
const _: () = assert!(SHORTEST_SLOT + META_WORDS > NEXT_LINE);

/// The number of words of the metadata, which follow the words of a block.
const META_WORDS: usize = size_of::<BlockMeta>() / 4;

/// A slot that has been freed.
pub(crate) struct Given {
    pub(crate) block: BlockId,
    pub(crate) class: Class,
    /// Whether the block had no free slot before.
    pub(crate) was_full: bool,
    /// Whether the block now has no slot in use.
    pub(crate) is_empty: bool,
}

impl Block {
    /// Returns the words from a slot to the end of the block.
    #[inline(always)]
    pub(crate) fn words(&self, slot: SlotAddr) -> &[u32] {
        &self.words[slot.word()..]
    }

    #[inline(always)]
    pub(crate) fn words_mut(&mut self, slot: SlotAddr) -> &mut [u32] {
        &mut self.words[slot.word()..]
    }

    /// Returns the class of the block, which must be in use.
    #[inline]
    pub(crate) fn class(&self) -> Class {
        self.meta.class().unwrap_or(Class::LARGEST)
    }

    /// Returns the free slots that have been in use, as bits.
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
    blocks: BlockList,
    /// The number of blocks.
    held: u32,
    /// The free blocks.
    vacant: List<BlockId>,
    /// The number of free blocks.
    free: u32,
}

impl Blocks {
    pub(crate) const fn new() -> Self {
        Self {
            blocks: BlockList::new(),
            held: 0,
            vacant: List::EMPTY,
            free: 0,
        }
    }

    /// Returns the size of all blocks and their metadata, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let list = self.blocks.capacity() * size_of::<Option<OwnedBlock>>();
        u64::from(self.held) * BLOCK_SIZE + list as u64
    }

    /// Returns the number of blocks, free or not.
    pub(crate) const fn held(&self) -> u32 {
        self.held
    }

    /// Returns the number of free blocks.
    pub(crate) const fn free(&self) -> u32 {
        self.free
    }

    /// Returns the block that contains a slot.
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
        self.owned(index)
    }

    #[inline(always)]
    fn owned(&self, index: usize) -> &OwnedBlock {
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

    /// Returns the words from a slot to the end of its block.
    #[inline(always)]
    pub(crate) fn words(&self, slot: SlotAddr) -> &[u32] {
        self.of(slot).words(slot)
    }

    #[inline(always)]
    pub(crate) fn words_mut(&mut self, slot: SlotAddr) -> &mut [u32] {
        self.of_mut(slot).words_mut(slot)
    }

    /// Returns a reference to the slot of an entry.
    #[inline]
    pub(crate) fn reference(&self, entry: EntryAddr) -> EntryRef {
        #[cfg(target_pointer_width = "32")]
        return EntryRef::of_pointer(self.owned(entry.slot().block_index()).slot(entry.slot()));
        #[cfg(not(target_pointer_width = "32"))]
        EntryRef::of_address(entry)
    }

    /// Returns the address of a slot that begins at a given word of its block.
    ///
    /// # Safety
    ///
    /// The block must exist, and the slot must begin there.
    #[cfg(target_pointer_width = "32")]
    #[inline]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    pub(crate) unsafe fn address(entry: EntryRef, word: usize) -> SlotAddr {
        // SAFETY: the pointer is valid for the whole block, which begins so many words before it.
        let own = unsafe {
            let block = entry.pointer().sub(word).cast::<Block>();
            (&raw const (*block.as_ptr()).meta.own).read()
        };
        match own {
            Some(block) => block.slot(word),
            None => no_block(),
        }
    }

    /// Returns a pointer to the slot of an entry, which is valid for all of its block, as long as
    /// the block exists.
    ///
    /// # Safety
    ///
    /// The slot must be in an existing block.
    #[inline(always)]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    pub(crate) unsafe fn pointer(&self, entry: EntryRef) -> NonNull<u32> {
        #[cfg(target_pointer_width = "32")]
        return entry.pointer();
        #[cfg(not(target_pointer_width = "32"))]
        {
            let slot = entry.address().slot();
            // SAFETY: the block exists.
            let block = unsafe {
                let block = self.blocks.get_unchecked(slot.block_index());
                block.as_ref().unwrap_unchecked()
            };
            block.slot(slot)
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

    /// Returns the metadata of a block.
    pub(crate) fn meta(&self, block: BlockId) -> &BlockMeta {
        &self.block(block).meta
    }

    /// Returns the metadata of the block that contains a slot.
    pub(crate) fn meta_of_mut(&mut self, slot: SlotAddr) -> &mut BlockMeta {
        &mut self.of_mut(slot).meta
    }

    /// Returns the number of blocks to add at a time: few if the map is small.
    pub(crate) const fn worth_adding(&self) -> u32 {
        let some = self.held / 8 + 1;
        if some < MOST_ADDED as u32 {
            some
        } else {
            MOST_ADDED as u32
        }
    }

    /// Returns the bytes that one more block takes, including its place in the list.
    pub(crate) fn growth(&self) -> u64 {
        let (len, capacity) = (self.blocks.len(), self.blocks.capacity());
        let vacant = (self.held as usize) < len || len < capacity;
        let places = if vacant { 0 } else { more_places(capacity) };
        BLOCK_SIZE + (places * size_of::<Option<OwnedBlock>>()) as u64
    }

    /// Adds a block.
    pub(crate) fn grow(&mut self) -> Result<(), NoRoom> {
        let len = self.blocks.len();
        let mut index = len;
        if (self.held as usize) < len {
            index = self.missing().unwrap_or(len);
        }
        if index >= MAX_BLOCKS {
            return Err(NoRoom);
        }
        // Zeroed on the heap: on the stack it would take up a page.
        #[cfg_attr(not(target_pointer_width = "32"), expect(unused_mut))]
        let mut block: Box<Block> = bytemuck::try_zeroed_box().map_err(|()| NoRoom)?;
        #[cfg(target_pointer_width = "32")]
        {
            block.meta.own = Some(BlockId::at(index));
        }
        let block = Some(OwnedBlock::new(block));
        if let Some(place) = self.blocks.get_mut(index) {
            *place = block;
        } else {
            self.reserve_place()?;
            self.blocks.push(block);
        }
        self.held += 1;
        self.make_vacant(BlockId::at(index));
        Ok(())
    }

    /// Returns the first number without a block, if there is one in the list.
    fn missing(&self) -> Option<usize> {
        (0..self.blocks.len()).find(|&index| matches!(self.blocks.get(index), Some(None)))
    }

    /// Makes room for one more block in the list. If there is none, doubles its capacity.
    fn reserve_place(&mut self) -> Result<(), NoRoom> {
        #[cfg(target_pointer_width = "32")]
        self.blocks.try_reserve_one()?;
        #[cfg(not(target_pointer_width = "32"))]
        if self.blocks.len() == self.blocks.capacity() {
            let more = more_places(self.blocks.capacity());
            self.blocks.try_reserve_exact(more)?;
        }
        Ok(())
    }

    /// Assigns a free block to a class.
    pub(crate) fn take(&mut self, class: Class) -> Option<BlockId> {
        let block = self.take_vacant()?;
        self.block_mut(block).meta.class = class.index() as u8 + 1;
        Some(block)
    }

    /// Marks a block as free.
    pub(crate) fn give(&mut self, block: BlockId) {
        self.block_mut(block).meta = BlockMeta {
            #[cfg(target_pointer_width = "32")]
            own: Some(block),
            ..BlockMeta::zeroed()
        };
        self.make_vacant(block);
    }

    /// Allocates a slot of a block that has a free one. If it was the last free slot, also returns
    /// the neighbours of the block.
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

    /// Frees a slot. If the block then has no slot in use, the caller must also [free the
    /// block](Self::give). If the block was full, the caller must insert it before `first_open` of
    /// its class, to which the block already links.
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

    /// Releases blocks if many are free.
    #[inline]
    pub(crate) fn trim(&mut self) {
        while self.free > MOST_ADDED as u32 + self.held / 4 {
            self.shrink();
        }
    }

    /// Releases a free block. Returns `false` if there is none.
    pub(crate) fn shrink(&mut self) -> bool {
        let Some(block) = self.take_vacant() else {
            return false;
        };
        if let Some(place) = self.blocks.get_mut(block.index()) {
            *place = None;
            self.held -= 1;
        }
        true
    }

    /// Adds a block to the front of a list.
    #[inline]
    pub(crate) fn push(&mut self, list: &mut List<BlockId>, block: BlockId) {
        let Links { prev, next } = list.push(self, block);
        let meta = &mut self.block_mut(block).meta;
        (meta.prev, meta.next) = (prev, next);
    }

    /// Removes a block from a list.
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
        let next = |block: &BlockId| self.first_from(block.index() + 1);
        core::iter::successors(self.first_from(0), next)
    }

    /// Returns the first block whose index is `index` or higher.
    pub(crate) fn first_from(&self, index: usize) -> Option<BlockId> {
        let mut rest = index..self.blocks.len();
        rest.find(|&index| matches!(self.blocks.get(index), Some(Some(_))))
            .map(BlockId::at)
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

/// Panics because an address was used after its block had been released.
#[cold]
#[inline(never)]
#[expect(clippy::panic, reason = "a bug in the engine, which must not continue")]
fn no_block() -> ! {
    panic!("an address refers to a block that does not exist")
}
