//! The resource `pinned`, a pin of the engine that ends with its handle.

use crate::bindings::exports::localmap::core::local_map as wit;
use crate::state::{WasiClock, with_map};
use alloc::vec::Vec;
use localmap_engine as engine;

/// The pin behind a handle of the app.
pub(crate) struct PinHandle {
    /// `None` only while the handle is being dropped.
    pin: Option<engine::PinId>,
}

impl PinHandle {
    /// Pins the value of `key`. Returns `None` if it is absent.
    pub(crate) fn new(
        map: &mut engine::Map<WasiClock>,
        key: &[u8],
    ) -> Result<Option<Self>, engine::Error> {
        let Some(pin) = map.pin(key)? else {
            return Ok(None);
        };
        // The generated code allocates the handle where failure is impossible, and it stays
        // allocated. It must not use the scratch, so check that the heap has enough room.
        let mut room = Vec::<Option<Self>>::new();
        if room.try_reserve_exact(1).is_err() {
            map.unpin(pin);
            return Err(engine::Error::Full);
        }
        Ok(Some(Self { pin: Some(pin) }))
    }

    fn read<R: Default>(&self, read: impl FnOnce(engine::PinnedValue<'_>) -> R) -> R {
        with_map(|map| {
            // The pin belongs to this map and exists until the handle ends.
            let pinned = self.pin.as_ref().and_then(|pin| map.pinned(pin));
            pinned.map(read).unwrap_or_default()
        })
    }
}

impl wit::GuestPinned for PinHandle {
    fn value(&self) -> Vec<u8> {
        self.read(|pinned| pinned.value.to_vec())
    }

    fn version(&self) -> wit::Version {
        self.read(|pinned| pinned.version)
    }
}

impl Drop for PinHandle {
    fn drop(&mut self) {
        if let Some(pin) = self.pin.take() {
            with_map(|map| map.unpin(pin));
        }
    }
}
