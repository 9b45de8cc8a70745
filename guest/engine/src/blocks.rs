//! The memory of a map: blocks of 4 KiB, which never move, and a list of those that are
//! free.

use alloc::boxed::Box;
use alloc::vec::Vec;
use bytemuck::Zeroable;

use crate::error::NoRoom;
use crate::layout::{BLOCK_WORDS, Class};
use crate::slot;

/// No block, no slot, no entry.
pub(crate) const NONE: u32 = u32::MAX;

/// Bytes of a block with what is kept about it.
pub(crate) const BLOCK_SIZE: u64 = size_of::<Block>() as u64;

/// The most blocks: what an address of 30 bits reaches, 4 GiB.
const MAX_BLOCKS: usize = 1 << 20;

/// The most blocks that are added at a time: 64 KiB, what the memory of a component grows
/// by.
const MOST_ADDED: usize = 16;

/// What is known of a block.
#[derive(Clone, Copy, Debug, Zeroable)]
pub(crate) struct Info {
    /// Its neighbours in the list that it is in, of free blocks or of those of a class
    /// that have a free slot.
    pub(crate) prev: u32,
    pub(crate) next: u32,
    /// See [`class`](Self::class): one more than its number, or 0.
    class: u8,
    /// Slots that are in use.
    pub(crate) used: u8,
    /// Slots that have ever been in use: those behind have never been touched.
    pub(crate) carved: u8,
    /// Where the first free slot lies that has been in use, in words.
    pub(crate) free: u16,
    /// Slots that a plan gives back.
    pub(crate) given: u8,
    /// For whoever counts blocks.
    pub(crate) marked: bool,
}

impl Info {
    /// The class of its slots; `None`: it is free.
    #[inline]
    pub(crate) fn class(&self) -> Option<Class> {
        self.class.checked_sub(1).map(Class::numbered)
    }

    pub(crate) const fn set_class(&mut self, class: Class) {
        self.class = class.index() as u8 + 1;
    }
}

/// No slot in a block.
pub(crate) const NO_SLOT: u16 = u16::MAX;

const FREE: Info = Info {
    prev: NONE,
    next: NONE,
    class: 0,
    used: 0,
    carved: 0,
    free: NO_SLOT,
    given: 0,
    marked: false,
};

#[derive(Zeroable)]
struct Block {
    words: [u32; BLOCK_WORDS],
    info: Info,
}

/// A block that is free. It is zeroed where it lies: on the stack it would take a page there.
fn new_block() -> Result<Box<Block>, NoRoom> {
    let mut block: Box<Block> = bytemuck::try_zeroed_box().map_err(|()| NoRoom)?;
    block.info = FREE;
    Ok(block)
}

/// All blocks.
pub(crate) struct Blocks {
    /// By their numbers; `None`: there is no such block now.
    blocks: Vec<Option<Box<Block>>>,
    /// How many there are.
    held: u32,
    /// The first free one.
    first: u32,
    /// How many are free.
    free: u32,
}

const THERE: &str = "an address leads to a block that is there";

