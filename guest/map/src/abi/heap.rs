//! The heap: dlmalloc over the memory of the instance, from the first byte behind the data.
//!
//! What a fresh map touches lies together: stack, data and the first blocks share the first
//! 64 KiB, and what the memory starts with beyond them is the scratch, which is touched only
//! when a call needs it. So making a map costs its host few pages, and growing none.

use super::Instance;
use core::alloc::Layout;
use core::arch::wasm32;
use core::ptr;
use dlmalloc::Dlmalloc;

/// Bytes of a page of WebAssembly.
const PAGE: usize = 64 << 10;

/// What the heap grows by, unless the memory has to grow for it.
const GRANULARITY: usize = 4 << 10;

unsafe extern "C" {
    /// The first byte behind the data, by the linker.
    static __heap_base: u8;
}

/// What the memory starts with and nobody has taken yet.
struct Rest {
    start: usize,
    end: usize,
    /// Where the memory ends that there is to begin with.
    most: usize,
}

static REST: Instance<Option<Rest>> = Instance::new(None);

impl Rest {
    fn new() -> Self {
        let end = wasm32::memory_size(0) * PAGE;
        Self {
            start: (&raw const __heap_base).addr().next_multiple_of(16),
            end,
            most: end,
        }
    }

    /// The first page, what is behind it, or both: what is enough for `size` bytes.
    fn take(&mut self, size: usize) -> Option<(usize, usize)> {
        let start = self.start;
        let ends = [PAGE.clamp(start, self.end), self.end];
        let end = ends.into_iter().find(|end| end - start >= size.max(1))?;
        self.start = end;
        Some((start, end - start))
    }

    /// The last `size` bytes, beyond the first page.
    fn take_last(&mut self, size: usize) -> Option<usize> {
        let at = self.end.checked_sub(size)? & !15;
        if at < self.start.max(PAGE) {
            return None;
        }
        self.end = at;
        Some(at)
    }

    fn with<R>(call: impl FnOnce(&mut Self) -> R) -> R {
        REST.with(|rest| call(rest.get_or_insert_with(Self::new)))
    }
}

/// The last `size` bytes of what the memory starts with, aligned to 16; null: it has not so
/// many to spare.
pub(super) fn last(size: usize) -> *mut u8 {
    let at = Rest::with(|rest| rest.take_last(size));
    at.map_or(ptr::null_mut(), ptr::with_exposed_provenance_mut)
}

/// Takes back what [`last`] gave. False: it was not that.
pub(super) fn put_last(block: *mut u8, size: usize) -> bool {
    Rest::with(|rest| {
        let ours = block.addr() == rest.end && rest.end < rest.most;
        if ours {
            rest.end += size;
        }
        ours
    })
}

/// Where dlmalloc gets its memory: it keeps what it has been given.
struct Pages;

// SAFETY: each piece is given once, is memory of the instance that nothing else uses, and
// stays. What has not been written to is zero.
unsafe impl dlmalloc::Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if let Some((start, len)) = Rest::with(|rest| rest.take(size)) {
            return (ptr::with_exposed_provenance_mut(start), len, 0);
        }
        let pages = size.div_ceil(PAGE);
        let before = wasm32::memory_grow(0, pages);
        if before == usize::MAX {
            return (ptr::null_mut(), 0, 0);
        }
        let (start, len) = (before * PAGE, pages * PAGE);
        // No memory of Rust reaches the very end of the address space.
        let len = if start.wrapping_add(len) == 0 {
            len - 16
        } else {
            len
        };
        (ptr::with_exposed_provenance_mut(start), len, 0)
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

/// Memory of this layout; null: there is none.
///
/// # Safety
///
/// As for [`core::alloc::GlobalAlloc::alloc`].
pub(super) unsafe fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: the caller vouches for the layout.
    HEAP.with(|heap| unsafe { heap.malloc(layout.size(), layout.align()) })
}

/// The same, and all of it is zero.
///
/// # Safety
///
/// As for [`core::alloc::GlobalAlloc::alloc_zeroed`].
pub(super) unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: the caller vouches for the layout.
    HEAP.with(|heap| unsafe { heap.calloc(layout.size(), layout.align()) })
}

/// Takes a block back.
///
/// # Safety
///
/// As for [`core::alloc::GlobalAlloc::dealloc`].
pub(super) unsafe fn dealloc(block: *mut u8, layout: Layout) {
    // SAFETY: the caller vouches for both.
    HEAP.with(|heap| unsafe { heap.free(block, layout.size(), layout.align()) });
}

/// Makes a block longer or shorter; null: it is as it was.
///
/// # Safety
///
/// As for [`core::alloc::GlobalAlloc::realloc`].
pub(super) unsafe fn realloc(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    let (size, align) = (layout.size(), layout.align());
    // SAFETY: the caller vouches for all three.
    HEAP.with(|heap| unsafe { heap.realloc(block, size, align, new_size) })
}
