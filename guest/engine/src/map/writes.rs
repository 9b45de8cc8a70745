//! The operations that change. Each one checks the key, the TTL, the size, the
//! condition and the room, in this order, before it changes anything.

use super::room::{Bytes, Fate, Heritage, New, Planned};
use super::{Condition, Map, Ttl};
use crate::clock::Clock;
use crate::error::Error;
use crate::value::Value;

/// The length of a counter, in bytes.
pub(super) const COUNTER_LEN: usize = size_of::<i64>();

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
        let deadline = match found {
            Some(entry) => self.arena.header(entry).deadline(),
            None => self.deadline(ttl),
        };
        let counter = found.map(|entry| self.arena.counter(entry));
        let sum = add(counter, delta)?;
        self.put(
            key,
            hash,
            found,
            Bytes::Counter(sum.to_le_bytes()),
            deadline,
        )?;
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
        let (hash, Some(entry)) = self.living(key) else {
            return Ok(false);
        };
        let deadline = self.deadline(ttl);
        let mut planned = Planned {
            key,
            hash,
            fate: Fate::Touch(deadline),
            at: Some(entry),
            heritage: None,
        };
        self.ensure(&mut planned)?;
        self.commit(core::slice::from_mut(&mut planned));
        Ok(true)
    }

    /// Gives a value to `read` and deletes it: for tokens that are good once. `None`: it
    /// is not there, and `read` is not called.
    pub fn take<R>(&mut self, key: &[u8], read: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        self.clock.begin();
        let (entry, _) = self.read(key)?;
        let read = read(self.arena.value(entry));
        self.remove(entry);
        Some(read)
    }

    /// Deletes. False: it was not there.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        self.clock.begin();
        let found = self.find(key);
        if let Some(entry) = found {
            self.remove(entry);
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
        check(self.version_of(found), Condition::Version(version))?;
        if let Some(entry) = found {
            self.remove(entry);
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
            check(self.version_of(found), condition)?;
        }
        let deadline = self.deadline(ttl);
        self.put(key, hash, found, Bytes::Given(value), deadline)
    }

    /// Stores a value, and gives its version. `found`: the entry of the key.
    #[inline]
    fn put(
        &mut self,
        key: &[u8],
        hash: u32,
        found: Option<u32>,
        value: Bytes<'_>,
        deadline: Option<u64>,
    ) -> Result<u64, Error> {
        if let Some(entry) = found
            && self.write_over(entry, value.get(), deadline)
        {
            return Ok(self.version);
        }
        self.put_anew(key, hash, found, value, deadline)
    }

    /// Stores a value in place of one of the same length, where that needs nothing but to be
    /// written: the way of most writes to a key that is there. Goes to the entry once.
    #[inline(always)]
    fn write_over(&mut self, entry: u32, value: &[u8], deadline: Option<u64>) -> bool {
        let mut slot = self.arena.slot_mut(entry);
        if deadline.is_some() && !self.wheel.is_ready() || !slot.write_over(value) {
            return false;
        }
        self.version += 1;
        self.counts.writes += 1;
        let header = slot.header_mut();
        header.version = self.version;
        let moves = self.eviction.use_moves(header);
        match (header.deadline(), deadline) {
            (None, None) => {}
            (Some(before), Some(deadline)) if self.wheel.share_a_bucket(before, deadline) => {
                header.deadline = deadline;
            }
            _ => self.set_deadline(entry, deadline),
        }
        if moves {
            self.eviction.put_first(&mut self.arena, entry);
        }
        true
    }

    /// Stores a value that has no place yet.
    #[inline(never)]
    fn put_anew(
        &mut self,
        key: &[u8],
        hash: u32,
        found: Option<u32>,
        value: Bytes<'_>,
        deadline: Option<u64>,
    ) -> Result<u64, Error> {
        let version = self.version + 1;
        let mut planned = Planned {
            key,
            hash,
            fate: Fate::Store(New::of(key, value, version, deadline)),
            at: found,
            heritage: None,
        };
        if found.is_none() {
            // What a map loses to entries that nobody asks for again is bounded by this:
            // whoever adds one takes back up to 16.
            self.reap_some();
        }
        self.ensure(&mut planned)?;
        self.version = version;
        self.commit(core::slice::from_mut(&mut planned));
        Ok(version)
    }

    /// Sees to it that what is planned cannot fail.
    #[inline]
    fn ensure(&mut self, planned: &mut Planned<'_>) -> Result<(), Error> {
        if self.is_ready(planned.at, planned) || self.make_way(planned) {
            return Ok(());
        }
        self.make_room(core::slice::from_mut(planned))
    }

    /// Does what is planned, for which there is room. First of all plans comes what gives
    /// back memory, on which the others rely.
    pub(super) fn commit(&mut self, plan: &mut [Planned<'_>]) {
        for planned in &mut *plan {
            self.give_up(planned);
        }
        for planned in plan {
            self.fulfil(planned);
        }
        self.arena.trim();
    }

    /// Lets go of an entry that is removed, or replaced by one that cannot lie there.
    fn give_up(&mut self, planned: &mut Planned<'_>) {
        let Some(entry) = planned.at else {
            return;
        };
        match &planned.fate {
            Fate::Remove => self.vacate(entry),
            Fate::Store(new) if !self.in_place(entry, &new.layout) => {
                let freq = self.arena.header(entry).freq;
                let queue = self.eviction.remove(&mut self.arena, entry);
                planned.heritage = Some(Heritage { freq, queue });
                self.detach(entry);
            }
            Fate::Keep | Fate::Touch(_) | Fate::Store(_) => {}
        }
    }

    #[inline]
    fn fulfil(&mut self, planned: &Planned<'_>) {
        match (&planned.fate, planned.at) {
            (Fate::Store(new), Some(entry)) => {
                let entry = match planned.heritage {
                    None => self.overwrite(entry, new),
                    Some(heritage) => self.replace(entry, planned, new, heritage),
                };
                self.eviction.used(&mut self.arena, entry);
                self.finish(entry, new.version, new.deadline);
            }
            (Fate::Store(new), None) => {
                let (hash, value) = (planned.hash, new.value.get());
                let stored = self.arena.insert(hash, planned.key, value, &new.layout);
                let Some(entry) = stored else {
                    debug_assert!(false, "there is room");
                    return;
                };
                self.index.insert(&self.arena, hash, entry);
                self.payload += (planned.key.len() + value.len()) as u64;
                self.eviction.insert(&mut self.arena, entry, &self.limits);
                self.finish(entry, new.version, new.deadline);
            }
            (Fate::Touch(deadline), Some(entry)) => {
                self.set_deadline(entry, *deadline);
                self.eviction.used(&mut self.arena, entry);
            }
            (Fate::Keep | Fate::Touch(_) | Fate::Remove, _) => {}
        }
    }

    /// Writes a value of the same layout over that of an entry.
    fn overwrite(&mut self, entry: u32, new: &New<'_>) -> u32 {
        let before = self.arena.header(entry).payload();
        self.arena.write(entry, new.value.get());
        let header = self.arena.header(entry);
        self.payload = self.payload + header.payload() - before;
        self.eviction.resized(&self.arena, entry, before);
        entry
    }

    /// Puts a new entry in place of one that has been let go of, to which the index still
    /// leads.
    fn replace(
        &mut self,
        entry: u32,
        planned: &Planned<'_>,
        new: &New<'_>,
        heritage: Heritage,
    ) -> u32 {
        let (hash, value) = (planned.hash, new.value.get());
        let Some(to) = self.arena.insert(hash, planned.key, value, &new.layout) else {
            debug_assert!(false, "there is room");
            return entry;
        };
        self.index.replace(hash, entry, to);
        self.payload += (planned.key.len() + value.len()) as u64;
        self.arena.header_mut(to).freq = heritage.freq;
        self.eviction.inherit(&mut self.arena, to, heritage.queue);
        to
    }

    /// Gives the value just stored its version and deadline.
    #[inline]
    fn finish(&mut self, entry: u32, version: u64, deadline: Option<u64>) {
        self.arena.header_mut(entry).version = version;
        self.set_deadline(entry, deadline);
        self.counts.writes += 1;
    }

    #[inline]
    fn set_deadline(&mut self, entry: u32, deadline: Option<u64>) {
        match (self.arena.header(entry).deadline(), deadline) {
            (None, None) => {}
            (Some(_), Some(deadline)) => self.wheel.change(&mut self.arena, entry, deadline),
            (None, Some(_)) | (Some(_), None) => {
                let now = self.clock.seen();
                self.wheel.set(&mut self.arena, entry, deadline, now);
            }
        }
    }

    pub(super) fn version_of(&self, found: Option<u32>) -> Option<u64> {
        found.map(|entry| self.arena.header(entry).version)
    }

    /// The nanoseconds that a TTL stands for; `None`: for ever.
    pub(super) const fn span(&self, ttl: Ttl) -> Result<Option<u64>, Error> {
        match ttl {
            Ttl::Default => Ok(self.limits.default_ttl),
            Ttl::Never => Ok(None),
            Ttl::After(0) => Err(Error::InvalidTtl),
            Ttl::After(span) => Ok(Some(span)),
        }
    }

    #[inline]
    pub(super) fn deadline(&mut self, span: Option<u64>) -> Option<u64> {
        // Not in one line: a TTL of "never" must not read the clock.
        let span = span?;
        Some(self.clock.now().saturating_add(span))
    }
}

/// Whether the condition holds for the version that is there.
pub(super) fn check(version: Option<u64>, condition: Condition) -> Result<(), Error> {
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

/// The sum of a counter and `delta`. `None`: there is no value yet; `Some(None)`: it is
/// none of 8 bytes.
pub(super) fn add(counter: Option<Option<[u8; 8]>>, delta: i64) -> Result<i64, Error> {
    match counter {
        None => Ok(delta),
        Some(None) => Err(Error::NotACounter),
        Some(Some(bytes)) => i64::from_le_bytes(bytes)
            .checked_add(delta)
            .ok_or(Error::Overflow),
    }
}
