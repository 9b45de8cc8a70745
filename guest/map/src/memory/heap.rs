//! The heap: dlmalloc over the memory of the instance, from the first byte after the data.
//!
//! Stack, data and the first entries share the first 64 KiB, so creating a small map costs
//! its host few pages and no growth. Before the memory grows for more entries, it grows for
//! the scratch memory.

use super::{pages, scratch};
use core::alloc::Layout;
use core::ptr;
use dlmalloc::Dlmalloc;
use localmap_abi::Instance;

/// The step, in bytes, by which the heap grows within the existing memory.
const GRANULARITY: usize = 4 << 10;

/// The source of dlmalloc's memory. Memory is never returned to it.
struct Pages;

// SAFETY: each piece is returned only once, is memory of the instance without another use, and
// stays valid. Memory that has not been written is zero.
unsafe impl dlmalloc::Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let piece = pages::take(size).or_else(|| {
            scratch::reserve();
            pages::grow(size)
        });
        match piece {
            Some((start, len)) => (ptr::with_exposed_provenance_mut(start), len, 0),
            None => (ptr::null_mut(), 0, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        GRANULARITY
    }
}

static HEAP: Instance<Dlmalloc<Pages>> = Instance::new({
    let mut heap = Dlmalloc::new_with_allocator(Pages);
    assert!(heap.set_granularity(GRANULARITY));
    heap
});

/// Returns a block for `layout`, or null if there is no memory for it.
///
/// # Safety
///
/// As for [`core::alloc::GlobalAlloc::alloc`].
pub(super) unsafe fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: the caller vouches for the layout.
    HEAP.with(|heap| unsafe { heap.malloc(layout.size(), layout.align()) })
}

/// Returns a block of zeros for `layout`, or null if there is no memory for it.
///
/// # Safety
///
/// As for [`core::alloc::GlobalAlloc::alloc_zeroed`].
pub(super) unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: the caller vouches for the layout.
    HEAP.with(|heap| unsafe { heap.calloc(layout.size(), layout.align()) })
}

/// Frees a block.
///
/// # Safety
///
/// As for [`core::alloc::GlobalAlloc::dealloc`], and the block must be one of the heap.
pub(super) unsafe fn dealloc(block: *mut u8, layout: Layout) {
    // SAFETY: the caller vouches for both.
    HEAP.with(|heap| unsafe { heap.free(block, layout.size(), layout.align()) });
}

/// Resizes a block. Returns null and leaves the block unchanged if there is no memory for it.
///
/// # Safety
///
/// As for [`core::alloc::GlobalAlloc::realloc`], and the block must be one of the heap.
pub(super) unsafe fn realloc(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    let (size, align) = (layout.size(), layout.align());
    // SAFETY: the caller vouches for all three.
    HEAP.with(|heap| unsafe { heap.realloc(block, size, align, new_size) })
}
