//! The options of a map.

use crate::cancel::handle::CancelHandle;
use crate::clock::{Clock, SystemClock};
use crate::contract::limits::Limits;
use crate::contract::observer::Observer;
use crate::contract::rule::WriteRule;
use crate::runtime::growth::Grants;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The options of a map. The defaults are safe for untrusted guests.
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
    pub(crate) rule: Option<Arc<dyn WriteRule>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) cancel_with: Option<CancelHandle>,
    /// Raises the limit on bytes as the map grows; `None` if the limit stays as it is.
    pub(crate) grants: Option<Arc<dyn Grants>>,
}

impl MapOptions {
    /// Creates the default options. See [`MapOptions`] for an example.
    pub fn new() -> Self {
        Self {
            limits: Limits::default(),
            max_memory: None,
            max_table_elements: 100_000,
            hostcall_fuel: None,
            max_handles: 66_560,
            call_timeout: Duration::from_secs(5),
            clock: Arc::new(SystemClock::new()),
            rule: None,
            observer: None,
            cancel_with: None,
            grants: None,
        }
    }

    /// Sets the limits of the map. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the limit on the total size of all linear memories and tables of the store, in bytes.
    /// Default and maximum: [`HostOptions::max_memory`](crate::HostOptions::max_memory), which
    /// is 64 MiB unless it is set.
    ///
    /// This limit contains the component; it does not set the size of the map. Choose it well above
    /// [`Limits::max_bytes`](Limits#structfield.max_bytes), because arguments, results and spare
    /// memory of the allocator need room as well. [`Limits::recommended_memory`] returns a suitable
    /// value. If the map reaches this limit first, its current size becomes its limit: it
    /// returns [`Error::Full`](crate::Error::Full) or [evicts](crate::Policy). To be able to do so,
    /// it reserves the size of the largest value or 1 MiB, whichever is larger, and some 600 KiB.
    /// With less memory than that, an argument or a result that does not fit
    /// [terminates the map](crate::TerminationCause::OutOfMemory).
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory = Some(bytes);
        self
    }

    /// Sets the limit on the total number of elements in all tables. Default 100,000. In a
    /// [pool](crate::Allocation::Pooling) one table has at most 20,000.
    #[must_use]
    pub fn max_table_elements(mut self, elements: usize) -> Self {
        self.max_table_elements = elements;
        self
    }

    /// Sets the time limit of one operation. Exceeding it terminates the map. Default 5 s.
    /// [`Duration::MAX`] means no limit. Creating the map has the same limit.
    ///
    /// The limit is in real time, and is checked every 10 ms: the operation ends at most 20 ms
    /// and one instruction after the limit. (One instruction can fill all of the memory.) It
    /// does not interrupt the map's [clock](Self::clock).
    #[must_use]
    pub fn call_timeout(mut self, time: Duration) -> Self {
        self.call_timeout = time;
        self
    }

    /// Sets the limit on the bytes that the map passes to the host in one call, as counted by
    /// [`wasmtime::Store::set_hostcall_fuel`]. Exceeding it terminates the map.
    /// Default: twice [`max_memory`](Self::max_memory), and at least 16 MiB.
    #[must_use]
    pub fn hostcall_fuel(mut self, bytes: usize) -> Self {
        self.hostcall_fuel = Some(bytes);
        self
    }

    /// Sets the limit on resource handles in the store. Exceeding it terminates the map. Each
    /// pin takes one. Default 66,560, which is 1,024 more than the maximum of
    /// [`Limits::max_pins`](Limits#structfield.max_pins).
    #[must_use]
    pub fn max_handles(mut self, handles: usize) -> Self {
        self.max_handles = handles;
        self
    }

    /// Lets `handle` cancel the map: the map's own handle becomes a
    /// [child](CancelHandle::child) of it. Default: only the map's own handle cancels it.
    ///
    /// See [`CancelHandle`] for an example.
    #[must_use]
    pub fn cancel_with(mut self, handle: &CancelHandle) -> Self {
        self.cancel_with = Some(handle.clone());
        self
    }

    /// Sets the clock that measures TTLs. Default: [`SystemClock`]. A
    /// [`CoarseClock`](crate::CoarseClock) is cheaper to read.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the rule that decides which writes of apps the map accepts, in addition to its limits.
    /// Default: all that fit its limits. See [`WriteRule`] for an example.
    ///
    /// It applies to apps to which the map is [linked](crate::LinkedMap), of every store. It does not
    /// apply to your own calls of [`LocalMap`](crate::LocalMap), nor to
    /// [plugged](crate::plug()) apps, whose calls do not pass through the host.
    #[must_use]
    pub fn write_rule(mut self, rule: impl WriteRule + 'static) -> Self {
        self.rule = Some(Arc::new(rule));
        self
    }

    /// Sets the observer of the map, which sees all of its operations, of the host and of
    /// [linked](crate::LinkedMap) apps. Default: none, which costs nothing.
    ///
    /// It does not see the operations of [plugged](crate::plug()) apps, whose calls do not pass through
    /// the host. See [`Observer`] for an example.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Returns the memory limit of the store, which defaults to that of the host.
    pub(crate) fn memory_or(&self, host_max: usize) -> usize {
        self.max_memory.unwrap_or(host_max)
    }

    /// Returns the hostcall fuel of a store with this memory limit.
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
