//! Pages: the memory behind the data, as the instance starts with it and as it grows.

use core::arch::wasm32;
use localmap_abi::Instance;

/// Bytes of a page of WebAssembly.
const PAGE: usize = 64 << 10;

unsafe extern "C" {
    /// The first byte behind the data. The linker defines it.
    static __heap_base: u8;
}

/// A piece of memory that exists and that the heap does not have yet.
struct Rest {
    start: usize,
    end: usize,
}

static REST: Instance<Option<Rest>> = Instance::new(None);

impl Rest {
    /// Returns the part of the initial memory that lies behind the data.
    fn new() -> Self {
        Self {
            start: (&raw const __heap_base).addr().next_multiple_of(16),
            end: wasm32::memory_size(0) * PAGE,
        }
    }

    /// Takes all of it, if it has at least `size` bytes.
    fn take(&mut self, size: usize) -> Option<(usize, usize)> {
        let (start, len) = (self.start, self.end - self.start);
        if len < size.max(1) {
            return None;
        }
        self.start = self.end;
        Some((start, len))
    }
}

/// Takes the piece that exists, if it has at least `size` bytes. Returns its start and its
/// length.
pub(super) fn take(size: usize) -> Option<(usize, usize)> {
    REST.with(|rest| rest.get_or_insert_with(Rest::new).take(size))
}

/// Grows the memory by at least `size` bytes. Returns the start and the length of the new
/// piece, or `None` if the host refuses it.
pub(super) fn grow(size: usize) -> Option<(usize, usize)> {
    // The initial piece ends where the memory ends before it first grows.
    REST.with(|rest| {
        rest.get_or_insert_with(Rest::new);
    });
    let pages = size.div_ceil(PAGE);
    let before = wasm32::memory_grow(0, pages);
    if before == usize::MAX {
        return None;
    }
    let (start, len) = (before * PAGE, pages * PAGE);
    // No Rust object may reach the very end of the address space.
    let whole = start.wrapping_add(len) != 0;
    Some((start, if whole { len } else { len - 16 }))
}

/// Leaves to the heap a piece that [`grow`] returned and that is no longer in use.
pub(super) fn donate(start: usize, len: usize) {
    REST.with(|rest| {
        let end = start + len;
        *rest = Some(Rest { start, end });
    });
}
