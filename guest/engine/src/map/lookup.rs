//! Lookups on the hot paths, which visit an entry once and check nothing twice. The unsafe code of
//! the map is here, in the writes that call this module or the arena, and in the scan.
//!
//! It relies on one rule: *whenever a lookup is made, the index contains only entries that are
//! in the arena.* An entry is added to the arena before it is added to the index. It is
//! removed from the index before it is removed from the arena, or replaced in the index before the
//! next lookup. If an entry moves, the index is updated at once ([`Map::evacuate`]).

#![expect(unsafe_code, reason = "see `slot`")]

use super::{CallTime, Map};
use crate::address::{EntryAddr, EntryRef};
use crate::arena::{Arena, Hashes};
use crate::changes::Became;
use crate::clock::Clock;
use crate::key::KeyProbe;
use crate::limits::MAX_KEY_LEN;
use crate::slot::{RawSlot, preload};
use crate::value::Value;
use crate::wheel;

/// Returns the hashes of the entries in the index.
#[inline(always)]
pub(super) const fn hashes(arena: &Arena) -> Hashes<'_> {
    // SAFETY: the rule. An entry that is replaced stays in the index after it has been removed from
    // the arena, but until the index is updated, its slot is not used again.
    unsafe { arena.hashes() }
}

/// An entry that has been found, and its slot, which is valid until the next change.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) entry: EntryRef,
    pub(super) slot: RawSlot,
    pub(super) deadline: Option<u64>,
}

