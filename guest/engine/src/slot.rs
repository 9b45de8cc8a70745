//! The slot of an entry as the hot paths meet it: they go there once, and check nothing twice
//! on their way. Most of the unsafe code of the engine is here.
//!
//! A slot that is in use begins with the [`Header`] of its entry. Behind it lie at least 8 bytes
//! and all that the header describes: the key, and the value or what is left of it beside its
//! parts. [`Slot`] and [`SlotMut`] are slots of which this holds. Code that makes one vouches for
//! it, as [`Arena::slot`](crate::arena::Arena::slot) asks for, or has it checked by
//! [`Slot::new`].

#![expect(
    unsafe_code,
    reason = "a read would go to its entry twice, and wait for each load in turn"
)]

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::copy::copy;
use crate::entry::{Header, HeaderMut};
use crate::key::{KeyProbe, middle_eq};
use crate::layout::{EntryLayout, HEADER_WORDS};

/// The slot of an entry.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    header: NonNull<Header>,
    words: PhantomData<&'a [u32]>,
}

/// The slot of an entry, to be changed.
pub(crate) struct SlotMut<'a> {
    header: NonNull<Header>,
    words: PhantomData<&'a mut [u32]>,
}

/// Where the slot of an entry was: without a lifetime, and so of use to those alone who know
/// that the entry is still there.
#[derive(Clone, Copy)]
pub(crate) struct RawSlot(NonNull<Header>);

// SAFETY: it does what a reference to plain words does.
unsafe impl Send for Slot<'_> {}
// SAFETY: as above.
unsafe impl Sync for Slot<'_> {}

impl<'a> Slot<'a> {
    /// Checks that `words`, those of a block from the slot on, hold all that their header
    /// describes.
    pub(crate) fn new(words: &'a [u32]) -> Self {
        let whole = |header: &Header| {
            let layout = EntryLayout::new(header.key_len(), header.value_len());
            layout.class.words() <= words.len() && layout.has_parts() == header.has_parts()
        };
        let header = words.first_chunk::<HEADER_WORDS>();
        let header: Option<&Header> = header.map(bytemuck::must_cast_ref);
        assert!(header.is_some_and(whole), "no entry lies here");
        // SAFETY: as just checked. The smallest slot has 8 bytes behind the header.
        unsafe { Self::new_unchecked(words) }
    }

    /// Takes `words`, those of a block from the slot on, for the slot of an entry.
    ///
    /// # Safety
    ///
    /// They must begin with the header of an entry, and hold at least 8 bytes behind it and all
    /// that it describes.
    #[inline(always)]
    pub(crate) const unsafe fn new_unchecked(words: &'a [u32]) -> Self {
        Self {
            // Reaches as far as `words`. A header is aligned as words are.
            header: NonNull::from_ref(words).cast(),
            words: PhantomData,
        }
    }

    /// Returns the header.
    #[inline(always)]
    pub(crate) const fn header(self) -> &'a Header {
        // SAFETY: a slot begins with one, and is borrowed for `'a`.
        unsafe { self.header.as_ref() }
    }

    /// Returns where the key begins.
    #[inline(always)]
    const fn bytes(self) -> *const u8 {
        // SAFETY: there is more of the slot behind the header.
        unsafe { self.header.add(1).as_ptr().cast() }
    }

    /// Returns `true` if the entry has this key.
    #[inline(always)]
    pub(crate) fn has_key(self, probe: &KeyProbe<'_>) -> bool {
        let key = self.bytes();
        if self.header().key_len() != probe.key.len() {
            return false;
        }
        // SAFETY: the first 8 bytes behind the header, and the last 8 of a key that has as
        // many; `end` is 0 for a shorter one.
        let (first, last) = unsafe {
            let last = key.add(probe.end).cast::<[u8; 8]>();
            (*key.cast::<[u8; 8]>(), *last)
        };
        let differ = u64::from_le_bytes(first) ^ probe.first;
        let differ = differ | u64::from_le_bytes(last) ^ probe.last;
        differ & probe.mask == 0 && (probe.key.len() <= 16 || middle_eq(self.key(), probe.key))
    }

    /// Returns the key.
    #[inline]
    pub(crate) const fn key(self) -> &'a [u8] {
        let len = self.header().key_len();
        // SAFETY: the key lies behind the header, and is borrowed for `'a`.
        unsafe { core::slice::from_raw_parts(self.bytes(), len) }
    }

    /// Returns the value; `None`: it has parts.
    #[inline(always)]
    pub(crate) const fn value(self) -> Option<&'a [u8]> {
        let header = self.header();
        if header.has_parts() {
            return None;
        }
        // SAFETY: a value without parts lies behind its key, and is borrowed for `'a`.
        Some(unsafe {
            let start = self.bytes().add(header.key_len());
            core::slice::from_raw_parts(start, header.value_len())
        })
    }

    /// Returns the value if it has 8 bytes.
    #[inline]
    pub(crate) fn counter(self) -> Option<[u8; 8]> {
        self.value()?.try_into().ok()
    }

    /// Returns, for a value that has parts, the word that leads to the first one, how many
    /// bytes lie in all of them, and the bytes behind those.
    #[inline(never)]
    pub(crate) fn parts(self) -> (u32, usize, &'a [u8]) {
        let header = self.header();
        let layout = EntryLayout::new(header.key_len(), header.value_len());
        let tail = layout.tail as usize;
        // SAFETY: the slot of an entry of this layout has that word, and the tail of its value
        // behind its key, borrowed for `'a`.
        unsafe {
            let words = self.bytes().cast::<u32>();
            let first = *words.add(layout.class.parts_word());
            let start = self.bytes().add(header.key_len());
            let tail = core::slice::from_raw_parts(start, tail);
            (first, header.value_len() - tail.len(), tail)
        }
    }
}

