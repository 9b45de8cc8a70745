//! What a component without `std` must bring along: its allocator, what the
//! canonical ABI calls to get memory, how it panics, and where its state lives.
//!
//! The only unsafe code of the crate.

#![allow(unsafe_code, reason = "see each use")]

use alloc::alloc::{GlobalAlloc, Layout, alloc, realloc};
use core::cell::RefCell;
use core::panic::PanicInfo;
use core::ptr;
use dlmalloc::GlobalDlmalloc;

// `memcmp`, which comparing slices calls, is in libc.
#[link(name = "c")]
unsafe extern "C" {}

#[cfg(target_feature = "atomics")]
compile_error!("the state of the instance is for one thread");

/// State of the instance, of which there is one for each instance of the component.
pub(crate) struct Instance<T>(RefCell<T>);

// SAFETY: without atomics an instance has one thread.
unsafe impl<T> Sync for Instance<T> {}

impl<T> Instance<T> {
    pub(crate) const fn new(state: T) -> Self {
        Self(RefCell::new(state))
    }

    /// Calls with the state. Coming here again meanwhile is a trap; the component model
    /// lets no call in while one is under way, so that only a fault of ours could.
    pub(crate) fn with<R>(&self, call: impl FnOnce(&mut T) -> R) -> R {
        match self.0.try_borrow_mut() {
            Ok(mut state) => call(&mut state),
            Err(_) => core::arch::wasm32::unreachable(),
        }
    }
}

/// Memory that is kept free for the parameters and the results of calls, so that a map
/// whose host refuses it more memory can still be called, and answer `full`.
struct Reserve {
    /// Null: it is in use.
    block: *mut u8,
    /// How large it is when it is whole. 0: none could be had.
    size: usize,
    /// How large it was last asked to be.
    wanted: usize,
    /// Whether the engine is storing, which must not take from the reserve.
    storing: bool,
}

static RESERVE: Instance<Reserve> = Instance::new(Reserve {
    block: ptr::null_mut(),
    size: 0,
    wanted: 0,
    storing: false,
});

/// A reserve smaller than this is of no use.
const LEAST: usize = 64 << 10;

impl Reserve {
    /// `None`: no allocator could give so much.
    fn layout(size: usize) -> Option<Layout> {
        Layout::from_size_align(size, 1).ok()
    }

    fn release(&mut self) {
        if !self.block.is_null()
            && let Some(layout) = Self::layout(self.size)
        {
            // SAFETY: `block` came from this allocator with this layout.
            unsafe { GlobalDlmalloc.dealloc(self.block, layout) };
            self.block = ptr::null_mut();
        }
    }

    fn take(&mut self) {
        if self.block.is_null()
            && self.size > 0
            && let Some(layout) = Self::layout(self.size)
        {
            // SAFETY: the size is not zero.
            self.block = unsafe { GlobalDlmalloc.alloc(layout) };
        }
    }

    /// Makes it whole, with `wanted` bytes or as many of them as can be had.
    fn keep(&mut self, wanted: usize) {
        if self.wanted != wanted {
            self.release();
            self.wanted = wanted;
            self.size = wanted;
            self.take();
            while self.block.is_null() && self.size > 0 {
                self.size = if self.size > LEAST { self.size / 2 } else { 0 };
                self.take();
            }
        }
        self.take();
    }

    /// Whether the engine may have new memory: not what was the reserve's.
    fn refuses(&self) -> bool {
        self.storing && self.block.is_null() && self.size > 0
    }
}

/// Keeps `size` bytes in reserve from now on, if they can be had.
pub(crate) fn keep_reserve(size: usize) {
    RESERVE.with(|reserve| reserve.keep(size));
}

/// Calls what stores: it gets no memory of the reserve.
pub(crate) fn storing<R>(call: impl FnOnce() -> R) -> R {
    RESERVE.with(|reserve| reserve.storing = true);
    let result = call();
    RESERVE.with(|reserve| reserve.storing = false);
    result
}

/// The allocator: dlmalloc, and the reserve when that has no more.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

impl Allocator {
    /// Tries, and once more without the reserve.
    fn attempt(attempt: impl Fn() -> *mut u8) -> *mut u8 {
        RESERVE.with(|reserve| {
            if reserve.refuses() {
                return ptr::null_mut();
            }
            let block = attempt();
            if !block.is_null() || reserve.storing {
                return block;
            }
            reserve.release();
            attempt()
        })
    }
}

// SAFETY: what is given out comes from dlmalloc, for the same layout, and what is not
// given out is null.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller vouches for the layout.
        Self::attempt(|| unsafe { GlobalDlmalloc.alloc(layout) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller vouches for both.
        unsafe { GlobalDlmalloc.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for all three. A block that could not be moved is
        // as it was, so that a second attempt is sound.
        Self::attempt(|| unsafe { GlobalDlmalloc.realloc(block, layout, new_size) })
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
        // SAFETY: the new length is not zero.
        (Ok(_), Ok(new)) if old_len == 0 => unsafe { alloc(new) },
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

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
