//! A value that is held.

use std::{fmt, rc::Rc};

use localmap_engine as engine;

use super::map::Engine;
use crate::Version;

/// A value that is held, made by [`LocalMap::pin`](super::LocalMap::pin): it stays
/// readable until this is dropped, even if its key is overwritten or deleted, expires
/// or is cleared meanwhile, and even if the `LocalMap` is dropped before.
///
/// What it holds counts against `max_bytes`, and it is one of `max_pins`. Dropping it
/// gives both back.
///
/// It does not lend the bytes as a slice: a large value lies in several pieces, and
/// the map may be changed while this is held.
#[must_use = "the value is held only until this is dropped"]
pub struct Pinned {
    engine: Rc<Engine>,
    /// Taken when this is dropped, and not before.
    pin: Option<engine::PinId>,
}

impl Pinned {
    pub(super) fn new(engine: &Rc<Engine>, pin: engine::PinId) -> Self {
        Self {
            engine: Rc::clone(engine),
            pin: Some(pin),
        }
    }

    /// A copy of the value, as it was when it was pinned. Each call copies it anew.
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        self.read(|pinned| pinned.value.to_vec())
    }

    /// The version of the value.
    #[must_use]
    pub fn version(&self) -> Version {
        self.read(|pinned| pinned.version)
    }

    fn read<R: Default>(&self, read: impl FnOnce(engine::PinnedValue<'_>) -> R) -> R {
        let engine = self.engine.borrow();
        let pinned = self.pin.as_ref().and_then(|pin| engine.pinned(pin));
        // The pin is there and is one of this map, so there is always something to read.
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
