//! Limits the buckets and swaps that an app may hold, as each uses memory here and in the host.

use alloc::format;
use alloc::string::String;
use core::sync::atomic::{AtomicU32, Ordering};

/// The limit: enough for apps whose garbage collector drops handles, and far below Wasmtime's
/// limit for a store.
const MAX: u32 = 10_000;

static OPEN: AtomicU32 = AtomicU32::new(0);

/// One open handle. Dropping it makes room for another one.
pub(crate) struct Handle(());

impl Handle {
    /// Counts another handle, or returns an error text if there are too many.
    pub(crate) fn new() -> Result<Self, String> {
        let open = OPEN.load(Ordering::Relaxed);
        if open >= MAX {
            return Err(format!(
                "limit of {MAX} open buckets and cas handles reached: drop those no longer in use"
            ));
        }
        OPEN.store(open + 1, Ordering::Relaxed);
        Ok(Self(()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}
