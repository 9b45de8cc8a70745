//! A pinned value.

use std::{fmt, rc::Rc};

use localmap_engine as engine;

use super::map::Engine;
use crate::Version;

/// A pinned value, returned by [`LocalMap::pin`](super::LocalMap::pin). It stays readable
/// until this is dropped, even if its key is overwritten, deleted or cleared, or expires, and
/// even if the `LocalMap` is dropped first.
///
/// Its bytes count towards `max_bytes`, and it counts as one of `max_pins`. Dropping it
/// releases both.
///
/// It does not return the bytes as a slice, because a large value is stored in several pieces, and
/// the map may change while the pin exists.
#[must_use = "the value is pinned only until this is dropped"]
pub struct Pinned {
    engine: Rc<Engine>,
    /// `None` only while the value is being dropped.
    pin: Option<engine::PinId>,
}

impl Pinned {
    pub(super) fn new(engine: &Rc<Engine>, pin: engine::PinId) -> Self {
        Self {
            engine: Rc::clone(engine),
            pin: Some(pin),
        }
    }

    /// Returns a copy of the value as it was when it was pinned. Each call makes a new copy.
    /// See [`crate::LocalMap::pin`] for an example.
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        self.read(|pinned| pinned.value.to_vec())
    }

    /// Returns the version of the value. See [`crate::Pinned::version`] for an example.
    #[must_use]
    pub fn version(&self) -> Version {
        self.read(|pinned| pinned.version)
    }

    fn read<R: Default>(&self, read: impl FnOnce(engine::PinnedValue<'_>) -> R) -> R {
        let engine = self.engine.borrow();
        let pinned = self.pin.as_ref().and_then(|pin| engine.pinned(pin));
        // The pin exists until `drop` and belongs to this map, so this is never `None`.
        pinned.map(read).unwrap_or_default()
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(pin) = self.pin.take() {
            self.engine.borrow_mut().unpin(pin);
        }
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").finish_non_exhaustive()
    }
}
