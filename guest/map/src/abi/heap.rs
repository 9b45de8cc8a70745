//! The heap: dlmalloc over the memory of the instance, from the first byte behind the data.
//!
//! Stack, data and the first entries share the first 64 KiB, so that making a small map
//! costs its host few pages and no growth. Before the memory grows for more, it grows for
//! the scratch.

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

/// The piece of memory that is there and that dlmalloc has not been given yet.
struct Rest {
    start: usize,
    end: usize,
}

static REST: Instance<Option<Rest>> = Instance::new(None);

impl Rest {
    /// What the memory starts with, behind the data.
    fn new() -> Self {
        Self {
            start: (&raw const __heap_base).addr().next_multiple_of(16),
            end: wasm32::memory_size(0) * PAGE,
        }
    }

    /// Takes all of it, if that is enough.
    fn take(&mut self, size: usize) -> Option<(usize, usize)> {
        let (start, len) = (self.start, self.end - self.start);
        if len < size.max(1) {
            return None;
        }
        self.start = self.end;
        Some((start, len))
    }
}

/// New memory of at least `size` bytes: where it starts and how long it is. `None`: the host
/// refuses it.
pub(super) fn grow(size: usize) -> Option<(usize, usize)> {
    // What the memory starts with ends where it ends before it grows.
    REST.with(|rest| {
        rest.get_or_insert_with(Rest::new);
    });
    let pages = size.div_ceil(PAGE);
    let before = wasm32::memory_grow(0, pages);
    if before == usize::MAX {
        return None;
    }
    let (start, len) = (before * PAGE, pages * PAGE);
    // No memory of Rust reaches the very end of the address space.
    let whole = start.wrapping_add(len) != 0;
    Some((start, if whole { len } else { len - 16 }))
}

/// Gives the heap memory that has been got with [`grow`] and is not used any more.
pub(super) fn donate(start: usize, len: usize) {
    REST.with(|rest| {
        let end = start + len;
        *rest = Some(Rest { start, end });
    });
}

/// Where dlmalloc gets its memory: it keeps what it has been given.
struct Pages;

// SAFETY: each piece is given once, is memory of the instance that nothing else uses, and
// stays. What has not been written to is zero.
unsafe impl dlmalloc::Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let rest = REST.with(|rest| rest.get_or_insert_with(Rest::new).take(size));
        let piece = rest.or_else(|| {
            super::memory::reserve();
            grow(size)
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
