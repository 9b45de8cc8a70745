//! The ownership of a block on the heap.

#![expect(unsafe_code, reason = "it owns its block as a `Box` would")]

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::Block;
use crate::address::SlotAddr;

/// A block on the heap.
///
/// It is not a `Box`, because pointers to its slots stay valid while it is moved, or borrowed and
/// given back, which those of a `Box` do not.
pub(super) struct OwnedBlock(NonNull<Block>);

// SAFETY: it owns the block, which consists of numbers.
unsafe impl Send for OwnedBlock {}
// SAFETY: as above.
unsafe impl Sync for OwnedBlock {}

impl OwnedBlock {
    pub(super) fn new(block: Box<Block>) -> Self {
        Self(NonNull::from(Box::leak(block)))
    }

    /// Returns a pointer to a slot, which is valid for all of the block.
    #[inline(always)]
    pub(super) const fn slot(&self, slot: SlotAddr) -> NonNull<u32> {
        // SAFETY: the words are at the start of a block, and the number of one is below
        // `BLOCK_WORDS`.
        unsafe { self.0.cast::<u32>().add(slot.word()) }
    }
}

impl Deref for OwnedBlock {
    type Target = Block;

    #[inline(always)]
    fn deref(&self) -> &Block {
        // SAFETY: the block exists until `drop`, and is borrowed with `self`.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for OwnedBlock {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Block {
        // SAFETY: as above.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for OwnedBlock {
    fn drop(&mut self) {
        // SAFETY: it comes from a `Box`, and is dropped only once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
