//! The memory of a map: pages of 64 KiB, each of 16 blocks, and which blocks are free.
//! Pages never move, so that no write stalls on a copy of what is there.

use alloc::vec::Vec;

use crate::error::NoRoom;
use crate::layout::{BLOCK_BYTES, BLOCK_WORDS};

/// No block, no slot, no entry.
pub(crate) const NONE: u32 = u32::MAX;

/// Blocks of a page.
const PAGE_BLOCKS: usize = 16;

/// Bytes of a page: what the memory of a component grows by.
pub(crate) const PAGE_BYTES: u64 = PAGE_BLOCKS as u64 * BLOCK_BYTES;

/// The most pages: what an address of 30 bits reaches, 4 GiB.
const MAX_PAGES: usize = 1 << 16;

type Block = [u32; BLOCK_WORDS];

/// What is known of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Info {
    /// Its neighbours in the list that it is in, of free blocks or of those of a class
    /// that have a free slot.
    pub(crate) prev: u32,
    pub(crate) next: u32,
    /// The class of its slots; `None`: it is free.
    pub(crate) class: Option<crate::layout::Class>,
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

/// No slot in a block.
pub(crate) const NO_SLOT: u16 = u16::MAX;

const FREE: Info = Info {
    prev: NONE,
    next: NONE,
    class: None,
    used: 0,
    carved: 0,
    free: NO_SLOT,
    given: 0,
    marked: false,
};

struct Page {
    /// Those that have been in use so far: memory is touched when it is needed. Empty:
    /// there is no such page now.
    blocks: Vec<Block>,
    infos: Vec<Info>,
    /// Blocks that are in use.
    used: u8,
}

/// All pages.
pub(crate) struct Pages {
    pages: Vec<Page>,
    /// How many of them there are now.
    held: usize,
    /// How many of those have no block in use.
    empty: usize,
    /// The first free block.
    free: u32,
    free_blocks: u32,
    /// How many have asked to keep pages that become empty for now.
    keep: u32,
}

impl Pages {
    pub(crate) const fn new() -> Self {
        Self {
            pages: Vec::new(),
            held: 0,
            empty: 0,
            free: NONE,
            free_blocks: 0,
            keep: 0,
        }
    }

    /// Keeps pages that become empty, as room that has been promised; or gives up those
    /// that are too many now.
    pub(crate) fn keep(&mut self, keep: bool) {
        if keep {
            self.keep += 1;
            return;
        }
        self.keep -= 1;
        while self.keep == 0 && self.empty > 1 && self.shrink() {}
    }

    /// Bytes of all pages and of what is kept about them.
    pub(crate) fn bytes(&self) -> u64 {
        let page = PAGE_BYTES + (PAGE_BLOCKS * size_of::<Info>()) as u64;
        self.held as u64 * page + (self.pages.capacity() * size_of::<Page>()) as u64
    }

    pub(crate) const fn free_blocks(&self) -> u32 {
        self.free_blocks
    }

    /// Blocks, free or not.
    pub(crate) const fn blocks(&self) -> u64 {
        (self.held * PAGE_BLOCKS) as u64
    }

    /// The words of an address and those behind it, to the end of its block.
    #[inline]
    pub(crate) fn words(&self, address: u32) -> &[u32] {
        let block = address as usize / BLOCK_WORDS;
        let page = &self.pages[block / PAGE_BLOCKS];
        &page.blocks[block % PAGE_BLOCKS][address as usize % BLOCK_WORDS..]
    }

    #[inline]
    pub(crate) fn words_mut(&mut self, address: u32) -> &mut [u32] {
        let block = address as usize / BLOCK_WORDS;
        let page = &mut self.pages[block / PAGE_BLOCKS];
        &mut page.blocks[block % PAGE_BLOCKS][address as usize % BLOCK_WORDS..]
    }

