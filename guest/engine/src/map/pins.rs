//! Pins: values that stay readable as they are, whatever becomes of their keys.

use alloc::vec::Vec;

use bytemuck::{Pod, Zeroable};

use super::{CallTime, Map};
use crate::address::{EntryAddr, PinAddr};
use crate::arena::Arena;
use crate::clock::Clock;
use crate::entry::PinSeat;
use crate::error::{Error, NoRoom};
use crate::list::{Links, List, Nodes};
use crate::value::Value;

/// Names a pin, which keeps a value of a [`Map`] readable as it is. Pass it to [`Map::unpin`]
/// to release the value; if it is dropped instead, the value is held until the map ends.
#[derive(Debug)]
#[must_use = "its value is held until `Map::unpin`"]
pub struct PinId {
    place: PinAddr,
    /// Tells apart the pins that have had this place.
    serial: u64,
}

/// A value that a pin holds. See [`Map::pinned`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinnedValue<'a> {
    /// The value.
    pub value: Value<'a>,
    /// Its version.
    pub version: u64,
}

/// A place for a pin.
#[derive(Clone, Copy)]
struct Place {
    /// The entry; `None`: the place is free.
    entry: Option<EntryAddr>,
    /// Its neighbours among the pins of the same entry, or among the places that are free.
    prev: Option<PinAddr>,
    next: Option<PinAddr>,
    serial: u64,
}

/// The first pin of an entry, in its header: while an entry is pinned it is in no queue.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct FirstPin {
    first: Option<PinAddr>,
    _unused: u32,
}

impl PinSeat for FirstPin {}

/// The pins that are held. Those of one entry are a list, which begins in its header.
pub(super) struct Pins {
    places: Places,
    /// The places that are free.
    free: List<PinAddr>,
    held: u32,
    /// Bytes of the slots of all that is pinned.
    bytes: u64,
    /// Of the latest pin.
    serial: u64,
}

/// All places.
struct Places(Vec<Place>);

impl Places {
    fn at(&mut self, place: PinAddr) -> &mut Place {
        &mut self.0[place.index()]
    }

    /// Puts a place in front of a list.
    fn push(&mut self, list: &mut List<PinAddr>, place: PinAddr) {
        let Links { prev, next } = list.push(self, place);
        let place = self.at(place);
        (place.prev, place.next) = (prev, next);
    }

    /// Takes a place out of a list.
    fn remove(&mut self, list: &mut List<PinAddr>, place: PinAddr) {
        let links = self.links(place);
        list.remove(self, links);
    }
}

impl Nodes<PinAddr> for Places {
    fn links(&self, node: PinAddr) -> Links<PinAddr> {
        let Place { prev, next, .. } = self.0[node.index()];
        Links { prev, next }
    }

    fn set_prev(&mut self, node: PinAddr, prev: Option<PinAddr>) {
        self.at(node).prev = prev;
    }

    fn set_next(&mut self, node: PinAddr, next: Option<PinAddr>) {
        self.at(node).next = next;
    }
}

impl Pins {
    pub(super) const fn new() -> Self {
        Self {
            places: Places(Vec::new()),
            free: List::EMPTY,
            held: 0,
            bytes: 0,
            serial: 0,
        }
    }

    /// Returns the bytes that it has allocated.
    pub(super) fn bytes(&self) -> u64 {
        (self.places.0.capacity() * size_of::<Place>()) as u64
    }

    /// Returns `true` if any pin is held.
    pub(super) const fn any(&self) -> bool {
        self.held > 0
    }

    /// Returns the entries that are pinned, one for each pin.
    pub(super) fn entries(&self) -> impl Iterator<Item = EntryAddr> + Clone {
        self.places.0.iter().filter_map(|place| place.entry)
    }

    /// Returns the bytes of the slots of all that is pinned.
    pub(super) const fn held_bytes(&self) -> u64 {
        self.bytes
    }

    /// Follows an entry that has moved to another slot.
    pub(super) fn moved(&mut self, arena: &Arena, to: EntryAddr) {
        let mut next = arena.header(to).pins::<FirstPin>().first;
        while let Some(pin) = next {
            let place = self.places.at(pin);
            place.entry = Some(to);
            next = place.next;
        }
    }

    /// Makes sure that there is a free place.
    fn reserve(&mut self) -> Result<(), NoRoom> {
        if self.free.first().is_none() {
            let places = &mut self.places.0;
            if places.len() == places.capacity() {
                let more = places.capacity().max(4);
                places.try_reserve_exact(more)?;
            }
            let place = PinAddr::at(places.len());
            places.push(Place {
                entry: None,
                prev: None,
                next: None,
                serial: 0,
            });
            self.places.push(&mut self.free, place);
        }
        Ok(())
    }

