//! The operations of the crate root's `LocalMap`, implemented on the engine.

use std::{cell::RefCell, fmt, hash::BuildHasher, hash::RandomState, rc::Rc, time::Instant};

use localmap_engine as engine;

use super::{Pinned, Scan, clock::Time};
use crate::{ApplyError, Change, Condition, Entry, Error, Outcome, Page, Scanned, Ttl, Version};

/// The engine in a cell that is never borrowed while code of the guest runs: arguments are
/// converted before the borrow, and results are owned. Borrowing therefore never fails.
pub(super) type Engine = RefCell<engine::Map<Time>>;

thread_local! {
    /// The map of this instance. An instance has one thread.
    static INSTANCE: Rc<Engine> = engine_with(Time::Since(Instant::now()), engine::Limits::default());
}

/// A map inside the guest, with the operations of [the host's](crate::LocalMap).
///
/// Keys, values, time and errors work in the same way. The examples of that type run with this
/// one. See the [module](super) for the differences.
///
/// The clock is WASI's monotonic clock or, natively, that of the operating system.
pub struct LocalMap {
    pub(super) engine: Rc<Engine>,
}

impl LocalMap {
    /// Returns the map of this instance.
    ///
    /// As with [the host's](crate::LocalMap::new), all returned values refer to the same map,
    /// which starts empty and with the default [`Limits`](super::Limits);
    /// [`configure`](Self::configure) changes them. Natively, each thread has its own map. See
    /// [`crate::LocalMap::new`] for an example.
    #[must_use]
    pub fn new() -> Self {
        // If the thread is ending and its map is already dropped, use an empty map instead.
        let engine = INSTANCE.try_with(Rc::clone).unwrap_or_else(|_| {
            engine_with(Time::Since(Instant::now()), engine::Limits::default())
        });
        Self { engine }
    }