impl<'a> SlotMut<'a> {
    /// Takes `words`, those of a block from the slot on, for the slot of an entry.
    ///
    /// # Safety
    ///
    /// As for [`Slot::new_unchecked`].
    #[inline(always)]
    pub(crate) const unsafe fn new_unchecked(words: &'a mut [u32]) -> Self {
        Self {
            header: NonNull::from_mut(words).cast(),
            words: PhantomData,
        }
    }

    /// Returns the slot, to be looked at.
    #[inline(always)]
    pub(crate) const fn as_slot(&self) -> Slot<'_> {
        Slot {
            header: self.header,
            words: PhantomData,
        }
    }

    /// Returns the header.
    #[inline(always)]
    pub(crate) const fn header_mut(&mut self) -> HeaderMut<'_> {
        // SAFETY: a slot begins with one, and is borrowed by this alone.
        HeaderMut::new(unsafe { self.header.as_mut() })
    }

    /// Writes a value over one of the same length that lies in one piece and that no pin holds.
    /// Returns `false` if the value there is not like that.
    #[inline(always)]
    pub(crate) fn write_over(&mut self, value: &[u8]) -> bool {
        let header = self.as_slot().header();
        if !header.is_plain() || header.value_len() != value.len() {
            return false;
        }
        let start = header.key_len();
        // SAFETY: a value without parts lies behind its key, and is borrowed by this alone.
        let there = unsafe {
            let there = self.as_slot().bytes().cast_mut().add(start);
            core::slice::from_raw_parts_mut(there, value.len())
        };
        copy(there, value);
        true
    }

    /// Ends the borrow, and keeps where the slot was.
    #[inline(always)]
    pub(crate) const fn into_raw(self) -> RawSlot {
        RawSlot(self.header)
    }
}

impl RawSlot {
    /// Borrows the slot again, for as long as `owner` is borrowed.
    ///
    /// # Safety
    ///
    /// `owner` must own the memory of the slot, and its entry must still be there.
    #[inline(always)]
    pub(crate) const unsafe fn borrow<T>(self, owner: &T) -> Slot<'_> {
        let _ = owner;
        Slot {
            header: self.0,
            words: PhantomData,
        }
    }

    /// Borrows the slot again, to be changed, for as long as `owner` is borrowed.
    ///
    /// # Safety
    ///
    /// As for [`borrow`](Self::borrow).
    #[inline(always)]
    pub(crate) const unsafe fn borrow_mut<T>(self, owner: &mut T) -> SlotMut<'_> {
        let _ = owner;
        SlotMut {
            header: self.0,
            words: PhantomData,
        }
    }
}

/// Begins to load what a reference leads to.
#[inline(always)]
pub(crate) fn preload<T: Copy>(to: &T) {
    // SAFETY: a reference is good to read.
    let _ = unsafe { core::ptr::from_ref(to).read_volatile() };
}
