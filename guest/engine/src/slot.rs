//! Access to the slot of an entry on the hot paths, which read it once and check nothing twice.
//! Most of the unsafe code of the engine is here.
//!
//! A slot in use begins with the [`Header`] of its entry. After the header there are at least 8
//! bytes, and all the data that the header describes: the key, and the value or, if the value has
//! parts, the rest of it. [`Slot`] and [`SlotMut`] always refer to such a slot. Code that creates
//! one must guarantee this, as [`Arena::slot`](crate::arena::Arena::slot) requires, or have it
//! checked by [`Slot::new`].

#![expect(
    unsafe_code,
    reason = "checked code would read an entry twice, and wait for each load in turn"
)]

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::copy::copy;
use crate::entry::{Header, HeaderMut};
use crate::key::{KeyProbe, middle_eq};
use crate::layout::{EntryLayout, HEADER_WORDS, NEXT_LINE};

/// The slot of an entry.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    header: NonNull<Header>,
    words: PhantomData<&'a [u32]>,
}

/// The slot of an entry, borrowed mutably.
pub(crate) struct SlotMut<'a> {
    header: NonNull<Header>,
    words: PhantomData<&'a mut [u32]>,
}

/// The previous location of the slot of an entry. It has no lifetime, so it may only be used if
/// the entry is known to still exist.
#[derive(Clone, Copy)]
pub(crate) struct RawSlot(NonNull<Header>);

// SAFETY: it can do only what a reference to plain words can do.
unsafe impl Send for Slot<'_> {}
// SAFETY: as above.
unsafe impl Sync for Slot<'_> {}

impl<'a> Slot<'a> {
    /// Creates a slot from `words`, which are those of a block from the start of the slot on.
    /// Panics unless they contain everything that their header describes.
    pub(crate) fn new(words: &'a [u32]) -> Self {
        let whole = |header: &Header| {
            let layout = EntryLayout::new(header.key_len(), header.value_len());
            layout.class.words() <= words.len() && layout.has_parts() == header.has_parts()
        };
        let header = words.first_chunk::<HEADER_WORDS>();
        let header: Option<&Header> = header.map(bytemuck::must_cast_ref);
        assert!(header.is_some_and(whole), "no entry at this address");
        // SAFETY: this has just been checked. The smallest slot has 8 bytes after the header.
        unsafe { Self::new_unchecked(NonNull::from_ref(words).cast()) }
    }

    /// Creates a slot from a pointer to its first word.
    ///
    /// # Safety
    ///
    /// The slot must begin with the header of an entry, followed by at least 8 bytes and by
    /// everything that it describes. The pointer must be valid for all of it, and the slot must be
    /// borrowed for `'a`.
    #[inline(always)]
    pub(crate) const unsafe fn new_unchecked(pointer: NonNull<u32>) -> Self {
        Self {
            // A header has the alignment of words.
            header: pointer.cast(),
            words: PhantomData,
        }
    }