    /// Returns the value of `key`, or `None` if it is absent. See [`crate::LocalMap::get`] for
    /// an example.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let key = key.as_ref();
        let mut engine = self.engine.borrow_mut();
        engine.get(key).map(|value| value.to_vec())
    }

    /// Replaces the contents of `value` with the value of `key`. Returns `false`, and leaves
    /// `value` empty, if `key` is absent.
    ///
    /// Allocates only if `value` has too little capacity. See [`crate::LocalMap::get_into`] for
    /// an example.
    #[must_use = "an empty value may also be the value of a present key"]
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

    /// Returns the value of `key` with its version and remaining time, or `None` if it is
    /// absent. See [`crate::LocalMap::get_entry`] for an example.
    #[must_use]
    pub fn get_entry(&self, key: impl AsRef<[u8]>) -> Option<Entry> {
        let key = key.as_ref();
        let mut engine = self.engine.borrow_mut();
        engine.get_entry(key).map(Entry::from)
    }

    /// Returns the values of several keys, in the order of `keys`.
    ///
    /// All values are read at the same instant if they have at most 1 MiB in total. Otherwise, some
    /// are read at later instants. See [`crate::LocalMap::get_many`] for an example.
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

    /// Returns `true` if `key` is present. Counts as neither a hit nor a miss. See
    /// [`crate::LocalMap::contains`] for an example.
    #[must_use]
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref();
        self.engine.borrow_mut().contains(key)
    }

    /// Stores a value with its TTL and returns its version. Replaces the value and the TTL
    /// that `key` had. See [`crate::LocalMap::set`] for an example.
    ///
    /// # Errors
    ///
    /// - [`InvalidKey`](Error::InvalidKey) if the map does not accept the key.
    /// - [`ValueTooLarge`](Error::ValueTooLarge) if the value is longer than `max_value`.
    /// - [`InvalidTtl`](Error::InvalidTtl) if the TTL is zero.
    /// - [`Full`](Error::Full) if there is no room and nothing can be evicted.
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

    /// Stores a value as [`set`](Self::set) does, if `condition` holds. See
    /// [`crate::LocalMap::set_if`] for an example.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set), and:
    ///
    /// - [`Conflict`](Error::Conflict) if `condition` does not hold.
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

    /// Adds `delta` to a counter and returns the sum. See [`crate::LocalMap::increment`] for
    /// the definition of a counter, and for an example.
    ///
    /// # Errors
    ///
    /// - [`InvalidKey`](Error::InvalidKey) if the map does not accept the key.
    /// - [`InvalidTtl`](Error::InvalidTtl) if the TTL is zero.
    /// - [`Full`](Error::Full) if there is no room and nothing can be evicted.
    /// - [`NotACounter`](Error::NotACounter) if the present value is not 8 bytes long.
    /// - [`Overflow`](Error::Overflow) if the sum does not fit into an `i64`.
    /// - [`ValueTooLarge`](Error::ValueTooLarge) if `max_value` is less than 8 bytes.
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

    /// Gives an existing entry a new TTL, counted from now, and keeps its value and version.
    /// Returns `false` if `key` is absent; it stays absent. See [`crate::LocalMap::touch`] for
    /// an example.
    ///
    /// # Errors
    ///
    /// - [`InvalidKey`](Error::InvalidKey) if the map does not accept the key.
    /// - [`InvalidTtl`](Error::InvalidTtl) if the TTL is zero.
    /// - [`Full`](Error::Full) if there is no memory to record the deadline of an entry that
    ///   had none.
    pub fn touch(&self, key: impl AsRef<[u8]>, ttl: impl Into<Ttl>) -> Result<bool, Error> {
        let (key, ttl) = (key.as_ref(), ttl.into());
        let mut engine = self.engine.borrow_mut();
        Ok(engine.touch(key, ttl.into())?)
    }

    /// Deletes `key` and returns its value, or `None` if it was absent. See
    /// [`crate::LocalMap::take`] for an example.
    #[must_use = "the value is deleted; use `delete` if you do not need it"]
    pub fn take(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let key = key.as_ref();
        let mut engine = self.engine.borrow_mut();
        engine.take(key, |value| value.to_vec())
    }

    /// Deletes `key`. Returns `true` if it was present. See [`crate::LocalMap::delete`] for an
    /// example.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref();
        self.engine.borrow_mut().delete(key)
    }

    /// Deletes `key` if its value has the given version. See [`crate::LocalMap::delete_if`]
    /// for an example.
    ///
    /// # Errors
    ///
    /// - [`Conflict`](Error::Conflict) if the value has another version or the key is absent.
    pub fn delete_if(&self, key: impl AsRef<[u8]>, version: Version) -> Result<(), Error> {
        let key = key.as_ref();
        let mut engine = self.engine.borrow_mut();
        Ok(engine.delete_if(key, version)?)
    }

    /// Makes all changes of a batch or none of them, at a single instant. See
    /// [`crate::LocalMap::apply`] for the rules and an example.
    ///
    /// A batch can have at most [`MAX_CHANGES`](super::MAX_CHANGES) changes, each as large as the
    /// limits allow.
    ///
    /// # Errors
    ///
    /// Returns an [`ApplyError`] with the index of the first change that fails, and the error of
    /// the operation of the same name. The error is also [`Full`](Error::Full) if the batch has
    /// too many changes.
    pub fn apply(&self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, ApplyError> {
        let changes: Vec<_> = changes.iter().map(engine::Change::from).collect();
        let outcomes = self.engine.borrow_mut().apply(&changes)?;
        Ok(outcomes.into_iter().map(Outcome::from).collect())
    }

    /// Pins the value of `key`. It stays readable until the returned [`Pinned`] is dropped, even
    /// if the key is changed or deleted. Returns `None` if the key is absent. See
    /// [`crate::LocalMap::pin`] for an example.
    ///
    /// # Errors
    ///
    /// - [`Full`](Error::Full) if the map has as many pins as its `max_pins` allows, or no
    ///   memory for another one.
    pub fn pin(&self, key: impl AsRef<[u8]>) -> Result<Option<Pinned>, Error> {
        let key = key.as_ref();
        let pin = self.engine.borrow_mut().pin(key)?;
        Ok(pin.map(|pin| Pinned::new(&self.engine, pin)))
    }

    /// Returns an iterator over the entries whose keys begin with `prefix` (all entries, if
    /// it is empty), in no particular order. The map may be changed during the scan. See
    /// [`crate::LocalMap::scan`] for the rules and an example.
    pub fn scan(&self, prefix: impl AsRef<[u8]>) -> Scan<'_> {
        Scan::new(self, prefix.as_ref(), |map, prefix, cursor, limit| {
            map.scan_page(prefix, cursor, limit)
        })
    }

    /// Returns one page of a [`scan`](Self::scan). Use it where an iterator cannot be kept. See
    /// [`crate::LocalMap::scan_page`] for `cursor` and `limit`, and for an example.
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

    /// Returns the number of entries that have not expired. May visit every expired entry. See
    /// [`crate::LocalMap::len`] for an example.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.engine.borrow_mut().len()
    }

    /// Returns `true` if the map has no entry. May visit every expired entry. See
    /// [`crate::LocalMap::len`] for an example.
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

/// Creates an empty map. Its seed comes from the same source as those of std's hash maps:
/// `wasi:random` or, natively, the operating system.
pub(super) fn engine_with(time: Time, limits: engine::Limits) -> Rc<Engine> {
    let seed = RandomState::new().hash_one("localmap");
    Rc::new(RefCell::new(engine::Map::new(time, seed, limits)))
}
