//! One map: one store, one instance, one linear memory.

use crate::cancel::CancelHandle;
use crate::contract::bindings::local_map;
use crate::contract::error::{
    ApplyError, ChangeError, ConfigureError, DeleteIfError, IncrementError, MapTerminated,
    PinError, PinnedError, PreloadError, Refused, SetError, SetIfError, TouchError,
};
use crate::contract::limits::Limits;
use crate::contract::types::{
    Change, Condition, Entry, MAX_KEY_LEN, Outcome, Page, Preload, Scanned, Stats, Ttl, Version,
};
use crate::runtime::compiled::Compiled;
use crate::runtime::create_error::CreateError;
use crate::runtime::host_options::HostOptions;
use crate::runtime::map_instance::MapInstance;
use crate::runtime::map_options::MapOptions;
use crate::runtime::map_state::MapState;
use crate::runtime::permits::Permits;
use crate::runtime::pinned::Pinned;
use crate::runtime::store_data::StoreData;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use wasmtime::Store;

/// The keys that one call of `get-many` is given: they fit in the 64 KiB that the
/// map promises room for.
const KEYS_PER_CALL: usize = 256;

/// The entries that a page of [`LocalMap::visit`] has.
const VISITED_PER_CALL: u32 = 256;

/// A map of its own: one store, one instance, one linear memory.
///
/// Keys are any 1 to [`Limits::max_key`] bytes, values any bytes up to
/// [`Limits::max_value`]. Writes check them. Reads fail only when the map is
/// [dead](MapTerminated): a key that cannot exist is absent. An entry is gone as
/// soon as the clock stands at its deadline or after it. A write that fails
/// changes nothing.
///
/// Each operation is one call into the sandbox. It needs `&mut self`, so a map
/// belongs to one thread at a time; it is [`Send`].
///
/// # Its end
///
/// Dropping it ends everything that it held; no later map can read a byte of it. It ends
/// before that if a call traps, takes longer than
/// [`call_timeout`](MapOptions::call_timeout) or is
/// [cancelled](Self::cancel_handle). Then it is [dead](MapTerminated): its memory has been given
/// back, and each operation tells what killed it, and when.
pub struct LocalMap {
    life: Arc<MapState>,
}

impl LocalMap {
    pub(crate) fn new(
        map: &Arc<Compiled>,
        host: &HostOptions,
        slots: &Arc<Permits>,
        options: &MapOptions,
    ) -> Result<Self, CreateError> {
        let handle = match &options.cancel_with {
            Some(parent) => parent.child(),
            None => CancelHandle::new(),
        };
        if handle.is_cancelled() {
            return Err(CreateError::Cancelled);
        }
        let (asked, max) = (options.memory_or(host.max_memory), host.max_memory);
        if asked > max {
            return Err(CreateError::TooMuchMemory { asked, max });
        }
        let slot = slots.take(host.wait, &handle)?;
        let live = MapInstance::new(map, options, asked, &handle, slot)?;
        let life = Arc::new(MapState::new(live, handle));
        let weak = Arc::downgrade(&life);
        life.handle().made(weak);
        let map = Self { life };
        // Who cancelled before that could not find it.
        if map.life.handle().is_cancelled() {
            return Err(CreateError::Cancelled);
        }
        Ok(map)
    }

    /// What cancels the map, from any thread: see [`CancelHandle::cancel`].
    pub fn cancel_handle(&self) -> CancelHandle {
        self.life.handle().clone()
    }

    /// Calls into the instance as its bindings are. A call that fails ends the map.
    pub(crate) fn enter<R>(
        &mut self,
        call: impl FnOnce(&local_map::Guest, &mut Store<StoreData>) -> wasmtime::Result<R>,
    ) -> Result<R, MapTerminated> {
        self.life.enter(|live| {
            let map = &live.map;
            call(map, &mut live.store)
        })
    }

    /// Calls with a key that is only looked for.
    fn read<R>(
        &mut self,
        key: &[u8],
        call: impl FnOnce(&local_map::Guest, &mut Store<StoreData>, &[u8]) -> wasmtime::Result<R>,
    ) -> Result<R, MapTerminated> {
        self.enter(|map, store| call(map, store, findable(key)))
    }

