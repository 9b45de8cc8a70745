//! The operations: those of the crate root's `LocalMap`, over the engine.

use std::{cell::RefCell, fmt, hash::BuildHasher, hash::RandomState, rc::Rc, time::Instant};

use localmap_engine as engine;

use super::{Pinned, Scan, clock::Time};
use crate::{ApplyError, Change, Condition, Entry, Error, Outcome, Page, Scanned, Ttl, Version};

/// The engine, behind a cell that is never open while code of the guest runs: keys,
/// values and TTLs are taken from what the guest gives before it is opened, and what
/// it gives back is owned. So it cannot be found open.
pub(super) type Engine = RefCell<engine::Map<Time>>;

thread_local! {
    /// The map of this instance, which has one thread.
    static INSTANCE: Rc<Engine> = engine_with(Time::Since(Instant::now()), engine::Limits::default());
}

/// A map inside of the guest, with the operations of [the one of the
/// host](crate::LocalMap).
///
/// What is said there holds here too: of keys and values, of time, of errors that have
/// changed nothing. See the [module](super) for what is different, and for examples.
///
/// The clock is WASI's monotonic one, natively that of the operating system.
pub struct LocalMap {
    pub(super) engine: Rc<Engine>,
}

impl LocalMap {
    /// The map of this instance.
    ///
    /// As with [the host's](crate::LocalMap::new), all values that this makes are the
    /// same map, which begins empty and with default [`Limits`](super::Limits);
    /// [`configure`](Self::configure) sets others. Natively, each thread has one.
    #[must_use]
    pub fn new() -> Self {
        // Where the thread is at its end and its map is gone, an empty one will do.
        let engine = INSTANCE.try_with(Rc::clone).unwrap_or_else(|_| {
            engine_with(Time::Since(Instant::now()), engine::Limits::default())
        });
        Self { engine }
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let key = key.as_ref();
        let mut engine = self.engine.borrow_mut();
        engine.get(key).map(|value| value.to_vec())
    }

    /// Puts the value of `key` into `value`, in place of what was in it. False: the key
    /// is not there, and `value` is empty.
    ///
    /// Allocates nothing where `value` has room.
    #[must_use = "an empty value and one that is not there are not the same"]
    pub fn get_into(&self, key: impl AsRef<[u8]>, value: &mut Vec<u8>) -> bool {
        let key = key.as_ref();
        value.clear();
        let mut engine = self.engine.borrow_mut();
        let found = engine.get(key);
        if let Some(found) = found {
            value.reserve(found.len());
            found
                .chunks()
                .for_each(|chunk| value.extend_from_slice(chunk));
        }
        found.is_some()
    }

    /// The value of `key` with its version and the time it has left.
    #[must_use]
    pub fn get_entry(&self, key: impl AsRef<[u8]>) -> Option<Entry> {
        let key = key.as_ref();
        let mut engine = self.engine.borrow_mut();
        engine.get_entry(key).map(Entry::from)
    }

    /// The values of several keys, in their order.
    ///
    /// They are all as of one instant where their values have no more than 1 MiB. What
    /// is beyond that is as of a later one.
    #[must_use]
    pub fn get_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Option<Vec<u8>>> {
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        let mut values = Vec::with_capacity(keys.len());
        let mut engine = self.engine.borrow_mut();
        while let Some(rest @ [_, ..]) = keys.get(values.len()..) {
            engine.get_many(rest.iter().copied(), |value| {
                values.push(value.map(|value| value.to_vec()));
            });
        }
        values
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref();
        self.engine.borrow_mut().contains(key)
    }

    /// Stores a value and its TTL, in place of what was there.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`](Error::InvalidKey), [`ValueTooLarge`](Error::ValueTooLarge),
    /// [`InvalidTtl`](Error::InvalidTtl), [`Full`](Error::Full).
    pub fn set(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: impl Into<Ttl>,
    ) -> Result<Version, Error> {
        let (key, value, ttl) = (key.as_ref(), value.as_ref(), ttl.into());
        let mut engine = self.engine.borrow_mut();
        Ok(engine.set(key, value, ttl.into())?)
    }

    /// Stores as [`set`](Self::set) does, where `condition` holds.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set), and [`Conflict`](Error::Conflict) where it
    /// does not hold.
    pub fn set_if(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: impl Into<Ttl>,
        condition: Condition,
    ) -> Result<Version, Error> {
        let (key, value, ttl) = (key.as_ref(), value.as_ref(), ttl.into());
        let mut engine = self.engine.borrow_mut();
        Ok(engine.set_if(key, value, ttl.into(), condition.into())?)
    }

