//! The data of a map's store.

use crate::clock::Clock;
use crate::contract::duration::map_time;
use crate::runtime::abi::pins::PinHandles;
use crate::runtime::host_stats::{HostCounts, add_one};
use crate::runtime::mappings::Mappings;
use crate::runtime::memory::MemoryLimiter;
use crate::snapshot::time::SharedTime;
use std::sync::Arc;
use std::time::Instant;
use wasmtime::{Memory, ResourceLimiter, Result};

/// The data that the host keeps for one map.
pub(crate) struct StoreData {
    clock: Arc<dyn Clock>,
    /// The latest time that the map has been given, in nanoseconds.
    seen: u64,
    /// Whether time stands still for the map.
    is_stopped: bool,
    /// The time that the map shares with the readers of its snapshot, once it has one.
    shared: Option<Arc<SharedTime>>,
    pub(crate) memory: MemoryLimiter,
    /// The mappings of the memory; `None` if they are not counted.
    mappings: Option<Mappings>,
    pub(crate) pins: PinHandles,
    /// The memory of the instance, once it is known.
    pub(crate) instance_memory: Option<Memory>,
    /// The time at which the current call was first seen running.
    pub(crate) call_seen: Option<Instant>,
    pub(crate) counts: Arc<HostCounts>,
}

impl StoreData {
    /// Creates the data of a store that has not been called yet.
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        memory: MemoryLimiter,
        mappings: Option<Mappings>,
        pins: PinHandles,
        counts: Arc<HostCounts>,
    ) -> Self {
        Self {
            clock,
            seen: 0,
            is_stopped: false,
            shared: None,
            memory,
            mappings,
            pins,
            instance_memory: None,
            call_seen: None,
            counts,
        }
    }

    /// Begins a call. Resets the data of the previous call.
    pub(crate) fn begin_call(&mut self) {
        self.call_seen = None;
        self.memory.begin_call();
    }

    /// Returns the time for the map, in nanoseconds. It never goes back.
    pub(crate) fn now(&mut self) -> u64 {
        if !self.is_stopped {
            self.seen = self.seen.max(map_time(self.clock.now()));
            if let Some(shared) = &self.shared {
                self.seen = shared.record(self.seen);
            }
        }
        self.seen
    }

    /// Stops the time of the map, so that several calls happen at the same instant. Returns that
    /// time.
    pub(crate) fn stop_time(&mut self) -> u64 {
        let now = self.now();
        self.is_stopped = true;
        now
    }

    /// Lets time go on after [`stop_time`](Self::stop_time).
    pub(crate) fn resume_time(&mut self) {
        self.is_stopped = false;
    }

    /// Returns the time to share with the readers of the snapshot.
    pub(crate) fn shared_time(&mut self) -> &Arc<SharedTime> {
        let new = || Arc::new(SharedTime::new(Arc::clone(&self.clock), self.seen));
        self.shared.get_or_insert_with(new)
    }
}

/// Bounds the memory and, if they are counted, its mappings.
impl ResourceLimiter for StoreData {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let fits = self.memory.memory_growing(current, desired, maximum)?;
        if !fits {
            add_one(&self.counts.memory_denied);
        }
        let mappings = self.mappings.as_mut();
        if fits && !mappings.is_none_or(|mappings| mappings.grow(desired)) {
            let denied = wasmtime::format_err!("too many mappings");
            self.memory.memory_grow_failed(denied)?;
            add_one(&self.counts.memory_denied);
            return Ok(false);
        }
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        self.memory.memory_grow_failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.memory.table_growing(current, desired, maximum)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        self.memory.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.memory.instances()
    }

    fn memories(&self) -> usize {
        self.memory.memories()
    }

    fn tables(&self) -> usize {
        self.memory.tables()
    }
}
