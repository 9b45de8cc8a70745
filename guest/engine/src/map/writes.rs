//! The operations that write. Each one checks the key, the TTL, the size, the condition and the
//! room, in this order, before it changes anything.

use super::lookup::Found;
use super::room::{Action, Bytes, New, PlannedWrite};
use super::{CallTime, Condition, Map, Ttl};
use crate::address::EntryAddr;
use crate::changes::Became;
use crate::clock::Clock;
use crate::error::Error;
use crate::eviction::EvictionState;
use crate::value::Value;
use crate::wheel;

/// The size of a counter, in bytes.
pub(super) const COUNTER_LEN: usize = size_of::<i64>();

impl<C: Clock> Map<C> {
    /// Stores a value with a TTL, replacing any existing value. Returns the version of the new
    /// value.
    ///
    /// # Errors
    ///
    /// The map is unchanged. Returns
    ///
    /// - [`Error::InvalidKey`] if the key is empty, longer than
    ///   [`max_key`](crate::Limits::max_key), or not UTF-8 although
    ///   [`utf8_keys`](crate::Limits::utf8_keys) is set,
    /// - [`Error::InvalidTtl`] if the TTL is zero,
    /// - [`Error::ValueTooLarge`] if the value is longer than
    ///   [`max_value`](crate::Limits::max_value),
    /// - [`Error::Full`] if there is no room, and the policy does not or cannot make room.
    ///
    /// ```
    /// use localmap_engine::{Error, KeyFault, Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits { max_value: 5, ..Limits::default() });
    /// let first = map.set(b"key", b"value", Ttl::Never)?;
    /// let second = map.set(b"key", b"other", Ttl::After(1_000_000_000))?;
    /// assert!(second > first);
    ///
    /// assert_eq!(map.set(b"key", b"longer", Ttl::Never), Err(Error::ValueTooLarge(5)));
    /// assert_eq!(map.set(b"", b"", Ttl::Never), Err(Error::InvalidKey(KeyFault::Empty)));
    /// assert_eq!(map.set(b"key", b"", Ttl::After(0)), Err(Error::InvalidTtl));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        self.store(key, value, ttl, None)
    }

    /// Stores a value as [`set`](Self::set) does, if `condition` holds.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`set`](Self::set), and [`Error::Conflict`] if the condition does
    /// not hold.
    ///
    /// ```
    /// use localmap_engine::{Condition, Error, Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// let version = map.set_if(b"lock", b"mine", Ttl::Never, Condition::Absent)?;
    /// let taken = map.set_if(b"lock", b"yours", Ttl::Never, Condition::Absent);
    /// assert_eq!(taken, Err(Error::Conflict(Some(version))));
    /// map.set_if(b"lock", b"still mine", Ttl::Never, Condition::Version(version))?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error> {
        self.store(key, value, ttl, Some(condition))
    }

    /// Adds `delta` to a counter. Returns its new value.
    ///
    /// A counter is a value of 8 bytes: an `i64`, little-endian. An existing counter keeps its
    /// deadline, and `ttl` is only checked. An absent one starts from 0 with `ttl`. A TTL
    /// therefore defines a fixed window that begins with the first increment. The counter gets a
    /// new version.
    ///
    /// # Errors
    ///
    /// The map is unchanged. Returns
    ///
    /// - [`Error::InvalidKey`], [`Error::InvalidTtl`] and [`Error::Full`] under the same
    ///   conditions as [`set`](Self::set),
    /// - [`Error::ValueTooLarge`] if [`max_value`](crate::Limits::max_value) is less than 8
    ///   bytes,
    /// - [`Error::NotACounter`] if the value is not 8 bytes long,
    /// - [`Error::Overflow`] if the sum is outside the range of `i64`.
    ///
    /// ```
    /// use localmap_engine::{Error, Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// assert_eq!(map.increment(b"visits", 1, Ttl::Never), Ok(1));
    /// assert_eq!(map.increment(b"visits", 10, Ttl::Never), Ok(11));
    /// assert_eq!(map.increment(b"visits", i64::MAX, Ttl::Never), Err(Error::Overflow));
    /// map.set(b"name", b"text", Ttl::Never)?;
    /// assert_eq!(map.increment(b"name", 1, Ttl::Never), Err(Error::NotACounter));
    /// # Ok::<(), Error>(())
    /// ```
    #[expect(
        unsafe_code,
        reason = "an overwrite visits its entry once: see `lookup`"
    )]
    pub fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error> {
        let mut call = CallTime::begin();
        self.limits.check_key(key)?;
        let ttl = self.span(ttl)?;
        self.limits.check_value(COUNTER_LEN)?;
        let (hash, found) = self.living(&mut call, key);
        let (counter, deadline) = match found {
            Some(found) => {
                // SAFETY: the entry has just been found.
                let slot = unsafe { self.arena.borrow(found.slot) };
                (Some(slot.counter()), found.deadline)
            }
            None => (None, self.deadline(&mut call, ttl)),
        };
        let sum = add(counter, delta)?;
        let value = sum.to_le_bytes();
        if let Some(found) = found {
            // SAFETY: the entry has just been found.
            if unsafe { self.write_over(found, &value, deadline) } {
                return Ok(sum);
            }
        }
        // SAFETY: as above.
        let found = found.map(|found| unsafe { self.address(found.entry) });
        let value = Bytes::Counter(value);
        self.store_planned(&mut call, key, hash, found, value, deadline)?;
        Ok(sum)
    }

    /// Gives an existing entry a new TTL, counted from now, without changing its value or version.
    /// Returns `true` if the key was present.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InvalidKey`], [`Error::InvalidTtl`] and [`Error::Full`] under the same
    /// conditions as [`set`](Self::set). The map is unchanged.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// map.set(b"session", b"", Ttl::After(10))?;
    /// assert_eq!(map.touch(b"session", Ttl::After(60)), Ok(true));
    /// assert_eq!(map.get_entry(b"session").and_then(|entry| entry.expires_in), Some(60));
    /// assert_eq!(map.touch(b"another", Ttl::After(60)), Ok(false));
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error> {
        let mut call = CallTime::begin();
        self.limits.check_key(key)?;
        let ttl = self.span(ttl)?;
        let (hash, Some(entry)) = self.living_entry(&mut call, key) else {
            return Ok(false);
        };
        let deadline = self.deadline(&mut call, ttl);
        let action = Action::Touch(deadline);
        let mut planned = PlannedWrite::new(key, hash, Some(entry), action);
        self.ensure(&mut call, &mut planned)?;
        self.commit(core::slice::from_mut(&mut planned));
        Ok(true)
    }

    /// Calls `read` with a value, then deletes it: for single-use tokens. Returns what `read`
    /// returns, or `None` if the key is absent. Counts a hit or a miss.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// map.set(b"token", b"user 7", Ttl::Never)?;
    /// assert_eq!(map.take(b"token", |value| value.to_vec()), Some(b"user 7".to_vec()));
    /// assert_eq!(map.take(b"token", |value| value.to_vec()), None);
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn take<R>(&mut self, key: &[u8], read: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        let entry = self.read_entry(&mut CallTime::begin(), key)?;
        let read = read(Value::of(&self.arena, entry));
        self.remove(entry);
        Some(read)
    }

    /// Deletes `key`. Returns `true` if it was present.
    ///
    /// ```
    /// use localmap_engine::{Error, Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// let version = map.set(b"key", b"value", Ttl::Never)?;
    /// assert_eq!(map.delete_if(b"key", version + 1), Err(Error::Conflict(Some(version))));
    /// assert!(map.delete(b"key"));
    /// assert!(!map.delete(b"key"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let found = self.find(&mut CallTime::begin(), key);
        if let Some(entry) = found {
            self.remove(entry);
        }
        found.is_some()
    }

    /// Deletes `key` if its value has this version. See [`delete`](Self::delete) for an example.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Conflict`] if the value has another version or the key is absent.
    pub fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error> {
        let found = self.find(&mut CallTime::begin(), key);
        check(self.version_of(found), Condition::Version(version))?;
        if let Some(entry) = found {
            self.remove(entry);
        }
        Ok(())
    }

    #[expect(
        unsafe_code,
        reason = "an overwrite visits its entry once: see `lookup`"
    )]
    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Option<Condition>,
    ) -> Result<u64, Error> {
        let mut call = CallTime::begin();
        self.limits.check_key(key)?;
        let ttl = self.span(ttl)?;
        self.limits.check_value(value.len())?;
        let (hash, found) = self.living(&mut call, key);
        if let Some(condition) = condition {
            // SAFETY: the entry has just been found.
            let version =
                |found: Found| unsafe { self.arena.borrow(found.slot) }.header().version();
            check(found.map(version), condition)?;
        }
        let deadline = self.deadline(&mut call, ttl);
        if let Some(found) = found {
            // SAFETY: the entry has just been found.
            if unsafe { self.write_over(found, value, deadline) } {
                return Ok(self.version);
            }
        }
        // SAFETY: as above.
        let found = found.map(|found| unsafe { self.address(found.entry) });
        let value = Bytes::Given(value);
        self.store_planned(&mut call, key, hash, found, value, deadline)
    }

    /// Stores a value for which no room has been made yet, and returns its version. `found` is the
    /// entry of the key.
    #[inline(never)]
    fn store_planned(
        &mut self,
        call: &mut CallTime,
        key: &[u8],
        hash: u32,
        found: Option<EntryAddr>,
        value: Bytes<'_>,
        deadline: Option<u64>,
    ) -> Result<u64, Error> {
        let version = self.version + 1;
        let action = Action::Store(New::of(key, value, version, deadline));
        let mut planned = PlannedWrite::new(key, hash, found, action);
        if found.is_none() {
            // This bounds the memory that a map loses to expired entries which are never requested
            // again: each new entry frees up to 16 of them.
            self.reap_some();
        }
        self.ensure(call, &mut planned)?;
        self.version = version;
        self.commit(core::slice::from_mut(&mut planned));
        Ok(version)
    }

    /// Makes room, so that the planned write cannot fail.
    #[inline]
    fn ensure(&mut self, call: &mut CallTime, planned: &mut PlannedWrite<'_>) -> Result<(), Error> {
        if self.fits_one(planned) || self.try_reserve_one(call, planned) {
            return Ok(());
        }
        self.try_reserve(call, core::slice::from_mut(planned), &mut [0])
    }

    /// Carries out a plan for which room has been made. Actions that free memory come first, since
    /// the others rely on it.
    pub(super) fn commit(&mut self, plan: &mut [PlannedWrite<'_>]) {
        for planned in &mut *plan {
            self.release_old(planned);
        }
        // Not earlier, since removing entries may move buckets. Not later, since a new entry may
        // have the address of a released one, and then only their buckets distinguish the two.
        for planned in &mut *plan {
            if let (Some(_), Some(entry)) = (planned.released, planned.at) {
                planned.bucket = self.index.bucket(planned.hash, self.arena.reference(entry));
            }
        }
        for planned in plan {
            self.apply_one(planned);
            if self.changes.is_on() {
                self.note(planned);
            }
        }
        self.arena.trim();
    }

    /// Releases an entry that is removed, or whose replacement does not fit in its place.
    fn release_old(&mut self, planned: &mut PlannedWrite<'_>) {
        let Some(entry) = planned.at else {
            return;
        };
        match &planned.action {
            Action::Remove => self.vacate(entry),
            Action::Store(new) if !self.in_place(entry, &new.layout) => {
                planned.released = Some(self.eviction.remove(&mut self.arena, entry));
                self.detach(entry);
            }
            Action::Keep | Action::Touch(_) | Action::Store(_) => {}
        }
    }

    #[inline]
    #[expect(unsafe_code, reason = "see `Arena::write`")]
    fn apply_one(&mut self, planned: &PlannedWrite<'_>) {
        match (&planned.action, planned.at) {
            (Action::Store(new), Some(entry)) => {
                let entry = match planned.released {
                    // SAFETY: otherwise `release_old` would have released the entry.
                    None => unsafe { self.overwrite(entry, new) },
                    Some(state) => self.replace(entry, planned, new, state),
                };
                self.eviction.used(&mut self.arena, entry);
            }
            (Action::Store(new), None) => {
                let Some(entry) = self.insert(planned, new) else {
                    return;
                };
                let hash = planned.hash;
                let reference = self.arena.reference(entry);
                self.index.insert(hash, reference);
                let (eviction, limits) = (&mut self.eviction, &self.limits);
                eviction.insert(&mut self.arena, entry, hash, limits);
            }
            (Action::Touch(deadline), Some(entry)) => {
                self.set_deadline(entry, *deadline);
                self.eviction.used(&mut self.arena, entry);
            }
            (Action::Keep | Action::Touch(_) | Action::Remove, _) => {}
        }
    }

    /// Notes a planned write that has been carried out. A removal notes itself.
    #[cold]
    fn note(&mut self, planned: &PlannedWrite<'_>) {
        match (&planned.action, planned.at) {
            (Action::Store(_), _) => self.changes.note(Became::Stored, planned.key),
            (Action::Touch(_), Some(_)) => self.changes.note(Became::Touched, planned.key),
            (Action::Keep | Action::Touch(_) | Action::Remove, _) => {}
        }
    }

    /// Overwrites the value of an entry.
    ///
    /// # Safety
    ///
    /// Both values must need the same slots.
    #[expect(unsafe_code, reason = "see `Arena::write`")]
    unsafe fn overwrite(&mut self, entry: EntryAddr, new: &New<'_>) -> EntryAddr {
        let value = new.value.get();
        // SAFETY: guaranteed by the caller.
        let before = unsafe { self.arena.write(entry, value, new.version) };
        if before != value.len() {
            self.payload = self.payload + value.len() as u64 - before as u64;
            self.eviction.resized(&self.arena, entry, before);
        }
        self.set_deadline(entry, new.deadline);
        self.counts.writes += 1;
        entry
    }

    /// Stores a new entry in place of one that has been released but is still in the index.
    fn replace(
        &mut self,
        entry: EntryAddr,
        planned: &PlannedWrite<'_>,
        new: &New<'_>,
        state: EvictionState,
    ) -> EntryAddr {
        let Some(to) = self.insert(planned, new) else {
            return entry;
        };
        if let Some(bucket) = planned.bucket {
            let reference = self.arena.reference(to);
            self.index.replace_at(planned.hash, bucket, reference);
        }
        self.eviction.inherit(&mut self.arena, to, state);
        to
    }

    /// Stores a new entry, without adding it to the index.
    #[inline]
    #[expect(unsafe_code, reason = "see `Arena::insert`")]
    fn insert(&mut self, planned: &PlannedWrite<'_>, new: &New<'_>) -> Option<EntryAddr> {
        let (key, value) = (planned.key, new.value.get());
        let (version, layout) = (new.version, &new.layout);
        // SAFETY: `New::of` computed the layout for this value and this key.
        let entry = unsafe { self.arena.insert(planned.hash, key, value, version, layout) };
        debug_assert!(entry.is_some(), "there is room");
        if let (Some(entry), Some(deadline)) = (entry, new.deadline) {
            let now = self.clock.seen();
            self.wheel.set(&mut self.arena, entry, Some(deadline), now);
        }
        self.payload += (key.len() + value.len()) as u64;
        self.counts.writes += 1;
        entry
    }

    #[inline]
    pub(super) fn set_deadline(&mut self, entry: EntryAddr, deadline: Option<u64>) {
        match (self.deadline_of(entry), deadline) {
            (None, None) => {}
            (Some(_), Some(deadline)) => self.wheel.change(&mut self.arena, entry, deadline),
            (None, Some(_)) | (Some(_), None) => {
                let now = self.clock.seen();
                self.wheel.set(&mut self.arena, entry, deadline, now);
            }
        }
    }

    /// Returns the deadline of an entry, or `None` if it never expires.
    #[inline]
    pub(super) fn deadline_of(&self, entry: EntryAddr) -> Option<u64> {
        wheel::deadline(self.arena.header(entry))
    }

    /// Returns the version of an entry, if there is one.
    pub(super) fn version_of(&self, found: Option<EntryAddr>) -> Option<u64> {
        found.map(|entry| self.arena.header(entry).version())
    }

    /// Returns the nanoseconds that a TTL stands for, or `None` for no expiry.
    pub(super) const fn span(&self, ttl: Ttl) -> Result<Option<u64>, Error> {
        match ttl {
            Ttl::Default => Ok(self.limits.default_ttl),
            Ttl::Never => Ok(None),
            Ttl::After(0) => Err(Error::InvalidTtl),
            Ttl::After(span) => Ok(Some(span)),
        }
    }

    #[inline]
    pub(super) fn deadline(&mut self, call: &mut CallTime, span: Option<u64>) -> Option<u64> {
        // Not in a single line: a TTL of "never" must not read the clock.
        let span = span?;
        Some(self.clock.now(call).saturating_add(span))
    }
}

/// Checks that the condition holds for the current version.
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

/// Returns the sum of a counter and `delta`. `counter` is `None` if there is no value yet, and
/// `Some(None)` if the value is not 8 bytes long.
pub(super) fn add(counter: Option<Option<[u8; 8]>>, delta: i64) -> Result<i64, Error> {
    match counter {
        None => Ok(delta),
        Some(None) => Err(Error::NotACounter),
        Some(Some(bytes)) => i64::from_le_bytes(bytes)
            .checked_add(delta)
            .ok_or(Error::Overflow),
    }
}
