//! The scratch: memory for the duration of a call. It holds parameters, and results if the heap
//! has no room. With it, an app can still call a map that cannot get more memory from its host,
//! and receive the result `full`.

use super::pages;
use core::alloc::Layout;
use core::{mem, ptr, slice};
use localmap_abi::Instance;

/// The memory for one call.
struct Scratch {
    /// A small area that always exists.
    small: Area,
    /// Room for the largest call, once it has been reserved.
    large: Area,
    /// The intended size of `large`, in bytes.
    wanted: usize,
    /// Whether the engine is storing data. It must not use the scratch for that.
    storing: bool,
}

/// A stack of blocks. When the last block is returned, the whole area is free again.
struct Area {
    start: *mut u8,
    /// Its size in bytes.
    size: usize,
    /// The bytes in use, or lost between blocks in use.
    used: usize,
    /// The number of blocks in use.
    blocks: usize,
}

static SCRATCH: Instance<Scratch> = Instance::new(Scratch {
    small: Area::new((&raw mut SMALL).cast(), SMALL_SIZE),
    large: Area::new(ptr::null_mut(), 0),
    wanted: 0,
    storing: false,
});

/// The size of the small area: enough for the longest key and a value of the usual size.
const SMALL_SIZE: usize = 2048;
static mut SMALL: [u128; SMALL_SIZE / 16] = [0; SMALL_SIZE / 16];

/// The minimum size at which a large area is useful.
const LEAST: usize = 64 << 10;
/// The alignment of an area's start.
const ALIGN: usize = 16;

impl Area {
    const fn new(start: *mut u8, size: usize) -> Self {
        Self {
            start,
            size,
            used: 0,
            blocks: 0,
        }
    }

    /// Returns a block, or `None` if the area has no room.
    fn take(&mut self, layout: Layout) -> Option<*mut u8> {
        let at = self.used.next_multiple_of(layout.align());
        let end = at.checked_add(layout.size())?;
        if end > self.size {
            return None;
        }
        self.used = end;
        self.blocks += 1;
        Some(self.start.wrapping_add(at))
    }

    /// Returns the position of a block in the area, or `None` if it lies outside.
    fn place(&self, block: *mut u8) -> Option<usize> {
        let at = block.addr().wrapping_sub(self.start.addr());
        (at < self.size).then_some(at)
    }

    /// Resizes a block in use in place, from `old` to `new` bytes. Returns `false` if there
    /// is no room for it.
    const fn resize(&mut self, at: usize, old: usize, new: usize) -> bool {
        if new <= old {
            return true;
        }
        let fits = at + old == self.used && new <= self.size - at;
        if fits {
            self.used = at + new;
        }
        fits
    }

    /// Returns room for `words` words after the blocks in use, or `None` if there is none.
    fn lend(&self, words: usize) -> Option<*mut u64> {
        let at = self.used.next_multiple_of(align_of::<u64>());
        let end = at.checked_add(words.checked_mul(size_of::<u64>())?)?;
        (end <= self.size).then(|| self.start.wrapping_add(at).cast())
    }

    /// Frees a block in use.
    const fn put(&mut self, at: usize, size: usize) {
        self.blocks -= 1;
        if self.blocks == 0 {
            self.used = 0;
        } else if at + size == self.used {
            self.used = at;
        }
    }
}

impl Scratch {
    /// Allocates memory for the large area, unless it already has some: `wanted` bytes, or as
    /// many of them as the host grants.
    fn reserve(&mut self) {
        let mut size = self.wanted;
        while self.large.start.is_null() && size >= LEAST {
            if let Some((start, len)) = pages::grow(size) {
                self.large = Area::new(ptr::with_exposed_provenance_mut(start), len);
            }
            size /= 2;
        }
    }

    /// Sets the intended size of the large area. Blocks in use do not move.
    fn keep(&mut self, wanted: usize) {
        self.wanted = wanted;
        let reserved = !self.large.start.is_null();
        if reserved && self.large.size < wanted && self.large.blocks == 0 {
            let before = mem::replace(&mut self.large, Area::new(ptr::null_mut(), 0));
            self.reserve();
            if self.large.start.is_null() {
                self.large = before;
            } else {
                pages::donate(before.start.addr(), before.size);
            }
        }
    }

