//! Pins, which keep values readable when their keys change.

use super::observed::{done, read};
use super::{LocalMap, findable};
use crate::contract::error::{PinError, PinnedError, Refused};
use crate::contract::observer::{Asked, Operation, found};
use crate::runtime::pinned::Pinned;

/// # Pins
impl LocalMap {
    /// Pins the value of `key`; returns `None` if it is absent. Counts as a hit or a miss, as
    /// [`get`](Self::get) does.
    ///
    /// [`pinned`](Self::pinned) reads the value until the pin is dropped, even if its key is
    /// overwritten, deleted or cleared, or expires. Pinned bytes count towards
    /// [`Limits::max_bytes`](crate::Limits#structfield.max_bytes), and an entry is not evicted
    /// while its current value is pinned. Dropping a [`Pinned`] releases its value with the next
    /// operation of the map; [`unpin`](Self::unpin) releases it immediately.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"settings", b"old", Ttl::Never)?;
    /// let settings = map.pin(b"settings")?.ok_or("absent")?;
    /// map.set(b"settings", b"new", Ttl::Never)?;
    /// assert_eq!(map.pinned(&settings)?, b"old");
    /// map.unpin(settings)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`PinError::Full`] if the map has
    ///   [`Limits::max_pins`](crate::Limits#structfield.max_pins) pins, or no memory for
    ///   another one.
    /// - Returns [`PinError::Terminated`] if the map has terminated.
    pub fn pin(&mut self, key: &[u8]) -> Result<Option<Pinned>, PinError> {
        let of = |pin: &Option<Pinned>| (found(pin.is_some()), 0);
        self.observed(Asked::key(Operation::Pin, key), of, |map| map.pin_now(key))
    }

    fn pin_now(&self, key: &[u8]) -> Result<Option<Pinned>, PinError> {
        self.cell.enter(|live| {
            let pin = match live.core.pin(findable(key))? {
                Ok(Some(pin)) => pin,
                Ok(None) => return Ok(Ok(None)),
                Err(error) => return Ok(Err(Refused::new(error, 0).try_into()?)),
            };
            let version = live.core.pinned_version(pin)?;
            Ok(Ok(Some(Pinned::new(pin, version, &live.released))))
        })?
    }

    /// Returns the value that a pin holds. See [`pin`](Self::pin) for an example.
    ///
    /// # Errors
    ///
    /// - Returns [`PinnedError::ForeignPin`] if another map returned the pin.
    /// - Returns [`PinnedError::Terminated`] if the map has terminated.
    pub fn pinned(&mut self, pin: &Pinned) -> Result<Vec<u8>, PinnedError> {
        self.observed(Asked::keys(Operation::PinnedValue, 0), read, |map| {
            map.cell.enter(|live| {
                let Some(pin) = pin.rep(&live.released) else {
                    return Ok(Err(PinnedError::ForeignPin));
                };
                Ok(Ok(live.core.pinned_value(pin)?))
            })?
        })
    }

    /// Drops a pin and releases its value immediately, rather than with the next operation. See
    /// [`pin`](Self::pin) for an example.
    ///
    /// # Errors
    ///
    /// - Returns [`PinnedError::ForeignPin`] if another map returned the pin. The pin is still
    ///   dropped, and the other map releases the value.
    /// - Returns [`PinnedError::Terminated`] if the map has terminated.
    pub fn unpin(&mut self, pin: Pinned) -> Result<(), PinnedError> {
        self.observed(Asked::keys(Operation::Unpin, 0), done, |map| {
            let own = map
                .cell
                .enter(|live| Ok(pin.rep(&live.released).is_some()))?;
            drop(pin);
            if !own {
                return Err(PinnedError::ForeignPin);
            }
            Ok(map.cell.enter(|_| Ok(()))?)
        })
    }
}
