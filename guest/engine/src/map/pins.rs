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
#[derive(Clone, Copy)]
struct Place {
    /// The entry; `NONE`: the place is free.
    entry: u32,
    /// Another pin of the same entry, or another place that is free.
    next: u32,
    /// The pin that this is the `next` of; `NONE`: it is the first of its entry.
    prev: u32,
    serial: u64,
}

/// The pins that are held. Those of one entry are a list, which begins in the `queue.prev`
/// of its header: while an entry is pinned it is in no queue.
pub(super) struct Pins {
    places: Vec<Place>,
    /// The first place that is free.
    free: u32,
    held: u32,
    /// Bytes of the slots of all that is pinned.
    bytes: u64,
    /// Of the latest pin.
    serial: u64,
}

impl Pins {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: NONE,
            held: 0,
            bytes: 0,
            serial: 0,
        }
    }

    /// Bytes that it has allocated.
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
    pub(super) const fn held_bytes(&self) -> u64 {
        self.bytes
    }

    /// Follows an entry that has moved to another slot.
    pub(super) fn moved(&mut self, arena: &Arena, to: u32) {
        let mut at = arena.header(to).queue.prev;
        while let Some(place) = self.places.get_mut(at as usize) {
            place.entry = to;
            at = place.next;
        }
    }

    /// Sees to it that there is a free place.
    fn reserve(&mut self) -> Result<(), NoRoom> {
        if self.free == NONE {
            if self.places.len() == self.places.capacity() {
                let more = self.places.capacity().max(4);
                self.places.try_reserve_exact(more)?;
            }
            self.free = self.places.len() as u32;
            self.places.push(Place {
                entry: NONE,
                next: NONE,
                prev: NONE,
                serial: 0,
            });
        }
        Ok(())
    }

    /// Puts a pin into the free place.
    fn add(&mut self, arena: &mut Arena, entry: u32) -> Pin {
        let (place, serial) = (self.free, self.serial + 1);
        let bytes = arena.bytes_of(entry);
        let header = arena.header_mut(entry);
        let mut next = NONE;
        if header.has(Header::PINNED) {
            next = header.queue.prev;
            self.places[next as usize].prev = place;
        } else {
            self.bytes += bytes;
        }
        header.flags |= Header::PINNED;
        header.queue.prev = place;
        let at = &mut self.places[place as usize];
        self.free = at.next;
        *at = Place {
            entry,
            next,
            prev: NONE,
            serial,
        };
        self.serial = serial;
        self.held += 1;
        Pin { place, serial }
    }

    /// Takes a pin away, and tells whether it was the last of its entry.
    fn remove(&mut self, arena: &mut Arena, place: u32) -> bool {
        let Place {
            entry, next, prev, ..
        } = self.places[place as usize];
        if next != NONE {
            self.places[next as usize].prev = prev;
        }
        if prev == NONE {
            arena.header_mut(entry).queue.prev = next;
        } else {
            self.places[prev as usize].next = next;
        }
        self.held -= 1;
        let at = &mut self.places[place as usize];
        (at.entry, at.next) = (NONE, self.free);
        self.free = place;
        let last = prev == NONE && next == NONE;
        if last {
            self.bytes -= arena.bytes_of(entry);
            arena.header_mut(entry).flags &= !Header::PINNED;
        }
        last
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
        if self.read(key).is_none() {
            return Ok(None);
        }
        let most = self.limits.max_pins;
        if self.pins.held >= most || !self.has_room_for_pins() || self.pins.reserve().is_err() {
            self.counts.refused += 1;
            return Err(Error::Full);
        }
        self.note_high_water();
        // Making room may have moved it.
        let Some(entry) = self.find(key) else {
            return Ok(None);
        };
        self.eviction.hold(&mut self.arena, entry);
        Ok(Some(self.pins.add(&mut self.arena, entry)))
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
        if !self.pins.remove(&mut self.arena, pin.place) {
            return;
        }
        if self.arena.header(entry).has(Header::DETACHED) {
            self.arena.remove(entry);
            self.arena.trim();
        } else {
            self.eviction.let_go(&mut self.arena, entry);
        }
    }

    /// Whether there is a place for a pin, or the list of them may grow, for which a block
    /// may have to be emptied and go.
    fn has_room_for_pins(&mut self) -> bool {
        if self.pins.free != NONE || self.pins.places.len() < self.pins.places.capacity() {
            return true;
        }
        // As it does, to twice of what it is.
        let more = self.pins.bytes().max(4 * size_of::<Place>() as u64);
        while self.bytes() + more > self.most() {
            if !self.arena.shrink() && !self.evacuate() {
                return false;
            }
        }
        true
    }
}