    /// Adds `delta` to a counter and gives its new value: see
    /// [there](crate::LocalMap::increment) for what a counter is.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`](Error::InvalidKey), [`InvalidTtl`](Error::InvalidTtl),
    /// [`Full`](Error::Full), [`NotACounter`](Error::NotACounter),
    /// [`Overflow`](Error::Overflow); [`ValueTooLarge`](Error::ValueTooLarge)
    /// where `max_value` is less than 8 bytes.
    pub fn increment(
        &self,
        key: impl AsRef<[u8]>,
        delta: i64,
        ttl: impl Into<Ttl>,
    ) -> Result<i64, Error> {
        let (key, ttl) = (key.as_ref(), ttl.into());
        let mut engine = self.engine.borrow_mut();
        Ok(engine.increment(key, delta, ttl.into())?)
    }

    /// Gives an entry that is there a new TTL, counted from now, and leaves its
    /// value and version. False: it is not there, and stays so.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`](Error::InvalidKey), [`InvalidTtl`](Error::InvalidTtl),
    /// [`Full`](Error::Full).
    pub fn touch(&self, key: impl AsRef<[u8]>, ttl: impl Into<Ttl>) -> Result<bool, Error> {
        let (key, ttl) = (key.as_ref(), ttl.into());
        let mut engine = self.engine.borrow_mut();
        Ok(engine.touch(key, ttl.into())?)
    }

    /// Reads and deletes in one: for tokens that are good once.
    #[must_use = "the value is gone from the map; `delete` is for values that nobody needs"]
    pub fn take(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let key = key.as_ref();
        let mut engine = self.engine.borrow_mut();
        engine.take(key, |value| value.to_vec())
    }

    /// Deletes. False: it was not there.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref();
        self.engine.borrow_mut().delete(key)
    }

    /// Deletes if the value there has this version.
    ///
    /// # Errors
    ///
    /// [`Conflict`](Error::Conflict) if not, also when the key is not there.
    pub fn delete_if(&self, key: impl AsRef<[u8]>, version: Version) -> Result<(), Error> {
        let key = key.as_ref();
        let mut engine = self.engine.borrow_mut();
        Ok(engine.delete_if(key, version)?)
    }

    /// Makes several changes, or none of them, all as of one instant: see
    /// [there](crate::LocalMap::apply). A batch has at most
    /// [`MAX_CHANGES`](super::MAX_CHANGES) changes, which may be as large as the limits
    /// allow.
    ///
    /// # Errors
    ///
    /// Those of the operations that the changes are named after.
    pub fn apply(&self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, ApplyError> {
        let changes: Vec<_> = changes.iter().map(engine::Change::from).collect();
        let outcomes = self.engine.borrow_mut().apply(&changes)?;
        Ok(outcomes.into_iter().map(Outcome::from).collect())
    }

    /// Holds the value of `key`: it stays readable until what this gives is dropped,
    /// whatever happens to the key meanwhile. `None`: it is not there. See
    /// [there](crate::LocalMap::pin).
    ///
    /// # Errors
    ///
    /// [`Full`](Error::Full) where the map has as many pins as its `max_pins`, or no
    /// memory for one more.
    pub fn pin(&self, key: impl AsRef<[u8]>) -> Result<Option<Pinned>, Error> {
        let key = key.as_ref();
        let pin = self.engine.borrow_mut().pin(key)?;
        Ok(pin.map(|pin| Pinned::new(&self.engine, pin)))
    }

    /// All entries whose keys begin with `prefix` (all there are, if it is
    /// empty), in no order that means anything: see [there](crate::LocalMap::scan).
    ///
    /// The map may be changed meanwhile.
    pub fn scan(&self, prefix: impl AsRef<[u8]>) -> Scan<'_> {
        Scan::new(self, prefix.as_ref(), |map, prefix, cursor, limit| {
            map.scan_page(prefix, cursor, limit)
        })
    }

    /// A part of a [`scan`](Self::scan), for those who cannot hold an iterator until
    /// its end: see [there](crate::LocalMap::scan_page) for `cursor` and `limit`.
    #[must_use]
    pub fn scan_page(&self, prefix: impl AsRef<[u8]>, cursor: u64, limit: u32) -> Page {
        let prefix = prefix.as_ref();
        let mut entries = Vec::new();
        let mut engine = self.engine.borrow_mut();
        let next = engine.scan(prefix, cursor, limit, |entry| {
            entries.push(Scanned::from(entry));
        });
        Page { entries, next }
    }

    /// How many entries there are. Those whose time is up are not counted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.engine.borrow_mut().len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for LocalMap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LocalMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalMap").finish_non_exhaustive()
    }
}

/// An empty map. Its seed is that of std's own tables: `wasi:random`, natively the
/// operating system.
pub(super) fn engine_with(time: Time, limits: engine::Limits) -> Rc<Engine> {
    let seed = RandomState::new().hash_one("localmap");
    Rc::new(RefCell::new(engine::Map::new(time, seed, limits)))
}
