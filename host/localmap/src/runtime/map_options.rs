//! What one map is made with.

use crate::cancel::CancelHandle;
use crate::contract::limits::Limits;
use crate::runtime::clock::{Clock, SystemClock};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a map is made with. The default is safe for untrusted guests.
///
/// ```
/// use localmap::{Host, Limits, ManualClock, MapOptions};
///
/// let clock = ManualClock::new();
/// let options = MapOptions::new()
///     .limits(Limits::default().max_bytes(1 << 20))
///     .max_memory(8 << 20)
///     .clock(clock.clone());
/// let map = Host::new()?.map(&options)?;
/// # Ok::<(), localmap::CreateError>(())
/// ```
#[derive(Clone)]
pub struct MapOptions {
    pub(crate) limits: Limits,
    max_memory: Option<usize>,
    pub(crate) max_table_elements: usize,
    hostcall_fuel: Option<usize>,
    pub(crate) max_handles: usize,
    pub(crate) call_timeout: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel_with: Option<CancelHandle>,
}

impl MapOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            limits: Limits::default(),
            max_memory: None,
            max_table_elements: 100_000,
            hostcall_fuel: None,
            max_handles: 66_560,
            call_timeout: Duration::from_secs(5),
            clock: Arc::new(SystemClock::new()),
            cancel_with: None,
        }
    }

    /// The bounds of the map. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many bytes of linear memory and tables the store may have, all told. Default,
    /// and the most that it may be: [`HostOptions::max_memory`](crate::HostOptions), which
    /// is 64 MiB unless it is set.
    ///
    /// It is there to contain the component, not to size the map: choose it well over
    /// [`Limits::max_bytes`], as arguments, answers and what the allocator has to spare
    /// take room as well. Where it is reached first, what the map holds then is its
    /// limit: it answers [`Error::Full`](crate::Error::Full), or
    /// [evicts](crate::Policy). So that it can, it sets aside the largest value or
    /// 1 MiB, and some 600 KiB. With less than that, an argument or an answer that does
    /// not fit [ends the map](crate::TerminationCause::OutOfMemory).
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory = Some(bytes);
        self
    }

    /// How many elements the tables of the store may have, all told. Default 100,000. In a
    /// [pool](crate::Allocation::Pooling) one table has at most 20,000.
    #[must_use]
    pub fn max_table_elements(mut self, elements: usize) -> Self {
        self.max_table_elements = elements;
        self
    }

    /// How long one operation may take before it ends the map. Default 5 s.
    /// [`Duration::MAX`]: for ever. Making the map is bounded likewise.
    ///
    /// The time is that of a clock on the wall, looked at every 10 ms: an operation ends
    /// after this time, and at most 20 ms and one instruction later. (One instruction can
    /// fill all of the memory.) It does not end what takes long in the
    /// [clock](Self::clock).
    #[must_use]
    pub fn call_timeout(mut self, time: Duration) -> Self {
        self.call_timeout = time;
        self
    }

    /// How many bytes the map may hand to the host in one call, as
    /// [`wasmtime::Store::set_hostcall_fuel`] counts them: more ends the map. Default:
    /// twice [`max_memory`](Self::max_memory), and at least 16 MiB.
    #[must_use]
    pub fn hostcall_fuel(mut self, bytes: usize) -> Self {
        self.hostcall_fuel = Some(bytes);
        self
    }

    /// How many handles of resources there may be in the store, of which each pin takes
    /// one: more ends the map. Default 66,560, which is 1,024 more than the most that
    /// [`Limits::max_pins`] can be.
    #[must_use]
    pub fn max_handles(mut self, handles: usize) -> Self {
        self.max_handles = handles;
        self
    }

    /// Cancels the map with `handle`: the map's own handle is a
    /// [child](CancelHandle::child) of it. Default: it is cancelled by its own alone.
    #[must_use]
    pub fn cancel_with(mut self, handle: &CancelHandle) -> Self {
        self.cancel_with = Some(handle.clone());
        self
    }

    /// The clock that TTLs are measured with. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What the store may have where the host allows `most`.
    pub(crate) fn memory_or(&self, most: usize) -> usize {
        self.max_memory.unwrap_or(most)
    }

    /// The fuel of a store with so much memory.
    pub(crate) fn fuel(&self, max_memory: usize) -> usize {
        self.hostcall_fuel
            .unwrap_or(max_memory.saturating_mul(2).max(16 << 20))
    }
}

impl Default for MapOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MapOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapOptions")
            .field("limits", &self.limits)
            .field("max_memory", &self.max_memory)
            .field("max_table_elements", &self.max_table_elements)
            .field("call_timeout", &self.call_timeout)
            .field("hostcall_fuel", &self.hostcall_fuel)
            .field("max_handles", &self.max_handles)
            .finish_non_exhaustive()
    }
}
