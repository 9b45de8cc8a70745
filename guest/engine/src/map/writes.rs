//! The operations that change. Each one checks the key, the TTL, the size, the
//! condition and the room, in this order, before it changes anything.

use alloc::vec::Vec;

use super::{Condition, Map, REAP_LIMIT, Ttl};
use crate::arena::cost;
use crate::clock::Clock;
use crate::error::{Error, NoRoom};

/// The length of a counter, in bytes.
const COUNTER_LEN: usize = size_of::<i64>();

impl<C: Clock> Map<C> {
    /// Stores a value and its TTL, in place of what was there, and gives the
    /// value's version.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`], [`Error::InvalidTtl`], [`Error::ValueTooLarge`],
    /// [`Error::Full`].
    pub fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        self.store(key, value, ttl, None)
    }

    /// Stores as [`set`](Self::set) does, where `condition` holds.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set), and [`Error::Conflict`].
    pub fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error> {
        self.store(key, value, ttl, Some(condition))
    }

    /// Adds `delta` to a counter and gives its new value.
    ///
    /// A counter is a value of 8 bytes: an `i64`, little-endian. One that is there
    /// keeps its deadline, and `ttl` is only checked; one that is not there starts
    /// from 0 with `ttl`. So a TTL makes a fixed window that begins with the first
    /// increment. The counter gets a new version.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`], [`Error::InvalidTtl`], [`Error::Full`],
    /// [`Error::NotACounter`], [`Error::Overflow`]; [`Error::ValueTooLarge`] where
    /// `max_value` is under 8 bytes.
    pub fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error> {
        self.clock.begin();
        self.limits.check_key(key)?;
        let ttl = self.span(ttl)?;
        self.limits.check_value(COUNTER_LEN)?;
        let (hash, found) = self.living(key);
        let Some(slot) = found else {
            let deadline = self.deadline(ttl);
            self.insert(hash, key, &delta.to_le_bytes(), deadline)?;
            return Ok(delta);
        };
        let Some(counter) = self.arena.slot_mut(slot).value_mut().as_mut_array() else {
            return Err(Error::NotACounter);
        };
        let sum = i64::from_le_bytes(*counter)
            .checked_add(delta)
            .ok_or(Error::Overflow)?;
        *counter = sum.to_le_bytes();
        self.stamp(slot);
        Ok(sum)
    }

    /// Gives an entry that is there a new TTL, counted from now, and leaves its
    /// value and version. False: it is not there, and stays so.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidKey`], [`Error::InvalidTtl`], [`Error::Full`].
    pub fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error> {
        self.clock.begin();
        self.limits.check_key(key)?;
        let ttl = self.span(ttl)?;
        let Some(slot) = self.living(key).1 else {
            return Ok(false);
        };
        let deadline = self.deadline(ttl);
        self.with_room(|map| map.reserve_deadline(Some(slot), deadline))?;
        self.expiry.set(&mut self.arena, slot, deadline);
        Ok(true)
    }

    /// Reads and deletes in one: for tokens that are good once.
    pub fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.clock.begin();
        let slot = self.read(key)?;
        Some(self.remove(slot))
    }

    /// Deletes. False: it was not there.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        self.clock.begin();
        let found = self.find(key);
        if let Some(slot) = found {
            self.remove(slot);
        }
        found.is_some()
    }

    /// Deletes if the value there has this version.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`], also when the key is not there.
    pub fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error> {
        self.clock.begin();
        let found = self.find(key);
        self.check(found, Condition::Version(version))?;
        if let Some(slot) = found {
            self.remove(slot);
        }
        Ok(())
    }

    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Option<Condition>,
    ) -> Result<u64, Error> {
        self.clock.begin();
        self.limits.check_key(key)?;
        let ttl = self.span(ttl)?;
        self.limits.check_value(value.len())?;
        let (hash, found) = self.living(key);
        if let Some(condition) = condition {
            self.check(found, condition)?;
        }
        let deadline = self.deadline(ttl);
        match found {
            Some(slot) => self.overwrite(slot, value, deadline),
            None => self.insert(hash, key, value, deadline),
        }
    }

    /// Whether the condition holds for what was found.
    fn check(&self, found: Option<u32>, condition: Condition) -> Result<(), Error> {
        let version = found.map(|slot| self.arena.slot(slot).version);
        let holds = match condition {
            Condition::Absent => version.is_none(),
            Condition::Present => version.is_some(),
            Condition::Version(wanted) => version == Some(wanted),
        };
        if holds {
            Ok(())
        } else {
            Err(Error::Conflict(version))
        }
    }

    /// The nanoseconds that a TTL stands for; `None`: for ever.
    const fn span(&self, ttl: Ttl) -> Result<Option<u64>, Error> {
        match ttl {
            Ttl::Default => Ok(self.limits.default_ttl),
            Ttl::Never => Ok(None),
            Ttl::After(0) => Err(Error::InvalidTtl),
            Ttl::After(span) => Ok(Some(span)),
        }
    }

    fn deadline(&mut self, span: Option<u64>) -> Option<u64> {
        // Not in one line: a TTL of "never" must not read the clock.
        let span = span?;
        Some(self.clock.now().saturating_add(span))
    }

    /// Stores a value of a key that is not there.
    fn insert(
        &mut self,
        hash: u32,
        key: &[u8],
        value: &[u8],
        deadline: Option<u64>,
    ) -> Result<u64, Error> {
        // What a map loses to entries that nobody asks for again is bounded by
        // this: whoever adds one takes back up to 16.
        self.reap(self.clock.seen(), REAP_LIMIT);
        let slot = self.with_room(|map| {
            map.check_room(
                u64::from(map.arena.live()) + 1,
                map.arena.bytes() + cost(key.len(), value.len()),
            )?;
            map.reserve_deadline(None, deadline)?;
            map.index.reserve(&map.arena)?;
            map.arena.insert(hash, key, value)
        })?;
        self.index.insert(&self.arena, slot);
        self.expiry.set(&mut self.arena, slot, deadline);
        Ok(self.stamp(slot))
    }

    /// Stores another value of an entry that is there.
    fn overwrite(&mut self, slot: u32, value: &[u8], deadline: Option<u64>) -> Result<u64, Error> {
        self.with_room(|map| {
            map.check_room(
                map.arena.live().into(),
                map.arena.bytes_after_replace(slot, value.len()),
            )?;
            map.reserve_deadline(Some(slot), deadline)?;
            map.arena.replace(slot, value)
        })?;
        self.expiry.set(&mut self.arena, slot, deadline);
        Ok(self.stamp(slot))
    }

    /// Gives the value just stored its version.
    fn stamp(&mut self, slot: u32) -> u64 {
        self.writes += 1;
        self.version += 1;
        self.arena.slot_mut(slot).version = self.version;
        self.version
    }

    fn check_room(&self, entries: u64, bytes: u64) -> Result<(), NoRoom> {
        if entries > self.limits.max_entries || bytes > self.limits.max_bytes {
            return Err(NoRoom);
        }
        Ok(())
    }

    /// Makes room for a deadline, where there is to be one and was none.
    fn reserve_deadline(&mut self, slot: Option<u32>, deadline: Option<u64>) -> Result<(), NoRoom> {
        let before = slot.and_then(|slot| self.arena.slot(slot).deadline());
        if deadline.is_some() && before.is_none() {
            self.expiry.reserve()?;
        }
        Ok(())
    }

    /// Tries something that changes nothing when it fails. While there is no room
    /// for it, what is due makes room.
    fn with_room<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<T, NoRoom>,
    ) -> Result<T, Error> {
        loop {
            if let Ok(done) = attempt(self) {
                return Ok(done);
            }
            if self.reap_due(REAP_LIMIT) == 0 {
                return Err(Error::Full);
            }
        }
    }
}
