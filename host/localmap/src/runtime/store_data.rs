//! What the host keeps for one map.

use crate::runtime::clock::Clock;
use crate::runtime::memory::MemoryLimiter;
use std::sync::Arc;
use std::time::Instant;

/// The data of a map's store.
pub(crate) struct StoreData {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) memory: MemoryLimiter,
    /// When the call that runs was first seen to run.
    pub(crate) began: Option<Instant>,
}

impl StoreData {
    pub(crate) fn new(clock: Arc<dyn Clock>, memory: MemoryLimiter) -> Self {
        Self {
            clock,
            memory,
            began: None,
        }
    }

    /// Forgets what the last call has left.
    pub(crate) fn begin(&mut self) {
        self.began = None;
        self.memory.begin();
    }
}