impl<C: Clock> Map<C> {
    /// Returns the value of `key`, and counts a hit or a miss.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// map.set(b"key", b"value", Ttl::Never)?;
    /// assert!(map.get(b"key").is_some_and(|value| value == b"value"));
    /// assert!(map.get(b"another key").is_none());
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    #[inline(always)]
    pub fn get(&mut self, key: &[u8]) -> Option<Value<'_>> {
        let (_, slot) = self.read(&mut CallTime::begin(), key)?;
        // SAFETY: nothing has been removed or moved since `read` found the slot.
        let slot = unsafe { self.arena.borrow(slot) };
        Some(Value::new(&self.arena, slot))
    }

    /// Finds a living entry, counts a hit or a miss, and records the use. Visits the entry once,
    /// and does everything there that a read requires.
    #[inline(always)]
    pub(super) fn read(&mut self, call: &mut CallTime, key: &[u8]) -> Option<(EntryRef, RawSlot)> {
        // Keys longer than any in the map are not hashed.
        if key.len() <= MAX_KEY_LEN {
            let probe = KeyProbe::new(key);
            let hash = self.hasher.hash(&probe);
            for entry in self.index.candidates(hash) {
                // SAFETY: the index contains this entry.
                let mut slot = unsafe { self.arena.slot_mut(entry) };
                if !slot.as_slot().has_key(&probe) {
                    continue;
                }
                let deadline = wheel::deadline(slot.as_slot().header());
                if self.clock.expired(call, deadline) {
                    // SAFETY: as above.
                    let entry = unsafe { self.address(entry) };
                    self.expire(entry);
                    break;
                }
                self.counts.hits += 1;
                if self.eviction.use_moves(slot.header_mut()) {
                    // SAFETY: as above.
                    let at = unsafe { self.address(entry) };
                    self.eviction.put_first(&mut self.arena, at);
                    // SAFETY: as above; the entry has only moved in its queue.
                    slot = unsafe { self.arena.slot_mut(entry) };
                }
                return Some((entry, slot.into_raw()));
            }
        }
        self.counts.misses += 1;
        None
    }

    /// Returns the hash of a key, and its entry if that is alive. An expired entry is freed, so
    /// its key is absent.
    #[inline(always)]
    pub(super) fn living(&mut self, call: &mut CallTime, key: &[u8]) -> (u32, Option<Found>) {
        let probe = KeyProbe::new(key);
        let hash = self.hasher.hash(&probe);
        (hash, self.living_with_hash(call, hash, &probe))
    }

    /// Returns the entry of a key with this hash if it is alive. An expired entry is freed.
    #[inline(always)]
    pub(super) fn living_with_hash(
        &mut self,
        call: &mut CallTime,
        hash: u32,
        probe: &KeyProbe<'_>,
    ) -> Option<Found> {
        let entry = self.search(hash, probe)?;
        self.if_living(call, entry)
    }

    /// Returns an entry of the index if it is alive. An expired entry is freed.
    #[inline(always)]
    fn if_living(&mut self, call: &mut CallTime, entry: EntryRef) -> Option<Found> {
        // SAFETY: the index contains this entry.
        let slot = unsafe { self.arena.slot_mut(entry) };
        let deadline = wheel::deadline(slot.as_slot().header());
        let slot = slot.into_raw();
        if self.clock.expired(call, deadline) {
            // SAFETY: as above.
            let entry = unsafe { self.address(entry) };
            self.expire(entry);
            return None;
        }
        Some(Found {
            entry,
            slot,
            deadline,
        })
    }

    /// Returns the hash of a key, and prefetches the bucket of the index that it leads to. For calls
    /// with several keys, which then wait for several buckets at a time.
    #[inline(always)]
    pub(super) fn prefetch_bucket(&self, key: &[u8]) -> u32 {
        let hash = self.hasher.hash(&KeyProbe::new(key));
        self.index.prefetch(hash);
        hash
    }

    /// Returns the entry that the index most likely has for a hash, and prefetches it.
    #[inline(always)]
    pub(super) fn prefetch_entry(&self, hash: u32) -> Option<EntryRef> {
        let entry = self.index.candidates(hash).next()?;
        // SAFETY: the index contains this entry.
        preload(unsafe { self.arena.slot(entry) }.header());
        Some(entry)
    }

    /// Prefetches the end of the value of an entry that [`prefetch_entry`](Self::prefetch_entry) has
    /// returned, which may be in another line of the cache than its start.
    ///
    /// # Safety
    ///
    /// Nothing may have been removed or moved since `prefetch_entry` was called.
    #[inline(always)]
    pub(super) unsafe fn prefetch_value(&self, likely: Option<EntryRef>) {
        if let Some(entry) = likely
            // SAFETY: guaranteed by the caller.
            && let Some(last) = unsafe { self.arena.slot(entry) }.value().and_then(<[u8]>::last)
        {
            preload(last);
        }
    }

    /// Returns the entry of a key if it is alive, as [`living`](Self::living) does. `likely` is the
    /// entry that [`prefetch_entry`](Self::prefetch_entry) returned for its hash.
    ///
    /// # Safety
    ///
    /// Nothing may have been removed or moved since `prefetch_entry` was called.
    #[inline(always)]
    pub(super) unsafe fn living_likely(
        &mut self,
        call: &mut CallTime,
        key: &[u8],
        hash: u32,
        likely: Option<EntryRef>,
    ) -> Option<Found> {
        let probe = KeyProbe::new(key);
        // SAFETY: guaranteed by the caller.
        let has_key = |entry: &EntryRef| unsafe { self.arena.slot(*entry) }.has_key(&probe);
        match likely.filter(has_key) {
            Some(entry) => self.if_living(call, entry),
            None => self.living_with_hash(call, hash, &probe),
        }
    }

    /// Calls `read` with the value of a found entry, and records the use.
    ///
    /// # Safety
    ///
    /// Nothing may have been removed or moved since `found` was returned.
    #[inline(always)]
    pub(super) unsafe fn use_found(&mut self, found: Found, read: impl FnOnce(Value<'_>)) {
        // SAFETY: guaranteed by the caller.
        let slot = unsafe { self.arena.borrow(found.slot) };
        read(Value::new(&self.arena, slot));
        // SAFETY: guaranteed by the caller.
        let mut slot = unsafe { self.arena.borrow_mut(found.slot) };
        if self.eviction.use_moves(slot.header_mut()) {
            // SAFETY: guaranteed by the caller.
            let entry = unsafe { self.address(found.entry) };
            self.eviction.put_first(&mut self.arena, entry);
        }
    }

    /// Returns a found entry with its present deadline.
    ///
    /// # Safety
    ///
    /// Nothing may have been removed or moved since `found` was returned.
    #[inline(always)]
    pub(super) unsafe fn with_deadline(&self, found: Found) -> Found {
        // SAFETY: guaranteed by the caller.
        let slot = unsafe { self.arena.borrow(found.slot) };
        let deadline = wheel::deadline(slot.header());
        Found { deadline, ..found }
    }

    /// Returns `true` if [`write_over`](Self::write_over) overwrites a found entry.
    ///
    /// # Safety
    ///
    /// Nothing may have been removed or moved since `found` was returned.
    #[inline(always)]
    pub(super) unsafe fn can_write_over(
        &self,
        found: Found,
        value: &[u8],
        deadline: Option<u64>,
    ) -> bool {
        // SAFETY: guaranteed by the caller.
        let slot = unsafe { self.arena.borrow(found.slot) };
        (deadline.is_none() || self.wheel.is_ready()) && slot.takes(value)
    }

    /// Returns the living entry of a key. The key need not be valid.
    #[inline(always)]
    pub(super) fn find(&mut self, call: &mut CallTime, key: &[u8]) -> Option<EntryAddr> {
        if key.len() > MAX_KEY_LEN {
            return None;
        }
        let found = self.living(call, key).1?;
        // SAFETY: it has just been found in the index.
        Some(unsafe { self.address(found.entry) })
    }

    /// Returns the entry of a key, even if it has expired.
    #[inline(always)]
    pub(super) fn locate(&self, hash: u32, probe: &KeyProbe<'_>) -> Option<EntryAddr> {
        let found = self.search(hash, probe)?;
        // SAFETY: it has just been found in the index.
        Some(unsafe { self.address(found) })
    }

    /// Returns a reference to the entry of a key, even if it has expired.
    #[inline(always)]
    fn search(&self, hash: u32, probe: &KeyProbe<'_>) -> Option<EntryRef> {
        // SAFETY: the index contains only existing entries.
        unsafe { self.index.find(&self.arena, hash, probe) }
    }

    /// Does the same as [`read`](Self::read), and returns the address of the entry.
    #[inline]
    pub(super) fn read_entry(&mut self, call: &mut CallTime, key: &[u8]) -> Option<EntryAddr> {
        let (entry, _) = self.read(call, key)?;
        // SAFETY: it has just been found in the index.
        Some(unsafe { self.address(entry) })
    }

    /// Does the same as [`living`](Self::living), and returns the address of the entry.
    #[inline]
    pub(super) fn living_entry(
        &mut self,
        call: &mut CallTime,
        key: &[u8],
    ) -> (u32, Option<EntryAddr>) {
        let (hash, found) = self.living(call, key);
        // SAFETY: it has just been found in the index.
        let entry = found.map(|found| unsafe { self.address(found.entry) });
        (hash, entry)
    }

    /// Returns the entries that share a table.
    pub(super) fn neighbours(&self, hash: u32) -> impl Iterator<Item = EntryAddr> {
        let all = self.index.neighbours(hash);
        // SAFETY: they are in the index, which is borrowed.
        all.map(|entry| unsafe { self.address(entry) })
    }

    /// Returns all entries in the index. Panics unless the index is consistent.
    #[cfg(any(test, feature = "validate"))]
    pub(super) fn validated(&self) -> impl Iterator<Item = EntryAddr> {
        let all = self.index.validate(hashes(&self.arena));
        all.map(|entry| {
            // SAFETY: it is in the index, which is borrowed.
            let address = unsafe { self.address(entry) };
            assert_eq!(self.arena.reference(address), entry);
            address
        })
    }

    /// Returns the address of an entry.
    ///
    /// # Safety
    ///
    /// `entry` must be in the index.
    #[inline(always)]
    pub(super) unsafe fn address(&self, entry: EntryRef) -> EntryAddr {
        // SAFETY: the rule.
        unsafe { self.arena.address(entry) }
    }

    /// Overwrites a value of the same length if nothing else has to be done, which is the case for
    /// most writes to an existing key. Otherwise returns `false`.
    ///
    /// # Safety
    ///
    /// Nothing may have been removed or moved, and the deadline of the entry may not have changed,
    /// since `found` was returned.
    #[inline(always)]
    pub(super) unsafe fn write_over(
        &mut self,
        found: Found,
        value: &[u8],
        deadline: Option<u64>,
    ) -> bool {
        // SAFETY: guaranteed by the caller.
        let mut slot = unsafe { self.arena.borrow_mut(found.slot) };
        if deadline.is_some() && !self.wheel.is_ready() || !slot.write_over(value) {
            return false;
        }
        if self.changes.is_on() {
            self.changes.note(Became::Stored, slot.as_slot().key());
        }
        self.version += 1;
        self.counts.writes += 1;
        let mut header = slot.header_mut();
        header.set_version(self.version);
        let moves = self.eviction.use_moves(header.by_ref());
        match (found.deadline, deadline) {
            (None, None) => {}
            (Some(before), Some(deadline)) if self.wheel.share_a_bucket(before, deadline) => {
                wheel::set_deadline_in_place(header, deadline);
            }
            _ => {
                // SAFETY: guaranteed by the caller.
                let entry = unsafe { self.address(found.entry) };
                self.set_deadline(entry, deadline);
            }
        }
        if moves {
            // SAFETY: guaranteed by the caller.
            let entry = unsafe { self.address(found.entry) };
            self.eviction.put_first(&mut self.arena, entry);
        }
        true
    }
}
