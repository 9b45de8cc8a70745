//! `pinned`: a pin of the engine, which ends with its handle.

use crate::bindings::exports::localmap::core::local_map as wit;
use crate::state::{WasiClock, with_map};
use alloc::vec::Vec;
use localmap_engine as engine;

/// What a handle stands for.
pub(crate) struct Held {
    /// None: it has ended.
    pin: Option<engine::PinId>,
}

impl Held {
    /// Pins the value of `key`. None: it is not there.
    pub(crate) fn new(
        map: &mut engine::Map<WasiClock>,
        key: &[u8],
    ) -> Result<Option<Self>, engine::Error> {
        let Some(pin) = map.pin(key)? else {
            return Ok(None);
        };
        // A handle is allocated where that cannot be refused, and stays. So that it is
        // not had from the scratch, we try here whether it can be had without.
        let mut place = Vec::<Option<Self>>::new();
        if place.try_reserve_exact(1).is_err() {
            map.unpin(pin);
            return Err(engine::Error::Full);
        }
        Ok(Some(Self { pin: Some(pin) }))
    }

    fn read<R: Default>(&self, read: impl FnOnce(engine::PinnedValue<'_>) -> R) -> R {
        with_map(|map| {
            // There is a pin until the handle ends, and it is one of this map.
            let pinned = self.pin.as_ref().and_then(|pin| map.pinned(pin));
            pinned.map(read).unwrap_or_default()
        })
    }
}

impl wit::GuestPinned for Held {
    fn value(&self) -> Vec<u8> {
        self.read(|pinned| pinned.value.to_vec())
    }

    fn version(&self) -> wit::Version {
        self.read(|pinned| pinned.version)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(pin) = self.pin.take() {
            with_map(|map| map.unpin(pin));
        }
    }
}
