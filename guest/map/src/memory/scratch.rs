//! The scratch: memory for what lasts as long as a call, that is for parameters, and for
//! results when the heap has no room. It lets the app call a map whose host refuses it more
//! memory, and get the answer `full`.

use super::pages;
use core::alloc::Layout;
use core::{mem, ptr};
use localmap_abi::Instance;

/// The memory for one call.
struct Scratch {
    /// A little that always exists.
    small: Area,
    /// Room for the largest call, once it has been reserved.
    large: Area,
    /// The size for `large`, in bytes.
    wanted: usize,
    /// Whether the engine is storing, which must not take from the scratch.
    storing: bool,
}

/// A stack of blocks. When the last of them is returned, all of it is free again.
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

/// Enough for a key and a value of the usual size.
const SMALL_SIZE: usize = 1024;
static mut SMALL: [u128; SMALL_SIZE / 16] = [0; SMALL_SIZE / 16];

/// The least size at which a large area is of use.
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

    /// Returns room for `words` words behind the blocks in use, or `None` if there is none.
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
    /// Gets memory for the large area, unless it has some: `wanted` bytes, or the largest
    /// part of them that the host grants.
    fn reserve(&mut self) {
        let mut size = self.wanted;
        while self.large.start.is_null() && size >= LEAST {
            if let Some((start, len)) = pages::grow(size) {
                self.large = Area::new(ptr::with_exposed_provenance_mut(start), len);
            }
            size /= 2;
        }
    }

    /// Sets the size for the large area. Blocks in use stay where they are.
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

    /// Returns the area that a block lies in and its position there.
    fn find(&mut self, block: *mut u8) -> Option<(&mut Area, usize)> {
        let Self { small, large, .. } = self;
        [small, large].into_iter().find_map(|area| {
            let at = area.place(block)?;
            Some((area, at))
        })
    }
}

/// Sets the size of the scratch to `size` bytes, as far as the host grants them. They are
/// allocated when the memory grows or when a call needs them, whichever comes first.
pub(crate) fn keep(size: usize) {
    SCRATCH.with(|scratch| scratch.keep(size));
}

/// Allocates the scratch now.
pub(crate) fn reserve() {
    SCRATCH.with(Scratch::reserve);
}

/// Runs a call that stores: it gets no memory of the scratch.
pub(crate) fn storing<R>(call: impl FnOnce() -> R) -> R {
    SCRATCH.with(|scratch| scratch.storing = true);
    let result = call();
    SCRATCH.with(|scratch| scratch.storing = false);
    result
}

/// Returns a block for parameters, or `None` if there is no room.
pub(super) fn take(layout: Layout) -> Option<*mut u8> {
    SCRATCH.with(|scratch| scratch.take(layout))
}

/// Returns a block in place of one that the heap has no memory for. Returns null if there is
/// no room, or if it is the engine that asks.
pub(super) fn take_instead(layout: Layout) -> *mut u8 {
    SCRATCH.with(|scratch| {
        if scratch.storing {
            return ptr::null_mut();
        }
        scratch.take(layout).unwrap_or(ptr::null_mut())
    })
}

/// Returns room for `words` words behind the blocks in use, or `None` if there is none.
/// Nobody frees it: it is good until the next call.
pub(super) fn lend(words: usize) -> Option<*mut u64> {
    SCRATCH.with(|scratch| {
        let small = scratch.small.lend(words);
        small.or_else(|| scratch.large.lend(words))
    })
}

/// Frees a block if it is one of the scratch. Returns `false` if it is not.
pub(super) fn put(block: *mut u8, size: usize) -> bool {
    SCRATCH.with(|scratch| {
        let found = scratch.find(block);
        found.map(|(area, at)| area.put(at, size)).is_some()
    })
}

/// Resizes a block in place, from `old` to `new` bytes, if it is one of the scratch. Returns
/// whether there was room for it, or `None` if the block is not of the scratch.
pub(super) fn resize(block: *mut u8, old: usize, new: usize) -> Option<bool> {
    SCRATCH.with(|scratch| {
        let (area, at) = scratch.find(block)?;
        Some(area.resize(at, old, new))
    })
}
