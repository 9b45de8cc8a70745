//! Pages: the memory after the data, both the initial memory and its growth.

use core::arch::wasm32;
use localmap_abi::Instance;

/// The size of a WebAssembly page in bytes.
const PAGE: usize = 64 << 10;
/// The usual size of a page of the host's memory in bytes.
const HOST_PAGE: usize = 4 << 10;

unsafe extern "C" {
    /// The first byte after the data. The linker defines it.
    static __heap_base: u8;
}

/// A piece of existing memory that does not belong to the heap yet.
struct Rest {
    start: usize,
    end: usize,
}

static REST: Instance<Option<Rest>> = Instance::new(None);

impl Rest {
    /// Returns the part of the initial memory after the data.
    fn new() -> Self {
        Self {
            start: (&raw const __heap_base).addr().next_multiple_of(16),
            end: wasm32::memory_size(0) * PAGE,
        }
    }

    /// Takes at least `size` bytes from the start, up to the end of a page of the host. The heap
    /// writes to the end of each piece, and the host need not provide pages before they are used.
    fn take(&mut self, size: usize) -> Option<(usize, usize)> {
        let start = self.start;
        let end = start.checked_add(size.max(1))?;
        let end = end.checked_next_multiple_of(HOST_PAGE)?.min(self.end);
        if end - start < size.max(1) {
            return None;
        }
        self.start = end;
        Some((start, end - start))
    }
}

/// Takes at least `size` bytes of the remaining piece, if it has them. Returns their start and
/// their number.
pub(super) fn take(size: usize) -> Option<(usize, usize)> {
    REST.with(|rest| rest.get_or_insert_with(Rest::new).take(size))
}

/// Grows the memory by at least `size` bytes. Returns the start and the length of the new
/// piece, or `None` if the host denies it.
pub(super) fn grow(size: usize) -> Option<(usize, usize)> {
    // The end of the initial piece is the end of the memory before its first growth.
    REST.with(|rest| {
        rest.get_or_insert_with(Rest::new);
    });
    let pages = size.div_ceil(PAGE);
    let before = wasm32::memory_grow(0, pages);
    if before == usize::MAX {
        return None;
    }
    let (start, len) = (before * PAGE, pages * PAGE);
    // No Rust object may extend to the end of the address space.
    let whole = start.wrapping_add(len) != 0;
    Some((start, if whole { len } else { len - 16 }))
}

/// Gives the heap a piece that [`grow`] returned and that is no longer in use.
pub(super) fn donate(start: usize, len: usize) {
    REST.with(|rest| {
        let end = start + len;
        *rest = Some(Rest { start, end });
    });
}
