//! Pins: values that stay readable as they are, whatever becomes of their keys.

use alloc::vec::Vec;

use super::Map;
use crate::arena::{Arena, NONE};
use crate::clock::Clock;
use crate::entry::Header;
use crate::error::{Error, NoRoom};
use crate::value::Value;

/// Holds a value of a [`Map`] as it is. [`Map::unpin`] lets go of it; a pin that is
/// dropped without holds it until the map ends.
#[derive(Debug)]
#[must_use = "its value is held until `Map::unpin`"]
pub struct Pin {
    place: u32,
    /// Tells apart the pins that have had this place.
    serial: u64,
}

/// What a pin holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned<'a> {
    /// The value.
    pub value: Value<'a>,
    /// Its version.
    pub version: u64,
}

/// A place for a pin.
struct Place {
    /// The entry; `NONE`: it is free.
    entry: u32,
    serial: u64,
}

/// The pins that are held.
pub(super) struct Pins {
    places: Vec<Place>,
    held: u32,
    /// Of the latest pin.
    serial: u64,
}

impl Pins {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            held: 0,
            serial: 0,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.places.capacity() * size_of::<Place>()) as u64
    }

    pub(super) const fn any(&self) -> bool {
        self.held > 0
    }

    /// The entries that are pinned, one for each pin.
    pub(super) fn entries(&self) -> impl Iterator<Item = u32> + Clone {
        let entries = self.places.iter().map(|place| place.entry);
        entries.filter(|&entry| entry != NONE)
    }

    /// Bytes of the slots of all that is pinned.
    pub(super) fn held_bytes(&self, arena: &Arena) -> u64 {
        let entries = self.entries().enumerate();
        // Each entry once, though it may have several pins.
        let first = entries.filter(|&(at, entry)| !self.entries().take(at).any(|e| e == entry));
        first.map(|(_, entry)| arena.bytes_of(entry)).sum()
    }

    /// Follows an entry that has moved to another slot.
    pub(super) fn moved(&mut self, from: u32, to: u32) {
        for place in &mut self.places {
            if place.entry == from {
                place.entry = to;
            }
        }
    }

    /// The bytes that one more pin takes.
    fn growth(&self) -> u64 {
        if (self.held as usize) < self.places.capacity() {
            return 0;
        }
        (self.places.capacity().max(4) * size_of::<Place>()) as u64
    }

    /// A free place.
    fn reserve(&mut self) -> Result<u32, NoRoom> {
        if self.held as usize == self.places.len() {
            if self.places.len() == self.places.capacity() {
                let more = self.places.capacity().max(4);
                self.places.try_reserve_exact(more)?;
            }
            self.places.push(Place {
                entry: NONE,
                serial: 0,
            });
        }
        let free = self.places.iter().position(|place| place.entry == NONE);
        free.map(|place| place as u32).ok_or(NoRoom)
    }

    fn get(&self, pin: &Pin) -> Option<u32> {
        let place = self.places.get(pin.place as usize)?;
        (place.serial == pin.serial && place.entry != NONE).then_some(place.entry)
    }
}

impl<C: Clock> Map<C> {
    /// Pins the value of `key`: its bytes stay readable through the pin, whether the key is
    /// overwritten, deleted, evicted or cleared, or expires. `None`: it is not there.
    ///
    /// What is pinned is not evicted, and its bytes count as long as the pin is held. Counts
    /// as a hit or a miss.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] where [`Limits::max_pins`](crate::Limits::max_pins) are held, or
    /// there is no memory for one more.
    pub fn pin(&mut self, key: &[u8]) -> Result<Option<Pin>, Error> {
        self.clock.begin();
        let Some(entry) = self.read(key) else {
            return Ok(None);
        };
        let fits = |map: &Self| map.bytes() + map.pins.growth() <= map.most();
        let room = fits(self) || self.arena.shrink() && fits(self);
        let place = (room && self.pins.held < self.limits.max_pins)
            .then(|| self.pins.reserve().ok())
            .flatten();
        let Some(place) = place else {
            self.counts.refused += 1;
            return Err(Error::Full);
        };
        self.note_high_water();
        self.eviction.hold(&mut self.arena, entry);
        self.arena.header_mut(entry).flags |= Header::PINNED;
        let serial = self.pins.serial + 1;
        self.pins.places[place as usize] = Place { entry, serial };
        self.pins.serial = serial;
        self.pins.held += 1;
        Ok(Some(Pin { place, serial }))
    }

    /// What a pin holds. `None`: it is a pin of another map.
    pub fn pinned(&self, pin: &Pin) -> Option<Pinned<'_>> {
        let entry = self.pins.get(pin)?;
        Some(Pinned {
            value: self.arena.value(entry),
            version: self.arena.header(entry).version,
        })
    }

    /// Lets go of a value. That of a key that has another value by now, or none, is gone
    /// then.
    #[expect(clippy::needless_pass_by_value, reason = "the pin ends here")]
    pub fn unpin(&mut self, pin: Pin) {
        let Some(entry) = self.pins.get(&pin) else {
            return;
        };
        self.pins.places[pin.place as usize].entry = NONE;
        self.pins.held -= 1;
        if self.pins.entries().any(|other| other == entry) {
            return;
        }
        let header = self.arena.header_mut(entry);
        header.flags &= !Header::PINNED;
        if header.has(Header::DETACHED) {
            self.arena.remove(entry);
        } else {
            self.eviction.let_go(&mut self.arena, entry);
        }
    }
}
