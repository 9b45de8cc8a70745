//! What the host keeps for one map.

use crate::clock::Clock;
use crate::memory::MemoryLimiter;
use std::sync::Arc;

/// The data of a map's store.
pub(crate) struct State {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) memory: MemoryLimiter,
}
