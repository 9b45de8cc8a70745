//! The linked map of a store.

use crate::contract::observer::Observer;
use crate::runtime::local_map::LocalMap;
use crate::runtime::pinned::Pinned;
use crate::sync::{Mutex, MutexGuard, lock};
use std::fmt;
use std::sync::Arc;

/// A function that returns the linked map in the data of a store.
pub(super) type Get<T> = fn(&mut T) -> &mut LinkedMap;

/// The map of one of your stores. Keep it in the store's data, where
/// [`add_to_linker`](crate::add_to_linker) finds it.
///
/// The map ends with the store, unless you keep the handle that [`shared`](Self::shared) returns.
/// [`from_shared`](Self::from_shared) links the map to another store, later or at the same time.
///
/// ```
/// use localmap::{Host, LinkedMap, MapOptions, Ttl};
///
/// let mut first = LinkedMap::new(Host::new()?.map(&MapOptions::new())?);
/// first.map().set(b"k", b"v", Ttl::Never)?;
/// let mut second = LinkedMap::from_shared(first.shared());
/// drop(first);
/// assert_eq!(second.map().get(b"k")?, Some(b"v".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LinkedMap {
    pub(super) map: Arc<Mutex<LocalMap>>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) caller: u64,
    pub(super) pins: Pins,
}

impl LinkedMap {
    /// Links a map to one store. See [`LinkedMap`] for an example.
    pub fn new(map: LocalMap) -> Self {
        Self::from_shared(Arc::new(Mutex::new(map)))
    }

    /// Links a map to another store, at the same time as others or after them. Use it for a map
    /// that outlives the instances of an app, for example if each request has its own instance.
    /// See [`LinkedMap`] for an example.
    ///
    /// Each operation of an app locks the map, so operations of several apps happen one after
    /// the other, on any threads. Between two operations of an app, other apps may change the map.
    /// If that matters, use `set-if`, `increment` or `apply`. Each app has its own pins, which are
    /// dropped with its store; [`Limits::max_pins`](crate::Limits#structfield.max_pins) applies
    /// to all apps together.
    ///
    /// Link a map only to apps that may see each other's entries. A store that ends, for example
    /// by a trap, leaves the map intact. A map that terminates ends each app that calls it
    /// afterwards.
    pub fn from_shared(map: Arc<Mutex<LocalMap>>) -> Self {
        Self {
            map,
            observer: None,
            caller: 0,
            pins: Pins::default(),
        }
    }

    /// Sets the observer of the app's operations, in addition to that of the
    /// [map](crate::MapOptions::observer). Default: none, which costs nothing.
    ///
    /// An operation that it observes includes the wait for the map, which is not locked before and after
    /// it. It does not observe your own operations through [`map`](Self::map). See
    /// [`add_to_linker`](crate::add_to_linker) for an example.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Sets the number of the app, such as that of its request, which observers get with each of its
    /// operations: see [`LocalMap::set_caller`]. Default: 0.
    #[must_use]
    pub fn with_caller(mut self, caller: u64) -> Self {
        self.caller = caller;
        self
    }

    /// Locks the map between calls of the app or after its end, for example to store entries, to
    /// raise limits or to read statistics. See [`LinkedMap`] for an example.
    ///
    /// Waits for other threads that have locked the map through [`shared`](Self::shared).
    pub fn map(&mut self) -> MutexGuard<'_, LocalMap> {
        lock(&self.map)
    }

    /// Returns a shared handle to the map. Use it to read the map from other threads while the app
    /// runs or waits, or after its store was dropped. See [`LinkedMap`] for an example.
    ///
    /// An operation of the app holds the lock until it ends, and waits while others hold it. Hold
    /// the lock only briefly, and never lock the map in its own clock.
    pub fn shared(&self) -> Arc<Mutex<LocalMap>> {
        Arc::clone(&self.map)
    }
}

impl fmt::Debug for LinkedMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkedMap")
            .field("map", &self.map)
            .field("observed", &self.observer.is_some())
            .finish_non_exhaustive()
    }
}

/// The pins of an app, by their ids in the app's store. The map's `max-pins` limits their number.
#[derive(Default)]
pub(super) struct Pins {
    pins: Vec<Option<Pinned>>,
    free: Vec<u32>,
}

impl Pins {
    /// Adds a pin and returns its id; `None` if there is no id left.
    pub(super) fn add(&mut self, pin: Pinned) -> Option<u32> {
        if let Some(id) = self.free.pop() {
            *self.pins.get_mut(id as usize)? = Some(pin);
            return Some(id);
        }
        let id = u32::try_from(self.pins.len()).ok()?;
        self.pins.push(Some(pin));
        Some(id)
    }

    /// Returns the pin with this id.
    pub(super) fn get(&self, id: u32) -> Option<&Pinned> {
        self.pins.get(id as usize)?.as_ref()
    }

    /// Removes the pin with this id. The id can then be used for another pin.
    pub(super) fn remove(&mut self, id: u32) -> Option<Pinned> {
        let pin = self.pins.get_mut(id as usize)?.take()?;
        self.free.push(id);
        Some(pin)
    }
}
