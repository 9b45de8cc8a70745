//! What each store of the embedder keeps.

use super::observer::Observer;
use crate::runtime::local_map::LocalMap;
use crate::runtime::pinned::Pinned;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The map of one of your stores, for [`add_to_linker`](crate::add_to_linker): keep it in
/// the store's data.
///
/// It ends with the store. To keep the map longer, hold on to what
/// [`shared`](Self::shared) gives; [`from_shared`](Self::from_shared) gives it to another
/// store, then or at the same time.
pub struct LinkedMap {
    pub(super) map: Arc<Mutex<LocalMap>>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) pins: Pins,
}

impl LinkedMap {
    /// A store's map to be.
    pub fn new(map: LocalMap) -> Self {
        Self::from_shared(Arc::new(Mutex::new(map)))
    }

    /// The same map for one more store, at the same time as others or after them: for
    /// instances of an app that come and go, such as one for each request, and a map that
    /// stays.
    ///
    /// Each operation of an app is done as a whole, with the map locked, and those of
    /// several come one after the other, on whatever threads they run. Between two of its
    /// operations an app may find what others have done: `set-if`, `increment` and `apply`
    /// are there for that. What an app has pinned is its own, and is let go when its store
    /// is dropped; [`Limits::max_pins`](crate::Limits::max_pins) is for all of them
    /// together.
    ///
    /// Only give it to apps that may see each other's entries. A store that ends, by a trap
    /// for example, leaves the map; a map that dies ends the call of each app that uses it
    /// then.
    pub fn from_shared(map: Arc<Mutex<LocalMap>>) -> Self {
        Self {
            map,
            observer: None,
            pins: Pins::default(),
        }
    }

    /// Tells `observer` of each operation of the app. Default: nobody, which costs nothing.
    ///
    /// What you do yourself, through [`map`](Self::map), is not told.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The map, between calls of the app or after its end: to put entries into it, to raise
    /// its limits, to read its statistics.
    ///
    /// It waits for other threads that have locked it by [`shared`](Self::shared).
    pub fn map(&mut self) -> MutexGuard<'_, LocalMap> {
        lock(&self.map)
    }

    /// The map, for other threads and for later: to look at it while the app runs or waits,
    /// or when its store is gone.
    ///
    /// An operation of the app locks it for as long as it takes, and waits where somebody
    /// else has: lock it briefly, and never from within the map's own clock.
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

/// A thread that panicked within a call (a clock or an observer may) leaves a map that
/// answers or is dead, as it says itself.
pub(super) fn lock(map: &Mutex<LocalMap>) -> MutexGuard<'_, LocalMap> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pins of an app, by the number that stands for each in the app's store. There are at
/// most as many as the map gives: its `max-pins`.
#[derive(Default)]
pub(super) struct Pins {
    pins: Vec<Option<Pinned>>,
    free: Vec<u32>,
}

impl Pins {
    /// Keeps a pin. `None`: 32 bits do not number so many.
    pub(super) fn add(&mut self, pin: Pinned) -> Option<u32> {
        if let Some(number) = self.free.pop() {
            *self.pins.get_mut(number as usize)? = Some(pin);
            return Some(number);
        }
        let number = u32::try_from(self.pins.len()).ok()?;
        self.pins.push(Some(pin));
        Some(number)
    }

    pub(super) fn get(&self, number: u32) -> Option<&Pinned> {
        self.pins.get(number as usize)?.as_ref()
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<Pinned> {
        let pin = self.pins.get_mut(number as usize)?.take()?;
        self.free.push(number);
        Some(pin)
    }
}