    pub(crate) fn info(&self, block: u32) -> &Info {
        &self.pages[block as usize / PAGE_BLOCKS].infos[block as usize % PAGE_BLOCKS]
    }

    pub(crate) fn info_mut(&mut self, block: u32) -> &mut Info {
        &mut self.pages[block as usize / PAGE_BLOCKS].infos[block as usize % PAGE_BLOCKS]
    }

    /// Adds a page.
    pub(crate) fn grow(&mut self) -> Result<(), NoRoom> {
        let mut number = self.pages.len();
        if self.held < number
            && let Some(vacant) = self.pages.iter().position(|page| page.infos.is_empty())
        {
            number = vacant;
        }
        if number >= MAX_PAGES {
            return Err(NoRoom);
        }
        let (mut blocks, mut infos) = (Vec::new(), Vec::new());
        infos.try_reserve_exact(PAGE_BLOCKS)?;
        blocks.try_reserve_exact(PAGE_BLOCKS)?;
        infos.resize(PAGE_BLOCKS, FREE);
        let page = Page {
            blocks,
            infos,
            used: 0,
        };
        match self.pages.get_mut(number) {
            Some(vacant) => *vacant = page,
            None => {
                self.pages.try_reserve(1)?;
                self.pages.push(page);
            }
        }
        self.held += 1;
        self.empty += 1;
        // The first block last, so that blocks are touched in their order.
        for block in (0..PAGE_BLOCKS).rev() {
            self.link_free((number * PAGE_BLOCKS + block) as u32);
        }
        Ok(())
    }

    /// Takes a free block.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let block = self.free;
        if block == NONE {
            return None;
        }
        self.unlink_free(block);
        let page = &mut self.pages[block as usize / PAGE_BLOCKS];
        // The blocks before have been taken before.
        if page.blocks.len() <= block as usize % PAGE_BLOCKS {
            page.blocks.push([0; BLOCK_WORDS]);
        }
        if page.used == 0 {
            self.empty -= 1;
        }
        page.used += 1;
        Some(block)
    }

    /// Gives a block back. Of pages that are empty then, one is kept.
    pub(crate) fn give(&mut self, block: u32) {
        *self.info_mut(block) = FREE;
        self.link_free(block);
        let number = block as usize / PAGE_BLOCKS;
        self.pages[number].used -= 1;
        if self.pages[number].used > 0 {
            return;
        }
        self.empty += 1;
        if self.empty > 1 && self.keep == 0 {
            self.release(number);
        }
    }

    /// Gives up a page that is empty, if there is one.
    pub(crate) fn shrink(&mut self) -> bool {
        let empty = |page: &Page| page.used == 0 && !page.infos.is_empty();
        if self.empty > 0
            && let Some(number) = self.pages.iter().position(empty)
        {
            self.release(number);
            return true;
        }
        false
    }

    fn release(&mut self, number: usize) {
        for block in 0..PAGE_BLOCKS {
            self.unlink_free((number * PAGE_BLOCKS + block) as u32);
        }
        let page = &mut self.pages[number];
        (page.blocks, page.infos) = (Vec::new(), Vec::new());
        self.held -= 1;
        self.empty -= 1;
    }

    fn link_free(&mut self, block: u32) {
        let mut first = self.free;
        self.link(&mut first, block);
        self.free = first;
        self.free_blocks += 1;
    }

    fn unlink_free(&mut self, block: u32) {
        let mut first = self.free;
        self.unlink(&mut first, block);
        self.free = first;
        self.free_blocks -= 1;
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

    /// The numbers of all blocks, also of pages that are not there now.
    pub(crate) fn numbers(&self) -> core::ops::Range<u32> {
        0..(self.pages.len() * PAGE_BLOCKS) as u32
    }

    /// Whether there is such a page now.
    pub(crate) fn is_held(&self, block: u32) -> bool {
        !self.pages[block as usize / PAGE_BLOCKS].infos.is_empty()
    }
}
