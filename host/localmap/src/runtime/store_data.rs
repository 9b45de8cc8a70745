//! The data of a map's store.

use crate::runtime::abi::pins::PinHandles;
use crate::runtime::clock::Clock;
use crate::runtime::memory::MemoryLimiter;
use std::sync::Arc;
use std::time::Instant;

/// The data that the host keeps for one map.
pub(crate) struct StoreData {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) memory: MemoryLimiter,
    pub(crate) pins: PinHandles,
    /// The time at which the current call was first seen running.
    pub(crate) call_seen: Option<Instant>,
}

impl StoreData {
    /// Creates the data of a store that has not been called yet.
    pub(crate) fn new(clock: Arc<dyn Clock>, memory: MemoryLimiter, pins: PinHandles) -> Self {
        Self {
            clock,
            memory,
            pins,
            call_seen: None,
        }
    }

    /// Begins a call. Resets the data of the previous call.
    pub(crate) fn begin_call(&mut self) {
        self.call_seen = None;
        self.memory.begin_call();
    }
}
