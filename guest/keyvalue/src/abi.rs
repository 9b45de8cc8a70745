//! What a component without `std` must bring along: its allocator, what the canonical ABI
//! calls to get memory, and how it panics.
//!
//! The only unsafe code of the crate.

#![allow(unsafe_code, reason = "see each use")]

use alloc::alloc::{alloc, realloc};
use core::alloc::Layout;
use core::panic::PanicInfo;
use core::ptr;

// `memcmp`, which comparing slices calls, is in libc.
#[link(name = "c")]
unsafe extern "C" {}

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Memory for the parameters and the results of a call.
///
/// It never answers null: the canonical ABI would then write to address 0. What cannot be
/// had ends the instance.
///
/// # Safety
///
/// As the canonical ABI calls it: `old_ptr` with `old_len` and `align` is null or comes
/// from here, and `align` is a power of two.
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
