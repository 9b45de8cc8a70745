//! The implementation of a guest's exports: the one map of the instance.

use crate::Runner;
use std::cell::RefCell;

/// The map of a guest, once it has been made.
#[derive(Default)]
pub struct Door(RefCell<Option<Box<dyn Runner>>>);

impl Door {
    /// Creates a door without a map.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Stores the map. Returns `false` if `runner` is `None`.
    pub fn open(&self, runner: Option<Box<dyn Runner>>) -> bool {
        let made = runner.is_some();
        self.0.replace(runner);
        made
    }

    /// Calls [`Runner::run`]. Returns 0 without a map.
    pub fn run(&self, work: u32, count: u32) -> u32 {
        let mut runner = self.0.borrow_mut();
        runner.as_mut().map_or(0, |runner| runner.run(work, count))
    }

    /// Calls [`Runner::footprint`]. Returns 0 without a map.
    pub fn footprint(&self) -> u64 {
        let mut runner = self.0.borrow_mut();
        runner.as_mut().map_or(0, |runner| runner.footprint())
    }
}

/// Returns the bytes of the linear memory, or 0 in native code, which has none.
#[must_use]
pub fn linear_memory() -> u64 {
    #[cfg(target_arch = "wasm32")]
    {
        core::arch::wasm32::memory_size(0) as u64 * 65_536
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        0
    }
}
