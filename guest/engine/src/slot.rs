//! Slots of entries as a read meets them: it goes there once, and checks nothing twice on
//! its way. The only unsafe code of the engine.
//!
//! It stands on what the arena sees to, and `Map::validate` checks:
//!
//! 1. The address of an entry that is there leads to a slot in use, in a block that is
//!    held, and a slot lies wholly in its block.
//! 2. A slot in use begins with the [`Header`] of its entry, and has behind it at least
//!    8 bytes and all that the header tells of: the key, and the value or what is left of
//!    it beside its parts.
//! 3. Blocks never move, and are given up only when they are free.
//!
//! Nothing in the map is changed while there is a [`Slot`], which borrows the arena. A
//! [`SlotMut`] is not kept any longer than the arena is left alone.

#![expect(
    unsafe_code,
    reason = "a read would go to its entry twice, and wait for each load in turn"
)]

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use hashbrown::HashTable;

use crate::arena::Arena;
use crate::entry::{Header, Wanted, copy, same_within};
use crate::layout::Layout;

/// The word of a slot that lies in the next line of a cache.
const NEXT_LINE: usize = 16;

/// An entry that is there, where it lies.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    header: NonNull<Header>,
    arena: PhantomData<&'a Header>,
}

/// The same, to be changed.
pub(crate) struct SlotMut(Slot<'static>);

// SAFETY: it does what a reference to plain words does.
unsafe impl Send for Slot<'_> {}
// SAFETY: as above.
unsafe impl Sync for Slot<'_> {}

impl<'a> Slot<'a> {
    /// `words`: those of the block from the slot on.
    #[inline(always)]
    pub(crate) const fn new(words: &'a [u32]) -> Self {
        Self {
            // Reaches as far as `words`. A header is aligned as words are.
            header: NonNull::from_ref(words).cast(),
            arena: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) const fn header(self) -> &'a Header {
        // SAFETY: 2.
        unsafe { self.header.as_ref() }
    }

    /// Where the key begins.
    #[inline(always)]
    const fn key(self) -> *const u8 {
        // SAFETY: 2: there is more of the slot behind the header.
        unsafe { self.header.add(1).as_ptr().cast() }
    }

    /// Whether the entry has this key.
    #[inline(always)]
    pub(crate) fn has_key(self, wanted: &Wanted<'_>) -> bool {
        let key = self.key();
        if usize::from(self.header().key_len) != wanted.key.len() {
            return false;
        }
        // SAFETY: 2: the first 8 bytes behind the header, and the last 8 of a key that
        // has as many; `end` is 0 for one that is shorter.
        let (first, last) = unsafe {
            let last = key.add(wanted.end).cast::<[u8; 8]>();
            (*key.cast::<[u8; 8]>(), *last)
        };
        let differ = u64::from_le_bytes(first) ^ wanted.first;
        let differ = differ | u64::from_le_bytes(last) ^ wanted.last;
        // SAFETY: 2: the key.
        let all = || unsafe { core::slice::from_raw_parts(key, wanted.key.len()) };
        differ & wanted.mask == 0 && (wanted.key.len() <= 16 || same_within(all(), wanted.key))
    }

    /// The value, if it has no parts.
    #[inline(always)]
    pub(crate) const fn value(self) -> Option<&'a [u8]> {
        let header = self.header();
        if header.has(Header::PARTS) {
            return None;
        }
        let (start, len) = (header.key_len as usize, header.value_len as usize);
        // SAFETY: 2.
        Some(unsafe { core::slice::from_raw_parts(self.key().add(start), len) })
    }

    /// Of a value that has parts: where the first one is, how many bytes lie in all of
    /// them, and what lies behind them.
    #[inline(never)]
    pub(crate) fn parts(self) -> (u32, usize, &'a [u8]) {
        let header = self.header();
        let (start, len) = (header.key_len as usize, header.value_len as usize);
        let layout = Layout::new(start, len);
        let tail = layout.tail as usize;
        // SAFETY: 2, and an entry of this layout leads to its parts from that word.
        unsafe {
            let words = self.key().cast::<u32>();
            let first = *words.add(layout.class.parts_word());
            let tail = core::slice::from_raw_parts(self.key().add(start), tail);
            (first, len - tail.len(), tail)
        }
    }
}

impl SlotMut {
    /// Begins to load the value, too, while the header is still on its way.
    #[inline(always)]
    pub(crate) fn new(words: &mut [u32]) -> Self {
        if let Some(word) = words.get(NEXT_LINE) {
            // SAFETY: a reference is good to read.
            let _ = unsafe { core::ptr::from_ref(word).read_volatile() };
        }
        Self(Slot {
            header: NonNull::from_mut(words).cast(),
            arena: PhantomData,
        })
    }

    #[inline(always)]
    pub(crate) fn has_key(&self, wanted: &Wanted<'_>) -> bool {
        self.0.has_key(wanted)
    }

    #[inline(always)]
    pub(crate) const fn header_mut(&mut self) -> &mut Header {
        // SAFETY: 2, and there is no other way to the header while this one is used.
        unsafe { self.0.header.as_mut() }
    }

    /// Writes a value over one of the same length, where that lies in one piece and no pin
    /// holds it. False: it is not so.
    #[inline(always)]
    pub(crate) fn write_over(&mut self, value: &[u8]) -> bool {
        let header = self.header_mut();
        let special = header.has(Header::PARTS | Header::PINNED);
        if special || header.value_len as usize != value.len() {
            return false;
        }
        let start = usize::from(header.key_len);
        // SAFETY: 2, and there is no other way to the value while this one is used.
        let there = unsafe {
            let there = self.0.key().cast_mut().add(start);
            core::slice::from_raw_parts_mut(there, value.len())
        };
        copy(there, value);
        true
    }

    /// To be looked at, for as long as the arena is.
    #[inline(always)]
    pub(crate) const fn share(self, _: &Arena) -> Slot<'_> {
        self.0
    }
}

/// A block that is held.
#[inline(always)]
pub(crate) fn held<B>(blocks: &[Option<B>], number: u32) -> &B {
    // SAFETY: 1.
    unsafe {
        let block = blocks.get_unchecked(number as usize);
        block.as_ref().unwrap_unchecked()
    }
}

/// A block that is held.
#[inline(always)]
pub(crate) fn held_mut<B>(blocks: &mut [Option<B>], number: u32) -> &mut B {
    // SAFETY: 1.
    unsafe {
        let block = blocks.get_unchecked_mut(number as usize);
        block.as_mut().unwrap_unchecked()
    }
}

/// Begins to load the address that a table most likely has for a hash, while the tags which
/// tell that are still on their way.
#[inline(always)]
pub(crate) fn touch_bucket(table: &HashTable<u32>, hash: u32) {
    let buckets = table.num_buckets();
    if buckets > 1 {
        // SAFETY: the number of buckets is a power of two, so that there is one with this
        // number; what is in it, if anything, is not looked at.
        unsafe {
            let bucket: *const u32 = table.get_bucket_unchecked(hash as usize & (buckets - 1));
            let _ = bucket.cast::<MaybeUninit<u32>>().read_volatile();
        }
    }
}
