//! The map that a host owns: its creation and its end, and the entry of calls into its sandbox.
//! The submodules define the operations.

mod admin;
mod batch;
mod changes;
mod observed;
mod pins;
mod reads;
mod rule;
mod scans;
mod snapshots;
mod writes;

use crate::cancel::handle::CancelHandle;
use crate::contract::error::{MapTerminated, TerminationCause};
use crate::contract::limits::MAX_KEY_LEN;
use crate::contract::rule::WriteRule;
use crate::runtime::compiled::Compiled;
use crate::runtime::core_instance::CoreInstance;
use crate::runtime::create_error::CreateError;
use crate::runtime::host_options::{Allocation, HostOptions};
use crate::runtime::host_stats::HostCounts;
use crate::runtime::map_instance::MapInstance;
use crate::runtime::map_options::MapOptions;
use crate::runtime::map_state::MapCell;
use crate::runtime::mappings::Mappings;
use crate::runtime::observation::Observation;
use crate::runtime::permits::Permits;
use std::fmt;
use std::sync::Arc;

/// A map: one store, one instance, one linear memory.
///
/// Keys are any 1 to [`Limits::max_key`](crate::Limits#structfield.max_key) bytes. Values are
/// any bytes, up to [`Limits::max_value`](crate::Limits#structfield.max_value). Writes check
/// both. Reads fail only if the map has [terminated](MapTerminated): a key that the map cannot
/// store is absent. A write that fails has changed nothing.
///
/// An entry expires when the map's [clock](crate::Clock) reaches its deadline. From then on
/// every operation treats its key as absent.
///
/// Each operation is one call into the sandbox. It needs `&mut self`, so one thread uses a map
/// at a time; the map is [`Send`]. Other threads can read a [snapshot](Self::snapshot).
///
/// ```
/// use localmap::{Host, MapOptions, Ttl};
/// use std::time::Duration;
///
/// let mut map = Host::new()?.map(&MapOptions::new())?;
/// map.set(b"session", b"alice", Ttl::After(Duration::from_secs(1800)))?;
/// assert_eq!(map.get(b"session")?.as_deref(), Some(&b"alice"[..]));
/// assert!(map.delete(b"session")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The end of a map
///
/// Dropping a map frees its memory, and no later map can read a byte of it. A map terminates before
/// that if a call traps or exceeds [`call_timeout`](MapOptions::call_timeout), or if the map is
/// [cancelled](Self::cancel_handle). Termination frees the memory, and each further operation
/// returns the [cause and the time](MapTerminated).
pub struct LocalMap {
    cell: Arc<MapCell<MapInstance>>,
    /// The rule for the writes of linked apps.
    rule: Option<Arc<dyn WriteRule>>,
    observation: Observation,
}

impl LocalMap {
    /// Creates an empty map.
    pub(crate) fn new(
        compiled: &Arc<Compiled>,
        host: &HostOptions,
        permits: &Arc<Permits>,
        counts: &Arc<HostCounts>,
        options: &MapOptions,
    ) -> Result<Self, CreateError> {
        let handle = match &options.cancel_with {
            Some(parent) => parent.child(),
            None => CancelHandle::new(),
        };
        if handle.is_cancelled() {
            return Err(CreateError::Cancelled);
        }
        let (asked, max) = (options.memory_or(host.max_memory), host.max_memory);
        if asked > max {
            return Err(CreateError::TooMuchMemory { asked, max });
        }
        let permit = permits.acquire(host.wait, &handle)?;
        let mappings = match host.allocation {
            Allocation::Compact => {
                Some(Mappings::take().map_err(|max| CreateError::TooManyMappings { max })?)
            }
            _ => None,
        };
        let counts = Arc::clone(counts);
        let instance =
            MapInstance::new(compiled, options, asked, &handle, permit, mappings, counts)?;
        let cell = MapCell::new(instance, handle).ok_or(CreateError::Cancelled)?;
        Ok(Self {
            cell,
            rule: options.rule.clone(),
            observation: Observation::new(options.observer.clone()),
        })
    }

    /// Returns the handle that cancels the map from any thread: see [`CancelHandle::cancel`].
    ///
    /// ```
    /// use localmap::{Host, MapOptions};
    ///
    /// let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let handle = map.cancel_handle();
    /// std::thread::spawn(move || handle.cancel()).join().ok();
    /// assert!(map.get(b"k").is_err());
    /// # Ok::<(), localmap::CreateError>(())
    /// ```
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cell.handle().clone()
    }

    /// Returns the current size of the linear memory of the map's store, in bytes; 0 if the map has
    /// terminated.
    ///
    /// ```
    /// use localmap::{Host, MapOptions};
    ///
    /// let map = Host::new()?.map(&MapOptions::new())?;
    /// assert!(map.memory() > 0);
    /// map.cancel_handle().cancel();
    /// assert_eq!(map.memory(), 0);
    /// # Ok::<(), localmap::CreateError>(())
    /// ```
    pub fn memory(&self) -> usize {
        let used = self.cell.peek(|live| live.core.store.data().memory.used());
        used.unwrap_or(0)
    }

    /// Ends the map now, even if it is not dropped yet. Each further call returns
    /// [`TerminationCause::Dropped`].
    pub(crate) fn end(&self) {
        self.cell.end(TerminationCause::Dropped);
    }

    /// Returns what tells whether the map is live.
    pub(crate) fn liveness(&self) -> Liveness {
        Liveness(Arc::clone(&self.cell))
    }

    /// Calls into the instance. A call that fails terminates the map.
    fn enter<R>(
        &self,
        call: impl FnOnce(&mut CoreInstance) -> wasmtime::Result<R>,
    ) -> Result<R, MapTerminated> {
        self.cell.enter(|live| call(&mut live.core))
    }
}

/// Tells whether a map is live, without locking it.
pub(crate) struct Liveness(Arc<MapCell<MapInstance>>);

impl Liveness {
    pub(crate) fn is_live(&self) -> bool {
        self.0.is_live()
    }
}

impl Drop for LocalMap {
    fn drop(&mut self) {
        // A thread that is about to cancel the map may keep the cell alive a moment longer.
        self.cell.release();
    }
}

impl fmt::Debug for LocalMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.cell.peek(|live| live.core.store.data().memory.used());
        f.debug_struct("LocalMap")
            .field("alive", &memory.is_some())
            .field("memory", &memory.unwrap_or(0))
            .finish_non_exhaustive()
    }
}

/// Returns the key to pass to the map for a lookup of `key`. A key that is too long is absent, and
/// might not fit into the memory of the map. It is replaced by the empty key, which is also absent.
fn findable(key: &[u8]) -> &[u8] {
    if key.len() > MAX_KEY_LEN { &[] } else { key }
}
