//! `cabi_realloc`: memory for the parameters and results of a call.

#![allow(unsafe_code, reason = "allocates: see each use")]

use alloc::alloc::{alloc, realloc};
use core::alloc::Layout;
use core::ptr;

/// The source of new blocks for [`export_cabi_realloc!`](crate::export_cabi_realloc).
///
/// # Safety
///
/// A block that `allocate` returns must be valid for reads and writes of `layout.size()`
/// bytes, aligned to `layout.align()` and owned only by the caller. The global allocator
/// must accept it in `realloc` and `dealloc`.
pub unsafe trait ParameterMemory {
    /// Returns a new block for `layout`, or null if there is no memory for it.
    ///
    /// # Safety
    ///
    /// `layout.size()` must not be zero.
    unsafe fn allocate(layout: Layout) -> *mut u8;
}

/// The global allocator.
pub struct GlobalHeap;

// SAFETY: the global allocator accepts its own blocks.
unsafe impl ParameterMemory for GlobalHeap {
    #[inline]
    unsafe fn allocate(layout: Layout) -> *mut u8 {
        // SAFETY: the caller guarantees that the size is not zero.
        unsafe { alloc(layout) }
    }
}

/// Exports `cabi_realloc`, which takes new blocks from the given [`ParameterMemory`].
#[macro_export]
macro_rules! export_cabi_realloc {
    ($memory:ty) => {
        /// # Safety
        ///
        /// See `localmap_abi::reallocate`.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn cabi_realloc(
            old_ptr: *mut u8,
            old_len: usize,
            align: usize,
            new_len: usize,
        ) -> *mut u8 {
            // SAFETY: the canonical ABI guarantees the requirements of `reallocate`.
            unsafe { $crate::reallocate::<$memory>(old_ptr, old_len, align, new_len) }
        }
    };
}

/// Allocates, grows or shrinks a block for the canonical ABI.
///
/// Traps if there is no memory. It never returns null, because the canonical ABI would then
/// write to address 0.
///
/// # Safety
///
/// `align` must be a power of two. If `old_len` is not zero, `old_ptr` must be a block of
/// `old_len` bytes with the alignment `align` that this function returned and that has not
/// been freed since.
#[inline]
pub unsafe fn reallocate<M: ParameterMemory>(
    old_ptr: *mut u8,
    old_len: usize,
    align: usize,
    new_len: usize,
) -> *mut u8 {
    if new_len == 0 {
        return ptr::without_provenance_mut(align);
    }
    // A list may be longer than half of the memory, but an allocation may not, so it has no
    // layout.
    let layouts = (
        Layout::from_size_align(old_len, align),
        Layout::from_size_align(new_len, align),
    );
    let block = match layouts {
        // SAFETY: the new length is not zero.
        (Ok(_), Ok(new)) if old_len == 0 => unsafe { M::allocate(new) },
        // SAFETY: the caller guarantees that `old_ptr` is valid; neither length is zero, and the
        // new length has a valid layout.
        (Ok(old), Ok(_)) => unsafe { realloc(old_ptr, old, new_len) },
        _ => ptr::null_mut(),
    };
    if block.is_null() {
        core::arch::wasm32::unreachable();
    }
    block
}
