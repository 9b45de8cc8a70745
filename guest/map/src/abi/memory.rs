//! Memory: the allocator, and the scratch where the parameters of calls lie.

use super::{Instance, heap};
use alloc::alloc::{GlobalAlloc, Layout, alloc, realloc};
use alloc::vec::Vec;
use core::ptr;

/// Memory for what lasts as long as a call: parameters, and the results for which the
/// allocator has no room. So a map whose host refuses it more memory can still be called,
/// and answer `full`.
struct Scratch {
    /// A little that is always there.
    small: Area,
    /// Room for the largest call, once it has been reserved.
    large: Area,
    /// How many bytes that takes.
    wanted: usize,
    /// Whether the engine is storing, which must not take from the scratch.
    storing: bool,
}

/// Blocks are given out one behind the other, and all of it is free again when the last
/// of them is given back.
struct Area {
    start: *mut u8,
    /// How many bytes it has, and how many of them are given out or lost between.
    size: usize,
    used: usize,
    /// How many blocks are given out.
    blocks: usize,
}

static SCRATCH: Instance<Scratch> = Instance::new(Scratch {
    small: Area::new((&raw mut SMALL).cast(), SMALL_SIZE),
    large: Area::new(ptr::null_mut(), 0),
    wanted: 0,
    storing: false,
});

/// What was lent last without the scratch.
static LENT: Instance<Vec<u64>> = Instance::new(Vec::new());

/// A key, and a value of the usual size.
const SMALL_SIZE: usize = 1024;
static mut SMALL: [u128; SMALL_SIZE / 16] = [0; SMALL_SIZE / 16];

/// A large area smaller than this is of no use.
const LEAST: usize = 64 << 10;
/// Where each begins.
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

    /// A block of it. `None`: it has no room.
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

    /// Where a block lies in it. `None`: the block is of somewhere else.
    fn place(&self, block: *mut u8) -> Option<usize> {
        let at = block.addr().wrapping_sub(self.start.addr());
        (at < self.size).then_some(at)
    }

    /// Makes a block of `old` bytes that was given out `new` bytes long, where it lies.
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

    /// Room for so many words behind what is given out. `None`: there is none.
    fn lend(&self, words: usize) -> Option<*mut u64> {
        let at = self.used.next_multiple_of(align_of::<u64>());
        let end = at.checked_add(words.checked_mul(size_of::<u64>())?)?;
        (end <= self.size).then(|| self.start.wrapping_add(at).cast())
    }

    /// Takes a block back that was given out.
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
    /// Gets the large area, or as much of it as can be had, unless it is there.
    fn reserve(&mut self) {
        let mut size = self.wanted;
        while self.large.start.is_null() && size >= LEAST {
            if let Some((start, len)) = heap::grow(size) {
                self.large = Area::new(ptr::with_exposed_provenance_mut(start), len);
            }
            size /= 2;
        }
    }

    /// Makes it large enough for this many bytes from now on. What is given out stays where
    /// it is.
    fn keep(&mut self, wanted: usize) {
        self.wanted = wanted;
        let there = !self.large.start.is_null();
        if there && self.large.size < wanted && self.large.blocks == 0 {
            let before = core::mem::replace(&mut self.large, Area::new(ptr::null_mut(), 0));
            self.reserve();
            if self.large.start.is_null() {
                self.large = before;
            } else {
                heap::donate(before.start.addr(), before.size);
            }
        }
    }

    /// A block for parameters. `None`: there is no room.
    fn take(&mut self, layout: Layout) -> Option<*mut u8> {
        if layout.align() > ALIGN {
            return None;
        }
        self.small.take(layout).or_else(|| {
            self.reserve();
            self.large.take(layout)
        })
    }

    /// The area that a block lies in, and where in it.
    fn find(&mut self, block: *mut u8) -> Option<(&mut Area, usize)> {
        let Self { small, large, .. } = self;
        [small, large].into_iter().find_map(|area| {
            let at = area.place(block)?;
            Some((area, at))
        })
    }

    /// What the allocator could not give: a block of the scratch, unless the engine asks.
    fn instead(&mut self, layout: Layout) -> *mut u8 {
        if self.storing {
            return ptr::null_mut();
        }
        self.take(layout).unwrap_or(ptr::null_mut())
    }
}