impl Blocks {
    pub(crate) const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            held: 0,
            first: NONE,
            free: 0,
        }
    }

    /// Bytes of all blocks and of what is kept about them.
    pub(crate) fn bytes(&self) -> u64 {
        let list = self.blocks.capacity() * size_of::<Option<Box<Block>>>();
        u64::from(self.held) * BLOCK_SIZE + list as u64
    }

    /// How many there are, free or not.
    pub(crate) const fn held(&self) -> u32 {
        self.held
    }

    /// How many are free.
    pub(crate) const fn free(&self) -> u32 {
        self.free
    }

    /// The words of an address and those behind it, to the end of its block.
    #[inline(always)]
    pub(crate) fn words(&self, address: u32) -> &[u32] {
        let block = self.block(address / BLOCK_WORDS as u32);
        &block.words[address as usize % BLOCK_WORDS..]
    }

    #[inline(always)]
    pub(crate) fn words_mut(&mut self, address: u32) -> &mut [u32] {
        let block = self.block_mut(address / BLOCK_WORDS as u32);
        &mut block.words[address as usize % BLOCK_WORDS..]
    }

    pub(crate) fn info(&self, block: u32) -> &Info {
        &self.block(block).info
    }

    pub(crate) fn info_mut(&mut self, block: u32) -> &mut Info {
        &mut self.block_mut(block).info
    }

    #[inline(always)]
    fn block(&self, number: u32) -> &Block {
        debug_assert!(self.is_held(number), "{THERE}");
        slot::held::<Box<Block>>(&self.blocks, number)
    }

    #[inline(always)]
    fn block_mut(&mut self, number: u32) -> &mut Block {
        debug_assert!(self.is_held(number), "{THERE}");
        slot::held_mut::<Box<Block>>(&mut self.blocks, number)
    }

    /// How many blocks are worth adding at a time: few for a map that is small.
    pub(crate) const fn worth_adding(&self) -> u32 {
        let some = self.held / 8 + 1;
        if some < MOST_ADDED as u32 {
            some
        } else {
            MOST_ADDED as u32
        }
    }

    /// The bytes that one block more takes, with a place for it.
    pub(crate) fn growth(&self) -> u64 {
        let (len, capacity) = (self.blocks.len(), self.blocks.capacity());
        let vacant = (self.held as usize) < len || len < capacity;
        let places = if vacant { 0 } else { capacity.max(4) };
        BLOCK_SIZE + (places * size_of::<Option<Box<Block>>>()) as u64
    }

    /// Adds a block.
    pub(crate) fn grow(&mut self) -> Result<(), NoRoom> {
        let mut number = self.blocks.len();
        if (self.held as usize) < number
            && let Some(vacant) = self.blocks.iter().position(Option::is_none)
        {
            number = vacant;
        }
        if number >= MAX_BLOCKS {
            return Err(NoRoom);
        }
        let block = new_block()?;
        if number < self.blocks.len() {
            self.blocks[number] = Some(block);
        } else {
            if self.blocks.len() == self.blocks.capacity() {
                let more = self.blocks.capacity().max(4);
                self.blocks.try_reserve_exact(more)?;
            }
            self.blocks.push(Some(block));
        }
        self.held += 1;
        self.link_free(number as u32);
        Ok(())
    }

    /// Takes a free block.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let block = self.first;
        if block == NONE {
            return None;
        }
        self.unlink_free(block);
        Some(block)
    }

    /// Gives a block back.
    pub(crate) fn give(&mut self, block: u32) {
        *self.info_mut(block) = FREE;
        self.link_free(block);
    }

    /// Gives up blocks where many are free.
    #[inline]
    pub(crate) fn trim(&mut self) {
        while self.free > MOST_ADDED as u32 + self.held / 4 {
            self.shrink();
        }
    }

    /// Gives up a block that is free, if there is one.
    pub(crate) fn shrink(&mut self) -> bool {
        let Some(block) = self.take() else {
            return false;
        };
        self.blocks[block as usize] = None;
        self.held -= 1;
        true
    }

    fn link_free(&mut self, block: u32) {
        let mut first = self.first;
        self.link(&mut first, block);
        self.first = first;
        self.free += 1;
    }

    fn unlink_free(&mut self, block: u32) {
        let mut first = self.first;
        self.unlink(&mut first, block);
        self.first = first;
        self.free -= 1;
    }

    /// Puts a block in front of the list that begins with `first`.
    pub(crate) fn link(&mut self, first: &mut u32, block: u32) {
        if *first != NONE {
            self.info_mut(*first).prev = block;
        }
        let info = self.info_mut(block);
        (info.prev, info.next) = (NONE, *first);
        *first = block;
    }

    /// Takes a block out of the list that begins with `first`.
    pub(crate) fn unlink(&mut self, first: &mut u32, block: u32) {
        let Info { prev, next, .. } = *self.info(block);
        match prev {
            NONE => *first = next,
            prev => self.info_mut(prev).next = next,
        }
        if next != NONE {
            self.info_mut(next).prev = prev;
        }
    }

    /// The numbers of all blocks that there are.
    #[cfg(any(test, feature = "validate"))]
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        let there = self.blocks.iter().enumerate();
        there
            .filter(|(_, block)| block.is_some())
            .map(|(at, _)| at as u32)
    }

    /// A number that is above those of all blocks.
    pub(crate) fn end(&self) -> u32 {
        self.blocks.len() as u32
    }

    pub(crate) fn is_held(&self, block: u32) -> bool {
        matches!(self.blocks.get(block as usize), Some(Some(_)))
    }
}
