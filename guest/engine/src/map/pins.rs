//! Pins, which keep values readable and unchanged, whatever happens to their keys.

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

/// A pin, which keeps a value of a [`Map`] readable and unchanged. Pass it to [`Map::unpin`] to
/// release the value. If it is dropped instead, the value is held until the map is dropped.
#[derive(Debug)]
#[must_use = "its value is held until `Map::unpin`"]
pub struct PinId {
    place: PinAddr,
    /// A number that distinguishes the pins that have had this place.
    serial: u64,
}

/// A value held by a pin. See [`Map::pinned`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinnedValue<'a> {
    /// The value.
    pub value: Value<'a>,
    /// The version of the value.
    pub version: u64,
}

/// A place for a pin.
#[derive(Clone, Copy)]
struct Place {
    /// The entry, or `None` if the place is free.
    entry: Option<EntryAddr>,
    /// The neighbours among the pins of the same entry, or among the free places.
    prev: Option<PinAddr>,
    next: Option<PinAddr>,
    serial: u64,
}

/// The first pin of an entry, stored in its header: a pinned entry is not in a queue.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct FirstPin {
    first: Option<PinAddr>,
    _unused: u32,
}

impl PinSeat for FirstPin {}

/// The pins that are held. The pins of an entry form a list, which begins in its header.
pub(super) struct Pins {
    places: Places,
    /// The free places.
    free: List<PinAddr>,
    held: u32,
    /// The total size of the slots of all pinned entries, in bytes.
    bytes: u64,
    /// The serial number of the latest pin.
    serial: u64,
}

/// All places.
struct Places(Vec<Place>);

impl Places {
    fn at(&mut self, place: PinAddr) -> &mut Place {
        &mut self.0[place.index()]
    }

    /// Adds a place to the front of a list.
    fn push(&mut self, list: &mut List<PinAddr>, place: PinAddr) {
        let Links { prev, next } = list.push(self, place);
        let place = self.at(place);
        (place.prev, place.next) = (prev, next);
    }

    /// Removes a place from a list.
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

    /// Returns the allocated bytes.
    pub(super) fn bytes(&self) -> u64 {
        (self.places.0.capacity() * size_of::<Place>()) as u64
    }

    /// Returns `true` if any pin is held.
    pub(super) const fn any(&self) -> bool {
        self.held > 0
    }

    /// Returns the pinned entries, once for each pin.
    pub(super) fn entries(&self) -> impl Iterator<Item = EntryAddr> + Clone {
        self.places.0.iter().filter_map(|place| place.entry)
    }

    /// Returns the total size of the slots of all pinned entries, in bytes.
    pub(super) const fn held_bytes(&self) -> u64 {
        self.bytes
    }

    /// Updates the links to an entry that has moved to another slot.
    pub(super) fn moved(&mut self, arena: &Arena, to: EntryAddr) {
        let mut next = arena.header(to).pins::<FirstPin>().first;
        while let Some(pin) = next {
            let place = self.places.at(pin);
            place.entry = Some(to);
            next = place.next;
        }
    }

    /// Ensures that there is a free place.
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

    /// Adds a pin in a free place. Returns `None` if there is none.
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

    /// Removes a pin of an entry, and returns `true` if it was the last one.
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

    /// Returns `true` if a place can be added without allocating.
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
    /// A pinned entry is not evicted, and its bytes count towards the limit for as long as the pin
    /// is held. Counts a hit or a miss.
    /// a hit or a miss.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Full`] if [`max_pins`](crate::Limits::max_pins) pins are held, or there is
    /// no memory for one more.
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
        // Making room may have moved the entry.
        let Some(entry) = self.find(&mut call, key) else {
            return Ok(None);
        };
        self.eviction.hold(&mut self.arena, entry);
        Ok(self.pins.add(&mut self.arena, entry))
    }

    /// Returns the value that a pin holds, or `None` if the pin belongs to another map. See
    /// [`pin`](Self::pin) for an example.
    pub fn pinned(&self, pin: &PinId) -> Option<PinnedValue<'_>> {
        let entry = self.pins.get(pin)?;
        Some(PinnedValue {
            value: Value::of(&self.arena, entry),
            version: self.arena.header(entry).version(),
        })
    }

    /// Releases a pin. If its key has been deleted or has another value by now, the memory of the
    /// pinned value is freed. See [`pin`](Self::pin) for an example.
    #[expect(clippy::needless_pass_by_value, reason = "the pin is consumed")]
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

    /// Returns `true` if there is a place for a pin, or the list of pins may grow. To make room
    /// for it, a block may have to be emptied and released.
    fn has_room_for_pins(&mut self) -> bool {
        if self.pins.free.first().is_some() || self.pins.has_spare_places() {
            return true;
        }
        // The list grows to twice its size.
        let more = self.pins.bytes().max(4 * size_of::<Place>() as u64);
        while self.bytes() + more > self.most() {
            if !self.arena.shrink() && !self.evacuate() {
                return false;
            }
        }
        true
    }
}