    /// Returns a block for parameters, or `None` if there is no room.
    fn take(&mut self, layout: Layout) -> Option<*mut u8> {
        if layout.align() > ALIGN {
            return None;
        }
        self.small.take(layout).or_else(|| {
            self.reserve();
            self.large.take(layout)
        })
    }

    /// Returns the area that contains a block, and the block's position in it.
    fn find(&mut self, block: *mut u8) -> Option<(&mut Area, usize)> {
        let Self { small, large, .. } = self;
        [small, large].into_iter().find_map(|area| {
            let at = area.place(block)?;
            Some((area, at))
        })
    }
}

/// Sets the size of the scratch to `size` bytes, or as many as the host grants. They are
/// allocated when the memory grows or when a call needs them, whichever comes first.
pub(crate) fn keep(size: usize) {
    SCRATCH.with(|scratch| scratch.keep(size));
}

/// Allocates the scratch now.
pub(crate) fn reserve() {
    SCRATCH.with(Scratch::reserve);
}

/// Runs a call that stores data, and keeps it from using memory of the scratch.
pub(crate) fn storing<R>(call: impl FnOnce() -> R) -> R {
    SCRATCH.with(|scratch| scratch.storing = true);
    let result = call();
    SCRATCH.with(|scratch| scratch.storing = false);
    result
}

/// Returns the address and the size of the room: the small area, to which the host may write before
/// a call.
pub(crate) fn room() -> (usize, usize) {
    ((&raw const SMALL).addr(), SMALL_SIZE)
}

/// Calls `call` with the first `len` bytes of the room; with none, if they do not fit. During the
/// call they are a block in use.
pub(crate) fn with_room<R>(len: usize, call: impl FnOnce(&[u8]) -> R) -> R {
    let taken = Layout::from_size_align(len, 1).ok().and_then(|layout| {
        // The area is empty between calls, so this is its start.
        SCRATCH.with(|scratch| scratch.small.take(layout))
    });
    let Some(block) = taken else {
        return call(&[]);
    };
    // SAFETY: the block has this many bytes, and nothing writes to it while it is in use.
    let result = call(unsafe { slice::from_raw_parts(block, len) });
    SCRATCH.with(|scratch| scratch.small.put(0, len));
    result
}

/// Returns a block for parameters, or `None` if there is no room.
pub(super) fn take(layout: Layout) -> Option<*mut u8> {
    SCRATCH.with(|scratch| scratch.take(layout))
}

/// Returns a block if the heap has no memory for it. Returns null if there is no room, or if the
/// engine requests the block.
pub(super) fn take_instead(layout: Layout) -> *mut u8 {
    SCRATCH.with(|scratch| {
        if scratch.storing {
            return ptr::null_mut();
        }
        scratch.take(layout).unwrap_or(ptr::null_mut())
    })
}

/// Returns room for `words` words after the blocks in use, or `None` if there is none.
/// It is not freed, and is valid until the next call.
pub(super) fn lend(words: usize) -> Option<*mut u64> {
    SCRATCH.with(|scratch| {
        let small = scratch.small.lend(words);
        small.or_else(|| scratch.large.lend(words))
    })
}

/// Frees a block if it belongs to the scratch. Returns `false` otherwise.
pub(super) fn put(block: *mut u8, size: usize) -> bool {
    SCRATCH.with(|scratch| {
        let found = scratch.find(block);
        found.map(|(area, at)| area.put(at, size)).is_some()
    })
}

/// Returns `true` if a block belongs to the scratch.
pub(super) fn contains(block: *const u8) -> bool {
    SCRATCH.with(|scratch| scratch.find(block.cast_mut()).is_some())
}

/// Resizes a block of the scratch in place, from `old` to `new` bytes. Returns whether there was
/// room for it, or `None` if the block does not belong to the scratch.
pub(super) fn resize(block: *mut u8, old: usize, new: usize) -> Option<bool> {
    SCRATCH.with(|scratch| {
        let (area, at) = scratch.find(block)?;
        Some(area.resize(at, old, new))
    })
}
