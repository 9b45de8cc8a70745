//! The pins that a host holds. Each refers to a handle in the store of its map, and only the store
//! can drop that handle. Dropping a pin therefore adds its handle to a list, and the next call of
//! the map drops the handles in the list.

use crate::contract::entry::Version;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use std::fmt;
use std::sync::{Arc, Weak};
use wasmtime::component::ResourceAny;

/// A pinned value: see [`LocalMap::pin`](crate::LocalMap::pin), which has an example.
///
/// Dropping it releases the value with the next operation of its map. A pin does not keep the
/// map alive: the value is freed with the map.
pub struct Pinned {
    resource: ResourceAny,
    version: Version,
    /// The list of released handles of the map that returned the pin.
    released: Weak<Released>,
}

impl Pinned {
    pub(crate) fn new(resource: ResourceAny, version: Version, released: &Arc<Released>) -> Self {
        let released = Arc::downgrade(released);
        Self {
            resource,
            version,
            released,
        }
    }

    /// Returns the version of the value.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let version = map.set(b"settings", b"dark", Ttl::Never)?;
    /// let pin = map.pin(b"settings")?.ok_or("absent")?;
    /// assert_eq!(pin.version(), version);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the handle, if the pin belongs to the map with this list.
    pub(crate) fn resource(&self, released: &Arc<Released>) -> Option<ResourceAny> {
        std::ptr::eq(self.released.as_ptr(), Arc::as_ptr(released)).then_some(self.resource)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // If the map has ended, its handles are already freed.
        if let Some(released) = self.released.upgrade() {
            released.push(self.resource);
        }
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The handles of pins that were dropped, possibly by another thread.
pub(crate) struct Released {
    /// Whether the list has any handles. Most calls find none, and check that without a lock.
    any: AtomicBool,
    handles: Mutex<Vec<ResourceAny>>,
}

impl Released {
    /// Creates an empty list.
    pub(crate) fn new() -> Self {
        Self {
            any: AtomicBool::new(false),
            handles: Mutex::new(Vec::new()),
        }
    }

    fn push(&self, handle: ResourceAny) {
        let mut handles = lock(&self.handles);
        handles.push(handle);
        self.any.store(true, Ordering::Release);
    }

    /// Takes all handles out of the list.
    pub(crate) fn take(&self) -> Vec<ResourceAny> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut handles = lock(&self.handles);
        self.any.store(false, Ordering::Release);
        std::mem::take(&mut *handles)
    }
}
