//! The clocks: a plain cell, and the system's.

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) trait Now: Default {
    /// Returns the time in nanoseconds.
    fn now(&self) -> u64;
}

/// A clock that stands still, and costs nothing.
#[derive(Clone, Default)]
pub(crate) struct Cell;

static TIME: AtomicU64 = AtomicU64::new(1);

/// Sets the time, which hides it from the compiler.
pub(crate) fn set(time: u64) {
    TIME.store(time, Ordering::Relaxed);
}

impl Now for Cell {
    #[inline]
    fn now(&self) -> u64 {
        TIME.load(Ordering::Relaxed)
    }
}

/// The WASI clock, called as the map component calls it.
#[cfg(target_arch = "wasm32")]
#[derive(Default)]
pub(crate) struct System;

#[cfg(target_arch = "wasm32")]
impl Now for System {
    #[inline]
    fn now(&self) -> u64 {
        crate::bindings::wasi::clocks::monotonic_clock::now()
    }
}

/// The clock of this machine.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone)]
pub(crate) struct System(std::time::Instant);

#[cfg(not(target_arch = "wasm32"))]
impl Default for System {
    fn default() -> Self {
        Self(std::time::Instant::now())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Now for System {
    #[inline]
    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
