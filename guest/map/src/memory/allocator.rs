//! The global allocator, and `cabi_realloc`: the heap and the scratch together.

use super::{heap, scratch};
use alloc::alloc::{GlobalAlloc, Layout, alloc};
use alloc::vec::Vec;
use core::ptr;
use localmap_abi::{Instance, ParameterMemory, export_cabi_realloc};

/// The heap, and the scratch when that has no more memory.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

// SAFETY: each block comes from the heap or from the scratch, for its layout, and goes back
// to where it came from. Without memory the answer is null.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller vouches for the layout.
        let block = unsafe { heap::alloc(layout) };
        if block.is_null() {
            return scratch::take_instead(layout);
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller vouches for the layout.
        let block = unsafe { heap::alloc_zeroed(layout) };
        if !block.is_null() {
            return block;
        }
        let block = scratch::take_instead(layout);
        if !block.is_null() {
            // SAFETY: the block has `layout.size()` bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !scratch::put(block, layout.size()) {
            // SAFETY: the caller vouches for both, and the block is not of the scratch.
            unsafe { heap::dealloc(block, layout) };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        match scratch::resize(block, layout.size(), new_size) {
            Some(true) => return block,
            Some(false) => {}
            None => {
                // SAFETY: the caller vouches for all three. A block that cannot be moved
                // stays as it was.
                let moved = unsafe { heap::realloc(block, layout, new_size) };
                if !moved.is_null() {
                    return moved;
                }
            }
        }
        // SAFETY: the caller vouches for the size.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: the caller guarantees that the size is not zero.
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            // SAFETY: both blocks have that many bytes and do not overlap.
            unsafe { ptr::copy_nonoverlapping(block, new, layout.size().min(new_size)) };
            // SAFETY: the caller vouches for both.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

/// The scratch, and the allocator when a call is larger than that.
struct Parameters;

// SAFETY: the allocator takes back blocks of the scratch, too.
unsafe impl ParameterMemory for Parameters {
    #[inline]
    unsafe fn allocate(layout: Layout) -> *mut u8 {
        match scratch::take(layout) {
            Some(block) => block,
            // SAFETY: the caller guarantees that the size is not zero.
            None => unsafe { alloc(layout) },
        }
    }
}

export_cabi_realloc!(Parameters);

/// The room lent last that the scratch did not have.
static LENT: Instance<Vec<u64>> = Instance::new(Vec::new());

/// Returns room for the words of an answer. Nobody frees it: it may be used for something
/// else as soon as the caller has read the answer.
pub(crate) fn lend(words: usize) -> *mut u64 {
    scratch::lend(words).unwrap_or_else(|| {
        LENT.with(|lent| {
            *lent = Vec::with_capacity(words);
            lent.as_mut_ptr()
        })
    })
}