    /// Returns the header.
    #[inline(always)]
    pub(crate) const fn header(self) -> &'a Header {
        // SAFETY: a slot begins with a header, which is borrowed for `'a`.
        unsafe { self.header.as_ref() }
    }

    /// Returns a pointer to the key.
    #[inline(always)]
    const fn bytes(self) -> *const u8 {
        // SAFETY: the slot continues after the header.
        unsafe { self.header.add(1).as_ptr().cast() }
    }

    /// Returns `true` if the entry has this key.
    #[inline(always)]
    pub(crate) fn has_key(self, probe: &KeyProbe<'_>) -> bool {
        let len = probe.key.len();
        if self.header().key_len() != len {
            return false;
        }
        let key = self.bytes();
        // SAFETY: there are at least 8 bytes after the header.
        let first = u64::from_le_bytes(unsafe { *key.cast::<[u8; 8]>() }) ^ probe.first;
        if len < 8 {
            return first & probe.short_mask() == 0;
        }
        // SAFETY: the key has at least 8 bytes, and these are the last ones.
        let last = u64::from_le_bytes(unsafe { *key.add(len - 8).cast::<[u8; 8]>() }) ^ probe.last;
        first | last == 0 && (len <= 16 || middle_eq(self.key(), probe.key))
    }

    /// Returns the key.
    #[inline]
    pub(crate) const fn key(self) -> &'a [u8] {
        let len = self.header().key_len();
        // SAFETY: the key is stored after the header, and is borrowed for `'a`.
        unsafe { core::slice::from_raw_parts(self.bytes(), len) }
    }

    /// Returns the value, or `None` if it has parts.
    #[inline(always)]
    pub(crate) const fn value(self) -> Option<&'a [u8]> {
        let header = self.header();
        if header.has_parts() {
            return None;
        }
        // SAFETY: a value without parts is stored after its key, and is borrowed for `'a`.
        Some(unsafe {
            let start = self.bytes().add(header.key_len());
            core::slice::from_raw_parts(start, header.value_len())
        })
    }

    /// Returns `true` if [`SlotMut::write_over`] overwrites the value.
    #[inline(always)]
    pub(crate) const fn takes(self, value: &[u8]) -> bool {
        let header = self.header();
        header.is_plain() && header.value_len() == value.len()
    }

    /// Returns the value if it is 8 bytes long.
    #[inline]
    pub(crate) fn counter(self) -> Option<[u8; 8]> {
        self.value()?.try_into().ok()
    }

    /// Returns, for a value with parts, the word with the address of the first part, the total
    /// number of bytes in the parts, and the bytes that follow them.
    #[inline(never)]
    pub(crate) fn parts(self) -> (u32, usize, &'a [u8]) {
        let header = self.header();
        let layout = EntryLayout::new(header.key_len(), header.value_len());
        let tail = layout.tail as usize;
        // SAFETY: the slot of an entry with this layout has that word, and the end of its value
        // after its key, borrowed for `'a`.
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
    /// Creates a slot from a pointer to its first word.
    ///
    /// # Safety
    ///
    /// As for [`Slot::new_unchecked`], but the slot must be borrowed mutably.
    #[inline(always)]
    pub(crate) const unsafe fn new_unchecked(pointer: NonNull<u32>) -> Self {
        Self {
            header: pointer.cast(),
            words: PhantomData,
        }
    }

    /// Borrows the slot immutably.
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
        // SAFETY: a slot begins with a header, which is borrowed only here.
        HeaderMut::new(unsafe { self.header.as_mut() })
    }

    /// Overwrites a value of the same length, if the old value is stored in one piece and is not
    /// pinned. Otherwise returns `false`.
    #[inline(always)]
    pub(crate) fn write_over(&mut self, value: &[u8]) -> bool {
        if !self.as_slot().takes(value) {
            return false;
        }
        let start = self.as_slot().header().key_len();
        // SAFETY: a value without parts is stored after its key, and is borrowed only here.
        let there = unsafe {
            let there = self.as_slot().bytes().cast_mut().add(start);
            core::slice::from_raw_parts_mut(there, value.len())
        };
        copy(there, value);
        true
    }

    /// Ends the borrow, and returns the location of the slot.
    #[inline(always)]
    pub(crate) const fn into_raw(self) -> RawSlot {
        RawSlot(self.header)
    }
}

impl RawSlot {
    /// Reborrows the slot for as long as `owner` is borrowed.
    ///
    /// # Safety
    ///
    /// `owner` must own the memory of the slot, and the entry must still exist.
    #[inline(always)]
    pub(crate) const unsafe fn borrow<T>(self, owner: &T) -> Slot<'_> {
        let _ = owner;
        Slot {
            header: self.0,
            words: PhantomData,
        }
    }

    /// Reborrows the slot mutably for as long as `owner` is borrowed.
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

/// Prefetches the data behind a reference.
#[inline(always)]
pub(crate) fn preload<T: Copy>(to: &T) {
    // SAFETY: a reference is valid for reads.
    let _ = unsafe { core::ptr::from_ref(to).read_volatile() };
}

/// Prefetches the second cache line of a slot.
///
/// # Safety
///
/// The pointer must be valid for reads of this line's first word, which need not be initialized.
#[inline(always)]
pub(crate) unsafe fn preload_next_line(slot: NonNull<u32>) {
    // SAFETY: guaranteed by the caller.
    let _ = unsafe {
        slot.cast::<MaybeUninit<u32>>()
            .add(NEXT_LINE)
            .read_volatile()
    };
}