    /// Calls with a key, a TTL and a value of `len` bytes, unless they are refused
    /// whatever the map holds: what may not fit into its memory is not copied in.
    fn write<R, E>(
        &mut self,
        key: &[u8],
        len: usize,
        ttl: Ttl,
        call: impl FnOnce(
            &local_map::Guest,
            &mut Store<StoreData>,
            local_map::Ttl,
        ) -> wasmtime::Result<Result<R, local_map::Error>>,
    ) -> Result<R, E>
    where
        E: TryFrom<Refused, Error = wasmtime::Error> + From<MapTerminated>,
    {
        self.life.enter(|live| {
            if let Err(refused) = live.limits.check_write(key, len, ttl) {
                return Ok(Err(refused.try_into()?));
            }
            let map = &live.map;
            let answer = call(map, &mut live.store, ttl.into())?;
            // Without a value it is a counter that is too large.
            refusal(answer, if len == 0 { 8 } else { len })
        })?
    }

    /// The value of `key`.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MapTerminated> {
        self.read(key, |map, store, key| map.call_get(store, key))
    }

    /// Appends the value of `key` to `buffer`, and gives its length in bytes. `None`: the
    /// key is not there.
    ///
    /// The value is copied once, from the memory of the map. Where a buffer is used again,
    /// nothing is allocated.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"k", b"value", Ttl::Never)?;
    /// let mut buffer = Vec::new();
    /// assert_eq!(map.get_into(b"k", &mut buffer)?, Some(5));
    /// assert_eq!(buffer, b"value");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`MapTerminated`]; the buffer is as it was then.
    pub fn get_into(
        &mut self,
        key: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<Option<usize>, MapTerminated> {
        self.life.enter(|live| live.append(findable(key), buffer))
    }

    /// The value of `key` with its version and the time it has left.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn get_entry(&mut self, key: &[u8]) -> Result<Option<Entry>, MapTerminated> {
        self.read(key, |map, store, key| {
            Ok(map.call_get_entry(store, key)?.map(Entry::from))
        })
    }

    /// The values of several keys, in their order.
    ///
    /// One call into the sandbox serves up to 256 keys or 1 MiB of values, all as
    /// of one instant; more of them take more calls, each with its own.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, MapTerminated> {
        self.life.enter(|live| {
            let mut values = Vec::with_capacity(keys.len());
            while values.len() < keys.len() {
                let rest = &keys[values.len()..];
                let ask: Vec<&[u8]> = rest
                    .iter()
                    .take(KEYS_PER_CALL)
                    .map(|key| findable(key))
                    .collect();
                let answer = live.map.call_get_many(&mut live.store, &ask)?;
                if answer.is_empty() || answer.len() > ask.len() {
                    return Err(wasmtime::Error::msg(
                        "the map answered get-many with a wrong number of values",
                    ));
                }
                values.extend(answer);
            }
            Ok(values)
        })
    }

    /// Whether `key` is there. Counts as neither hit nor miss.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn contains(&mut self, key: &[u8]) -> Result<bool, MapTerminated> {
        self.read(key, |map, store, key| map.call_contains(store, key))
    }

    /// Stores a value and its TTL, in place of what was there, and gives the
    /// value's version.
    ///
    /// # Errors
    ///
    /// See [`SetError`].
    pub fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<Version, SetError> {
        self.write(key, value.len(), ttl, |map, store, ttl| {
            map.call_set(store, key, value, ttl)
        })
    }

    /// Stores as [`set`](Self::set) does, where `condition` holds.
    ///
    /// # Errors
    ///
    /// See [`SetIfError`]: those of [`set`](Self::set), and
    /// [`Conflict`](SetIfError::Conflict).
    pub fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<Version, SetIfError> {
        self.write(key, value.len(), ttl, |map, store, ttl| {
            map.call_set_if(store, key, value, ttl, condition.into())
        })
    }

    /// Adds `delta` to a counter and gives its new value.
    ///
    /// A counter is a value of 8 bytes: an `i64`, little-endian. One that is there
    /// keeps its deadline; one that is not starts from 0 with `ttl`. So a TTL
    /// makes a fixed window that begins with the first increment.
    ///
    /// # Errors
    ///
    /// See [`IncrementError`]: [`ValueTooLarge`](IncrementError::ValueTooLarge) is the one
    /// where [`Limits::max_value`] is under 8 bytes.
    pub fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, IncrementError> {
        self.write(key, 0, ttl, |map, store, ttl| {
            map.call_increment(store, key, delta, ttl)
        })
    }

    /// Gives an entry that is there a new TTL, counted from now, and leaves its
    /// value and version. False: it is not there, and stays so.
    ///
    /// # Errors
    ///
    /// See [`TouchError`]. [`Full`](TouchError::Full) is the one where an entry without a
    /// deadline is to have one and there is no memory to note it.
    pub fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, TouchError> {
        self.write(key, 0, ttl, |map, store, ttl| {
            map.call_touch(store, key, ttl)
        })
    }

    /// Reads and deletes in one: for tokens that are good once.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn take(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MapTerminated> {
        self.read(key, |map, store, key| map.call_take(store, key))
    }

    /// Deletes. False: it was not there.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn delete(&mut self, key: &[u8]) -> Result<bool, MapTerminated> {
        self.read(key, |map, store, key| map.call_delete(store, key))
    }

    /// Deletes if the value there has this version.
    ///
    /// # Errors
    ///
    /// [`DeleteIfError::Conflict`], also when the key is not there; or the map is dead.
    pub fn delete_if(&mut self, key: &[u8], version: Version) -> Result<(), DeleteIfError> {
        self.read(key, |map, store, key| {
            refusal(map.call_delete_if(store, key, version)?, 0)
        })?
    }

    /// Makes several changes, or none of them, all as of one instant.
    ///
    /// They are made in their order, each finding what those before it have done, and
    /// there is one outcome for each. Deleting or touching a key that is not there is no
    /// error.
    ///
    /// A batch has at most 1,024 changes, whose keys and values together have at most
    /// 64 KiB more than 1 MiB or the largest value, whichever is more. (That is
    /// [`Limits::max_value`], or [`Limits::max_bytes`] where that is less.)
    ///
    /// ```
    /// # use localmap::{Host, MapOptions};
    /// use localmap::{Change, Condition, Outcome, Ttl};
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"queue", b"job 7", Ttl::Never)?;
    /// let outcomes = map.apply(&[
    ///     Change::Delete { key: b"queue" },
    ///     Change::SetIf {
    ///         key: b"running",
    ///         value: b"job 7",
    ///         ttl: Ttl::Never,
    ///         condition: Condition::Absent,
    ///     },
    ///     Change::Increment { key: b"started", delta: 1, ttl: Ttl::Never },
    /// ])?;
    /// assert_eq!(
    ///     outcomes,
    ///     [Outcome::Deleted(true), Outcome::Stored(2), Outcome::Counter(1)],
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ApplyError::Refused`] tells which change was refused, and why: the errors of the
    /// operations, and [`ChangeError::Full`] at the first change that makes the batch too
    /// large. None has happened then. Or the map is dead.
    pub fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, ApplyError> {
        let outcomes = self.life.enter(|live| {
            // What may not fit into the memory of the map is not copied in.
            if let Err(index) = live.limits.check_batch(changes) {
                let source = ChangeError::Full;
                return Ok(Err(ApplyError::Refused { index, source }));
            }
            let given: Vec<local_map::Change<'_>> = changes.iter().map(Into::into).collect();
            let map = &live.map;
            match map.call_apply(&mut live.store, &given)? {
                Ok(outcomes) => {
                    Change::check_outcomes(changes, &outcomes)?;
                    Ok(Ok(outcomes))
                }
                Err((index, error)) => {
                    let index = index as usize;
                    let len = Change::at(changes, index)?.value_len();
                    let source = Refused::new(error, len).try_into()?;
                    Ok(Err(ApplyError::Refused { index, source }))
                }
            }
        })??;
        Ok(outcomes.into_iter().map(Outcome::from).collect())
    }

    /// Holds the value of `key`: [`pinned`](Self::pinned) reads it until the pin is
    /// dropped, even if the key is overwritten or deleted, expires or is cleared
    /// meanwhile. `None`: the key is not there. Counts as hit or miss, as
    /// [`get`](Self::get) does.
    ///
    /// What it holds counts against [`Limits::max_bytes`], and an entry is not evicted
    /// while the value that it has is pinned. A [`Pinned`] that is dropped gives its
    /// value back with the next operation of the map; [`unpin`](Self::unpin) does so at
    /// once.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"settings", b"old", Ttl::Never)?;
    /// let settings = map.pin(b"settings")?.ok_or("not there")?;
    /// map.set(b"settings", b"new", Ttl::Never)?;
    /// assert_eq!(map.pinned(&settings)?, b"old");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PinError::Full`] where there are [`Limits::max_pins`] pins, or no memory for one
    /// more; or the map is dead.
    pub fn pin(&mut self, key: &[u8]) -> Result<Option<Pinned>, PinError> {
        self.life.enter(|live| {
            let map = &live.map;
            let resource = match map.call_pin(&mut live.store, findable(key))? {
                Ok(Some(resource)) => resource,
                Ok(None) => return Ok(Ok(None)),
                Err(error) => return Ok(Err(Refused::new(error, 0).try_into()?)),
            };
            let version = map.pinned().call_version(&mut live.store, resource)?;
            Ok(Ok(Some(Pinned::new(resource, version, &live.released))))
        })?
    }

    /// The value that a pin holds.
    ///
    /// # Errors
    ///
    /// [`PinnedError::ForeignPin`] where another map made the pin; or the map is dead.
    pub fn pinned(&mut self, pin: &Pinned) -> Result<Vec<u8>, PinnedError> {
        self.life.enter(|live| {
            let Some(resource) = pin.resource(&live.released) else {
                return Ok(Err(PinnedError::ForeignPin));
            };
            let map = &live.map;
            Ok(Ok(map.pinned().call_value(&mut live.store, resource)?))
        })?
    }

    /// Ends a pin and gives back what it held, which otherwise the next operation does
    /// after the pin has been dropped.
    ///
    /// # Errors
    ///
    /// [`PinnedError::ForeignPin`] where another map made the pin, which gives it back
    /// then; or the map is dead.
    pub fn unpin(&mut self, pin: Pinned) -> Result<(), PinnedError> {
        let ours = self
            .life
            .enter(|live| Ok(pin.resource(&live.released).is_some()))?;
        drop(pin);
        if !ours {
            return Err(PinnedError::ForeignPin);
        }
        Ok(self.life.enter(|_| Ok(()))?)
    }

    /// A page of the entries whose keys begin with `prefix` (all, if it is empty),
    /// in no order that means anything.
    ///
    /// Begin with a `cursor` of 0 and go on with [`Page::next`] until there is
    /// none. Each entry that is there throughout is given exactly once; one that
    /// comes or goes meanwhile is given or not, and a key that is deleted and set
    /// again is given once at most. A page visits at most `limit` entries (0 counts as
    /// 1, more than 4,096 as 4,096) but for a few whose hashes are the same, ends early
    /// rather than exceed 1 MiB, and may be empty although the scan goes on.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Result<Page, MapTerminated> {
        self.life.enter(|live| {
            if prefix.len() > MAX_KEY_LEN {
                return Ok(Page {
                    entries: Vec::new(),
                    next: None,
                });
            }
            let map = &live.map;
            let page = map.call_scan(&mut live.store, prefix, cursor, limit)?;
            Ok(page.into())
        })
    }

    /// Calls `visit` with the entries whose keys begin with `prefix` (all, if it is
    /// empty), until it breaks: a [`scan`](Self::scan) from its begin, a page of 256
    /// entries at a time.
    ///
    /// Each value is copied once. The map cannot be changed meanwhile. A component of
    /// another make ([`Host::with_component`](crate::Host::with_component)) may never come
    /// to an end: break, or [cancel](Self::cancel_handle) it.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"user:1", b"alice", Ttl::Never)?;
    /// map.set(b"user:2", b"bob", Ttl::Never)?;
    /// let mut bytes = 0;
    /// map.visit(b"user:", |found| {
    ///     bytes += found.entry.value.len();
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(bytes, 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`MapTerminated`]; some entries may have been visited then.
    pub fn visit(
        &mut self,
        prefix: &[u8],
        mut visit: impl FnMut(Scanned) -> ControlFlow<()>,
    ) -> Result<(), MapTerminated> {
        let mut cursor = 0;
        loop {
            let page = self.scan(prefix, cursor, VISITED_PER_CALL)?;
            if page.entries.into_iter().try_for_each(&mut visit).is_break() {
                return Ok(());
            }
            match page.next {
                Some(next) => cursor = next,
                None => return Ok(()),
            }
        }
    }

    /// How many entries there are. Visits every entry that is due.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn len(&mut self) -> Result<u64, MapTerminated> {
        self.life.enter(|live| live.map.call_len(&mut live.store))
    }

    /// Whether there is no entry. Visits every entry that is due.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn is_empty(&mut self) -> Result<bool, MapTerminated> {
        Ok(self.len()? == 0)
    }

    /// Sets the limits. While the map has never held an entry, to any; after that
    /// they may only rise, and the policy stays (the default TTL may change).
    ///
    /// # Errors
    ///
    /// See [`ConfigureError`], which tells which limit was refused: none has changed then.
    pub fn configure(&mut self, limits: &Limits) -> Result<(), ConfigureError> {
        self.life.enter(|live| {
            let (control, store) = live.control()?;
            let answer = control.configure(store, limits)?;
            if answer.is_ok() {
                live.limits = limits.clone();
            }
            Ok(answer)
        })?
    }

    /// The limits in force.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn limits(&mut self) -> Result<Limits, MapTerminated> {
        self.life.enter(|live| {
            let (control, store) = live.control()?;
            control.limits(store)
        })
    }

    /// Stores entries, in their order.
    ///
    /// # Errors
    ///
    /// [`PreloadError::Refused`] tells which entry was refused; those before it are stored.
    /// Or the map is dead.
    pub fn preload(&mut self, entries: &[Preload]) -> Result<(), PreloadError> {
        for (index, entry) in entries.iter().enumerate() {
            self.set(&entry.key, &entry.value, entry.ttl)
                .map_err(|error| match error {
                    SetError::Terminated { source } => PreloadError::Terminated { source },
                    source => PreloadError::Refused { index, source },
                })?;
        }
        Ok(())
    }

    /// What the map has counted since it was made. Visits every entry that is due.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn stats(&mut self) -> Result<Stats, MapTerminated> {
        self.life.enter(|live| {
            let (control, store) = live.control()?;
            control.stats(store)
        })
    }

    /// Takes back the memory of at most `max` entries that are due, and tells how
    /// many they were. Fewer than `max`: none is left.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn sweep(&mut self, max: u32) -> Result<u32, MapTerminated> {
        self.life.enter(|live| {
            let (control, store) = live.control()?;
            control.sweep(store, max)
        })
    }

    /// Removes all entries. Limits, statistics, the version counter and what is pinned
    /// stay.
    ///
    /// # Errors
    ///
    /// [`MapTerminated`].
    pub fn clear(&mut self) -> Result<(), MapTerminated> {
        self.life.enter(|live| {
            let (control, store) = live.control()?;
            control.clear(store)
        })
    }

    /// Bytes of linear memory that the store has now; none once the map is dead.
    pub fn memory(&self) -> usize {
        let used = self.life.look(|live| live.store.data().memory.used());
        used.unwrap_or(0)
    }
}

impl Drop for LocalMap {
    fn drop(&mut self) {
        // Somebody who is about to cancel may hold the life a moment longer.
        self.life.abandon();
    }
}

impl fmt::Debug for LocalMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.life.look(|live| live.store.data().memory.used());
        f.debug_struct("LocalMap")
            .field("alive", &memory.is_some())
            .field("memory", &memory.unwrap_or(0))
            .finish_non_exhaustive()
    }
}

/// An answer with the error of its operation. One that the operation cannot have kills the
/// map.
fn refusal<R, E>(answer: Result<R, local_map::Error>, len: usize) -> wasmtime::Result<Result<R, E>>
where
    E: TryFrom<Refused, Error = wasmtime::Error>,
{
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) => Ok(Err(Refused::new(error, len).try_into()?)),
    }
}

/// A key that is too long cannot be there and might not fit into the memory of the
/// map. The empty one cannot be there either: asking for it has the same answer.
fn findable(key: &[u8]) -> &[u8] {
    if key.len() > MAX_KEY_LEN { &[] } else { key }
}