    /// Puts a pin into a free place. `None`: there is none.
    fn add(&mut self, arena: &mut Arena, entry: EntryAddr) -> Option<PinId> {
        let place = self.free.first()?;
        self.places.remove(&mut self.free, place);
        let bytes = arena.bytes_of(entry);
        let mut header = arena.header_mut(entry);
        let mut pins = List::EMPTY;
        if header.is_pinned() {
            pins = List::of(header.pins::<FirstPin>().first);
        } else {
            self.bytes += bytes;
        }
        self.places.push(&mut pins, place);
        header.set_pinned(true);
        header.pins_mut::<FirstPin>().first = pins.first();
        self.serial += 1;
        self.held += 1;
        let (serial, at) = (self.serial, self.places.at(place));
        (at.entry, at.serial) = (Some(entry), serial);
        Some(PinId { place, serial })
    }

    /// Takes a pin of an entry away, and returns whether it was the last one.
    fn remove(&mut self, arena: &mut Arena, entry: EntryAddr, place: PinAddr) -> bool {
        let mut header = arena.header_mut(entry);
        let first = &mut header.by_ref().pins_mut::<FirstPin>().first;
        let mut pins = List::of(*first);
        self.places.remove(&mut pins, place);
        *first = pins.first();
        let last = first.is_none();
        if last {
            header.set_pinned(false);
            self.bytes -= arena.bytes_of(entry);
        }
        self.held -= 1;
        self.places.at(place).entry = None;
        self.places.push(&mut self.free, place);
        last
    }

    /// Returns `true` if a place can be added without memory.
    fn has_spare_places(&self) -> bool {
        self.places.0.len() < self.places.0.capacity()
    }

    fn get(&self, pin: &PinId) -> Option<EntryAddr> {
        let place = self.places.0.get(pin.place.index())?;
        place.entry.filter(|_| place.serial == pin.serial)
    }
}

impl<C: Clock> Map<C> {
    /// Pins the value of `key`: its bytes stay readable through the pin, even if the key is
    /// overwritten, deleted, evicted or cleared, or expires. Returns `None` if the key is absent.
    ///
    /// A pinned entry is not evicted, and its bytes count for as long as the pin is held. Counts
    /// a hit or a miss.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Full`] if [`max_pins`](crate::Limits::max_pins) are held, or there is no
    /// memory for one more.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// let version = map.set(b"key", b"value", Ttl::Never)?;
    /// let pin = map.pin(b"key")?.expect("it was just set");
    /// map.delete(b"key");
    ///
    /// let pinned = map.pinned(&pin).expect("a pin of this map");
    /// assert_eq!(pinned.value, b"value");
    /// assert_eq!(pinned.version, version);
    /// map.unpin(pin);
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn pin(&mut self, key: &[u8]) -> Result<Option<PinId>, Error> {
        let mut call = CallTime::begin();
        if self.read(&mut call, key).is_none() {
            return Ok(None);
        }
        let most = self.limits.max_pins;
        if self.pins.held >= most || !self.has_room_for_pins() || self.pins.reserve().is_err() {
            self.counts.refused += 1;
            return Err(Error::Full);
        }
        self.note_high_water();
        // Making room may have moved it.
        let Some(entry) = self.find(&mut call, key) else {
            return Ok(None);
        };
        self.eviction.hold(&mut self.arena, entry);
        Ok(self.pins.add(&mut self.arena, entry))
    }

    /// Returns the value that a pin holds, or `None` if it is a pin of another map. See
    /// [`pin`](Self::pin) for an example.
    pub fn pinned(&self, pin: &PinId) -> Option<PinnedValue<'_>> {
        let entry = self.pins.get(pin)?;
        Some(PinnedValue {
            value: Value::of(&self.arena, entry),
            version: self.arena.header(entry).version(),
        })
    }

    /// Releases a pin. If its key has another value by now, or none, the memory of the value is
    /// freed. See [`pin`](Self::pin) for an example.
    #[expect(clippy::needless_pass_by_value, reason = "the pin ends here")]
    pub fn unpin(&mut self, pin: PinId) {
        let Some(entry) = self.pins.get(&pin) else {
            return;
        };
        if !self.pins.remove(&mut self.arena, entry, pin.place) {
            return;
        }
        if self.arena.header(entry).is_detached() {
            self.arena.remove(entry);
            self.arena.trim();
        } else {
            self.eviction.let_go(&mut self.arena, entry);
        }
    }

    /// Returns `true` if there is a place for a pin, or the list of them may grow, for which a
    /// block may have to be emptied and go.
    fn has_room_for_pins(&mut self) -> bool {
        if self.pins.free.first().is_some() || self.pins.has_spare_places() {
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