/// Keeps a scratch of `size` bytes from now on, if they can be had. They are got when the
/// memory grows or a call needs them, whichever comes first.
pub(crate) fn keep_scratch(size: usize) {
    SCRATCH.with(|scratch| scratch.keep(size));
}

/// Gets them now.
pub(crate) fn reserve() {
    SCRATCH.with(Scratch::reserve);
}

/// Calls what stores: it gets no memory of the scratch.
pub(crate) fn storing<R>(call: impl FnOnce() -> R) -> R {
    SCRATCH.with(|scratch| scratch.storing = true);
    let result = call();
    SCRATCH.with(|scratch| scratch.storing = false);
    result
}

/// Room for the words of an answer, which nobody gives back: it may be used for something
/// else as soon as the caller has read it.
pub(super) fn lend(words: usize) -> *mut u64 {
    SCRATCH
        .with(|scratch| {
            let small = scratch.small.lend(words);
            small.or_else(|| scratch.large.lend(words))
        })
        .unwrap_or_else(|| {
            LENT.with(|lent| {
                *lent = Vec::with_capacity(words);
                lent.as_mut_ptr()
            })
        })
}

/// The allocator: dlmalloc, and the scratch when that has no more.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

// SAFETY: what is given out comes from dlmalloc or from the scratch, for the same layout,
// and goes back to where it came from; what is not given out is null.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller vouches for the layout.
        let block = unsafe { heap::alloc(layout) };
        if block.is_null() {
            return SCRATCH.with(|scratch| scratch.instead(layout));
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller vouches for the layout.
        let block = unsafe { heap::alloc_zeroed(layout) };
        if !block.is_null() {
            return block;
        }
        let block = SCRATCH.with(|scratch| scratch.instead(layout));
        if !block.is_null() {
            // SAFETY: it has so many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let ours = SCRATCH.with(|scratch| {
            let found = scratch.find(block);
            found
                .map(|(area, at)| area.put(at, layout.size()))
                .is_some()
        });
        if !ours {
            // SAFETY: the caller vouches for both, and it is not of the scratch.
            unsafe { heap::dealloc(block, layout) };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let resized = SCRATCH.with(|scratch| {
            let (area, at) = scratch.find(block)?;
            Some(area.resize(at, layout.size(), new_size))
        });
        match resized {
            Some(true) => return block,
            Some(false) => {}
            None => {
                // SAFETY: the caller vouches for all three. A block that could not be
                // moved is as it was.
                let moved = unsafe { heap::realloc(block, layout, new_size) };
                if !moved.is_null() {
                    return moved;
                }
            }
        }
        // SAFETY: the caller vouches for the size.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: the size is not zero, as the caller vouches.
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            // SAFETY: both blocks have so many bytes, and they are not the same.
            unsafe { ptr::copy_nonoverlapping(block, new, layout.size().min(new_size)) };
            // SAFETY: the caller vouches for both.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

/// Memory for the parameters of a call.
///
/// It never answers null: the canonical ABI would then write to address 0. What
/// cannot be had ends the instance.
///
/// # Safety
///
/// As the canonical ABI calls it: `old_ptr` with `old_len` and `align` is null or
/// comes from here, and `align` is a power of two.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(
    old_ptr: *mut u8,
    old_len: usize,
    align: usize,
    new_len: usize,
) -> *mut u8 {
    if new_len == 0 {
        return ptr::without_provenance_mut(align);
    }
    // A list may be longer than half of the memory, which no allocation is.
    let layouts = (
        Layout::from_size_align(old_len, align),
        Layout::from_size_align(new_len, align),
    );
    let new = match layouts {
        (Ok(_), Ok(new)) if old_len == 0 => {
            match SCRATCH.with(|scratch| scratch.take(new)) {
                Some(block) => block,
                // SAFETY: the new length is not zero.
                None => unsafe { alloc(new) },
            }
        }
        // SAFETY: the caller vouches for `old_ptr`; neither length is zero, and the new
        // one makes a valid layout.
        (Ok(old), Ok(_)) => unsafe { realloc(old_ptr, old, new_len) },
        _ => ptr::null_mut(),
    };
    if new.is_null() {
        core::arch::wasm32::unreachable();
    }
    new
}
