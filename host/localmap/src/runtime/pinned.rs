//! Pins as a host holds them. Each stands for a handle in the store of its map, which can
//! only be dropped there: so a pin that is dropped leaves its handle behind, and the
//! next call of the map sees to it.

use crate::contract::types::Version;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use wasmtime::component::ResourceAny;

/// A value that a map holds: see [`LocalMap::pin`](crate::LocalMap::pin).
///
/// Dropping it gives the value back, with the next operation of its map. It does not
/// keep the map alive: what is pinned ends with it.
pub struct Pinned {
    resource: ResourceAny,
    version: Version,
    /// Of the map that made it.
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

    /// The version of the value.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The handle, if it is one of the map that has this list.
    pub(crate) fn resource(&self, released: &Arc<Released>) -> Option<ResourceAny> {
        std::ptr::eq(self.released.as_ptr(), Arc::as_ptr(released)).then_some(self.resource)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // A map that has ended has given back everything.
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

/// The handles of pins that were dropped, perhaps by another thread.
#[derive(Default)]
pub(crate) struct Released {
    /// Whether there are any: most calls find none, and need no lock to see it.
    any: AtomicBool,
    handles: Mutex<Vec<ResourceAny>>,
}

impl Released {
    fn push(&self, handle: ResourceAny) {
        // A list is whole after each of its operations, whoever panicked.
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.push(handle);
        self.any.store(true, Ordering::Release);
    }

    /// Takes them all.
    pub(crate) fn take(&self) -> Vec<ResourceAny> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(false, Ordering::Release);
        std::mem::take(&mut *handles)
    }
}
