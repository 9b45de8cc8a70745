//! What a component without `std` must bring along: its allocator, what the
//! canonical ABI calls to get memory, how it panics, and where its state lives.
//!
//! The only unsafe code of the crate.

#![allow(unsafe_code, reason = "see each use")]

use alloc::alloc::{Layout, alloc, realloc};
use core::cell::UnsafeCell;
use core::panic::PanicInfo;
use core::ptr;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

// `memcmp`, which comparing slices calls, is in libc.
#[link(name = "c")]
unsafe extern "C" {}

/// State of the instance, of which there is one for each instance of the component.
pub(crate) struct Instance<T>(UnsafeCell<T>);

// SAFETY: an instance runs on one thread at a time: the target has no threads.
unsafe impl<T> Sync for Instance<T> {}

impl<T> Instance<T> {
    pub(crate) const fn new(state: T) -> Self {
        Self(UnsafeCell::new(state))
    }

    pub(crate) fn with<R>(&self, call: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: this is the only reference. Only exports come here, none calls
        // another, and the component model lets no call in while one is under way,
        // not from an import either.
        call(unsafe { &mut *self.0.get() })
    }
}

/// Memory for the parameters of a call, and for what a result points to.
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
    // SAFETY: `align` is a power of two and lengths are those of a 32-bit memory;
    // the caller vouches for `old_ptr`. Layouts of length zero never reach `alloc`.
    let new = unsafe {
        if old_len == 0 {
            alloc(Layout::from_size_align_unchecked(new_len, align))
        } else {
            let old = Layout::from_size_align_unchecked(old_len, align);
            realloc(old_ptr, old, new_len)
        }
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
