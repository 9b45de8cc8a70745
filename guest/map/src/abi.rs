//! What a component without `std` must bring along: its allocator, what the
//! canonical ABI calls to get memory, how it panics, and where its state lives.
//!
//! The only unsafe code of the crate.

#![allow(unsafe_code, reason = "see each use")]

mod answer;
mod exports;
mod heap;
mod memory;

pub(crate) use memory::{keep_scratch, reserve, storing};

use core::cell::RefCell;
use core::panic::PanicInfo;
use core::slice;

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

/// 64 bytes, as the contract's `words` carry them.
pub(crate) type Block = [u64; 8];

/// How many blocks come before the rest of a value, which has 1 to 64 bytes.
pub(crate) const fn block_count(len: usize) -> usize {
    len.saturating_sub(1) / size_of::<Block>()
}

/// Their bytes: in WebAssembly the first byte of a word is its lowest.
pub(crate) const fn as_bytes(words: &[u64]) -> &[u8] {
    // SAFETY: eight bytes lie where a word lies.
    unsafe { slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
