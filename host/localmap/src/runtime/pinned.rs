//! The pins that a host holds. Only a call of its map can release a pin. Dropping one therefore adds
//! it to a list, and the next call of the map releases the pins in the list.

use crate::contract::entry::Version;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use std::fmt;
use std::sync::{Arc, Weak};

/// A pinned value: see [`LocalMap::pin`](crate::LocalMap::pin), which has an example.
///
/// Dropping it releases the value with the next operation of its map. A pin does not keep the
/// map alive: the value is freed with the map.
pub struct Pinned {
    /// The map's own number for the pin.
    rep: u32,
    version: Version,
    /// The list of released pins of the map that returned this one.
    released: Weak<Released>,
}

impl Pinned {
    pub(crate) fn new(rep: u32, version: Version, released: &Arc<Released>) -> Self {
        let released = Arc::downgrade(released);
        Self {
            rep,
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

    /// Returns the map's number for the pin, if it belongs to the map with this list.
    pub(crate) fn rep(&self, released: &Arc<Released>) -> Option<u32> {
        std::ptr::eq(self.released.as_ptr(), Arc::as_ptr(released)).then_some(self.rep)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // If the map has ended, its pins are already freed.
        if let Some(released) = self.released.upgrade() {
            released.push(self.rep);
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

/// The pins that were dropped, possibly by another thread.
pub(crate) struct Released {
    /// Whether the list has any pins. Most calls find none, and check that without a lock.
    any: AtomicBool,
    pins: Mutex<Vec<u32>>,
}

impl Released {
    /// Creates an empty list.
    pub(crate) fn new() -> Self {
        Self {
            any: AtomicBool::new(false),
            pins: Mutex::new(Vec::new()),
        }
    }

    fn push(&self, pin: u32) {
        let mut pins = lock(&self.pins);
        pins.push(pin);
        self.any.store(true, Ordering::Release);
    }

    /// Takes all pins out of the list.
    pub(crate) fn take(&self) -> Vec<u32> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut pins = lock(&self.pins);
        self.any.store(false, Ordering::Release);
        std::mem::take(&mut *pins)
    }
}
