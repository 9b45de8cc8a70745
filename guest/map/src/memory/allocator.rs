//! The global allocator and `cabi_realloc`, which combine the heap and the scratch.

use super::{heap, scratch};
use alloc::alloc::{GlobalAlloc, Layout, alloc};
use alloc::vec::Vec;
use core::ptr;
use localmap_abi::{Instance, ParameterMemory, export_cabi_realloc};

/// Allocates from the heap, and from the scratch if the heap has no more memory.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

// SAFETY: each block comes from the heap or from the scratch, fits its layout, and is returned
// to its source. Without memory, the result is null.
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
            // SAFETY: the caller vouches for both, and the block does not belong to the scratch.
            unsafe { heap::dealloc(block, layout) };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        match scratch::resize(block, layout.size(), new_size) {
            Some(true) => return block,
            Some(false) => {}
            None => {
                // SAFETY: the caller vouches for all three. If the block cannot be moved, it is
                // unchanged.
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
            // SAFETY: both blocks have at least this many bytes and do not overlap.
            unsafe { ptr::copy_nonoverlapping(block, new, layout.size().min(new_size)) };
            // SAFETY: the caller vouches for both.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

/// Allocates parameters from the scratch, and from the allocator if a call does not fit into it.
struct Parameters;

// SAFETY: the allocator also accepts blocks of the scratch.
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

/// The memory that was lent last because the scratch had no room.
static LENT: Instance<Vec<u64>> = Instance::new(Vec::new());

/// Returns room for the words of a result. It is not freed, and may be reused as soon as the
/// caller has read the result.
pub(crate) fn lend(words: usize) -> *mut u64 {
    scratch::lend(words).unwrap_or_else(|| {
        LENT.with(|lent| {
            *lent = Vec::with_capacity(words);
            lent.as_mut_ptr()
        })
    })
}

/// Returns an empty vector with memory of the scratch, for the duration of a call. If the scratch
/// has too little, the memory comes from the heap.
pub(crate) fn scratch_vec<T>(capacity: usize) -> Vec<T> {
    if let Ok(layout) = Layout::array::<T>(capacity)
        && layout.size() > 0
        && let Some(block) = scratch::take(layout)
    {
        // SAFETY: the block has this layout, and the allocator accepts blocks of the scratch.
        return unsafe { Vec::from_raw_parts(block.cast(), 0, capacity) };
    }
    Vec::with_capacity(capacity)
}

/// Returns the address of a result. Its memory is not freed, and may be reused as soon as the
/// caller has read the result.
pub(crate) fn lend_words(words: Vec<u64>) -> *const u64 {
    let at = words.as_ptr();
    // Freeing memory of the scratch leaves its contents until the next call takes parameters.
    // Freeing memory of the heap does not.
    if !scratch::contains(at.cast()) {
        LENT.with(|lent| *lent = words);
    }
    at
}
