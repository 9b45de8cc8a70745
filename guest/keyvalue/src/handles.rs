//! How many buckets and swaps an app may hold: each costs memory here and in the host.

use alloc::format;
use alloc::string::String;
use core::sync::atomic::{AtomicU32, Ordering};

/// Enough for apps that leave dropping to a garbage collector, and far less than what
/// Wasmtime takes from a store.
const MAX: u32 = 10_000;

static HELD: AtomicU32 = AtomicU32::new(0);

/// One of them. Dropping it makes room for another.
pub(crate) struct Handle(());

impl Handle {
    pub(crate) fn new() -> Result<Self, String> {
        let held = HELD.load(Ordering::Relaxed);
        if held >= MAX {
            return Err(format!(
                "{MAX} buckets and cas handles are open: drop those that are not used any more"
            ));
        }
        HELD.store(held + 1, Ordering::Relaxed);
        Ok(Self(()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}
