//! Addresses of slots and entries, and identifiers of blocks and pins.
//!
//! Each has its own type, so that they cannot be confused, and none is ever 0, so that an `Option`
//! of one takes no more space than a number.

#![expect(
    unsafe_code,
    reason = "`Option`s of these types are stored in memory that consists of words"
)]

use core::num::NonZeroU32;
#[cfg(target_pointer_width = "32")]
use core::ptr::NonNull;

use bytemuck::{PodInOption, ZeroableInOption};

use crate::layout::BLOCK_WORDS;

/// The identifier of a block. Blocks are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct BlockId(NonZeroU32);

/// The address of a slot: the number of its block, and its first word in that block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct SlotAddr(NonZeroU32);

/// The address of an entry: of the slot that begins with its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct EntryAddr(NonZeroU32);

/// A reference to the slot of an entry, as the index stores it. Where pointers have 32 bits, as in
/// wasm32, it is a pointer, so that a lookup need not find the block first. Elsewhere it is the
/// address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct EntryRef(NonZeroU32);

/// The identifier of a place in the list of pins. Places are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct PinAddr(NonZeroU32);

impl BlockId {
    /// Returns the identifier of the block at `index`.
    pub(crate) const fn at(index: usize) -> Self {
        Self(numbered(index as u32 + 1))
    }

    /// Returns the index of the block.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// Returns the address of the slot that begins at a given word of the block.
    #[inline]
    pub(crate) const fn slot(self, word: usize) -> SlotAddr {
        SlotAddr(numbered(self.0.get() * BLOCK_WORDS as u32 + word as u32))
    }
}

impl SlotAddr {
    /// Converts a word from [`to_word`](Self::to_word) back to an address.
    #[inline]
    pub(crate) const fn from_word(word: u32) -> Option<Self> {
        match NonZeroU32::new(word) {
            Some(address) => Some(Self(address)),
            None => None,
        }
    }

    /// Returns the address, or `None`, as a word.
    #[inline]
    pub(crate) const fn to_word(address: Option<Self>) -> u32 {
        match address {
            Some(address) => address.0.get(),
            None => 0,
        }
    }

    /// Returns the block that contains the slot.
    #[inline]
    pub(crate) const fn block(self) -> BlockId {
        BlockId(numbered(self.0.get() / BLOCK_WORDS as u32))
    }

    /// Returns the index of the block that contains the slot.
    #[inline(always)]
    pub(crate) const fn block_index(self) -> usize {
        (self.0.get() as usize / BLOCK_WORDS).wrapping_sub(1)
    }

    /// Returns the first word of the slot in its block.
    #[inline(always)]
    pub(crate) const fn word(self) -> usize {
        self.0.get() as usize % BLOCK_WORDS
    }

    /// Converts the address of a slot to that of the entry in it.
    #[inline(always)]
    pub(crate) const fn entry(self) -> EntryAddr {
        EntryAddr(self.0)
    }
}

impl EntryAddr {
    /// Returns the slot that begins with the header of the entry.
    #[inline(always)]
    pub(crate) const fn slot(self) -> SlotAddr {
        SlotAddr(self.0)
    }

    /// Converts a word from [`to_word`](Self::to_word) back to an address.
    #[inline]
    pub(crate) const fn from_word(word: u32) -> Option<Self> {
        match NonZeroU32::new(word) {
            Some(address) => Some(Self(address)),
            None => None,
        }
    }

    /// Returns the address as a word. It is not 0, and its highest bit is not set.
    #[inline(always)]
    pub(crate) const fn to_word(self) -> u32 {
        self.0.get()
    }
}

#[cfg(target_pointer_width = "32")]
impl EntryRef {
    /// Wraps a pointer.
    #[inline(always)]
    pub(crate) fn of_pointer(pointer: NonNull<u32>) -> Self {
        Self(numbered(pointer.as_ptr().expose_provenance() as u32))
    }

    /// Returns the pointer.
    #[inline(always)]
    pub(crate) fn pointer(self) -> NonNull<u32> {
        let pointer = core::ptr::with_exposed_provenance_mut(self.0.get() as usize);
        // SAFETY: a number that is not 0.
        unsafe { NonNull::new_unchecked(pointer) }
    }
}

#[cfg(not(target_pointer_width = "32"))]
impl EntryRef {
    /// Wraps an address.
    #[inline(always)]
    pub(crate) const fn of_address(entry: EntryAddr) -> Self {
        Self(entry.0)
    }

    /// Returns the address.
    #[inline(always)]
    pub(crate) const fn address(self) -> EntryAddr {
        EntryAddr(self.0)
    }
}

#[cfg(test)]
impl EntryRef {
    /// Creates a reference that leads nowhere.
    pub(crate) const fn numbered(number: u32) -> Self {
        Self(numbered(number))
    }
}

impl PinAddr {
    /// Returns the identifier of the place at `index`.
    pub(crate) const fn at(index: usize) -> Self {
        Self(numbered(index as u32 + 1))
    }

    /// Returns the index of the place.
    pub(crate) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Converts a number that is not 0 if all addresses are valid.
const fn numbered(number: u32) -> NonZeroU32 {
    debug_assert!(number > 0);
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

// SAFETY: each type consists of a single `NonZeroU32`, for which this holds: if all bits are 0 it
// is `None`, otherwise it is `Some`.
unsafe impl ZeroableInOption for BlockId {}
// SAFETY: as above.
unsafe impl PodInOption for BlockId {}
// SAFETY: as above.
unsafe impl ZeroableInOption for EntryAddr {}
// SAFETY: as above.
unsafe impl PodInOption for EntryAddr {}
// SAFETY: as above.
unsafe impl ZeroableInOption for PinAddr {}
// SAFETY: as above.
unsafe impl PodInOption for PinAddr {}
