//! The map: its state, and how expired entries are freed. The operations are in the submodules.
//!
//! An operation on a key frees its entry if it has expired ([`Map::read`], [`Map::living`]). An
//! operation on all entries frees all expired ones first ([`Map::reap_all`]), and a scan skips
//! them. Whether an entry has expired is decided in [`clock`](crate::clock).

mod batch;
mod changes;
mod lookup;
mod pins;
mod reads;
mod room;
mod scan;
mod types;
#[cfg(any(test, feature = "validate"))]
mod validate;
mod writes;

pub use changes::Told;
pub use pins::{PinId, PinnedValue};
pub use scan::Scanned;
pub use types::{Change, Condition, Entry, MAX_CHANGES, Outcome, Stats, Ttl};

use crate::address::EntryAddr;
use crate::arena::Arena;
use crate::changes::{Became, Changes};
use crate::clock::{CallClock, CallTime, Clock};
use crate::error::ConfigureError;
use crate::eviction::Eviction;
use crate::hash::KeyHasher;
use crate::index::Index;
use crate::limits::Limits;
use crate::wheel::{self, Step, Wheel};
use lookup::hashes;
use pins::Pins;

/// The maximum number of due, or nearly due, entries that a write processes.
const REAP_LIMIT: u32 = 16;

/// Writes free only entries that were due before the last multiple of 2^24 nanoseconds (17 ms), so
/// that the wheel need not advance to the exact nanosecond for them.
const REAP_GRAIN: u32 = 24;

/// A bounded map with byte keys and per-key time to live.
///
/// The [crate docs](crate) have an example, and list the guarantees of all operations.
///
/// **Keys** are 1 to [`Limits::max_key`] bytes of any kind, **values** any bytes up to
/// [`Limits::max_value`]. Writes check both. Reads never fail: a key that is not valid is absent.
/// Reads take `&mut self` because they record which entries are used, and free the entry if it has
/// expired.
pub struct Map<C> {
    clock: CallClock<C>,
    hasher: KeyHasher,
    limits: Limits,
    arena: Arena,
    index: Index,
    wheel: Wheel,
    eviction: Eviction,
    pins: Pins,
    /// The changes for a host that watches the map.
    changes: Changes,
    /// The maximum number of bytes for which there is memory, as far as is known. If an allocation
    /// has failed, this is the number of bytes held at that time.
    ceiling: u64,
    /// The maximum number of bytes held so far.
    high_water: u64,
    /// The total size of the keys and values of all entries, in bytes.
    payload: u64,
    /// The last version assigned, or 0 if the map has never held an entry.
    version: u64,
    counts: Counts,
}

/// Events counted since the map was created.
#[derive(Default)]
struct Counts {
    hits: u64,
    misses: u64,
    writes: u64,
    expired: u64,
    evicted: u64,
    refused: u64,
}

impl<C: Clock> Map<C> {
    /// Creates an empty map, without allocating.
    ///
    /// `seed` should be hard to guess if keys come from untrusted clients, which could otherwise
    /// choose keys with the same hash. Limits outside their range are clamped to it. Use
    /// [`Limits::check`] to detect them beforehand.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map};
    ///
    /// let map = Map::new(|| 0, 42, Limits { max_entries: 0, ..Limits::default() });
    /// assert_eq!(map.limits().max_entries, 1);
    /// ```
    pub fn new(clock: C, seed: u64, limits: Limits) -> Self {
        let limits = limits.clamped();
        Self {
            clock: CallClock::new(clock),
            hasher: KeyHasher::new(seed),
            arena: Arena::new(),
            index: Index::new(),
            wheel: Wheel::new(),
            eviction: Eviction::new(limits.policy),
            limits,
            pins: Pins::new(),
            changes: Changes::OFF,
            ceiling: u64::MAX,
            high_water: 0,
            payload: 0,
            version: 0,
            counts: Counts::default(),
        }
    }

    /// Sets the limits.
    ///
    /// Until the map holds its first entry, every limit can be set to any value in its range. From
    /// then on `max_entries`, `max_bytes`, `max_key`, `max_value` and `max_pins` can only be
    /// raised, `utf8_keys` can only be switched off, and the policy cannot be changed. The default
    /// TTL can always be changed, and applies to later writes.
    ///
    /// # Errors
    ///
    /// The previous limits stay in force. Returns
    ///
    /// - [`ConfigureError::OutOfRange`] if a limit is outside its range (see [`Limits::check`]),
    /// - [`ConfigureError::Lowered`] if the map has held an entry and a limit would be lowered,
    ///   or the policy changed.
    ///
    /// ```
    /// use localmap_engine::{ConfigureError, Limits, Map, Setting, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits { max_entries: 10, ..Limits::default() });
    /// map.set(b"key", b"value", Ttl::Never)?;
    ///
    /// let lower = Limits { max_entries: 9, ..Limits::default() };
    /// let refused = Err(ConfigureError::Lowered(Setting::MaxEntries));
    /// assert_eq!(map.configure(lower), refused);
    /// assert_eq!(map.configure(Limits { max_entries: 11, ..Limits::default() }), Ok(()));
    /// assert_eq!(map.limits().max_entries, 11);
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        limits.check()?;
        if self.version > 0 {
            limits.check_not_lower(&self.limits)?;
        } else {
            self.eviction = Eviction::new(limits.policy);
        }
        self.limits = limits;
        // More memory may be available now.
        self.ceiling = u64::MAX;
        Ok(())
    }

    /// Returns the limits in force. See [`configure`](Self::configure) for an example.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the number of entries, not counting expired ones. Visits every expired entry to
    /// free its memory.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    /// use std::cell::Cell;
    ///
    /// let now = Cell::new(0);
    /// let mut map = Map::new(|| now.get(), 42, Limits::default());
    /// map.set(b"a", b"", Ttl::Never)?;
    /// map.set(b"b", b"", Ttl::After(10))?;
    /// assert_eq!(map.len(), 2);
    /// now.set(10);
    /// assert_eq!(map.len(), 1);
    /// assert!(!map.is_empty());
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn len(&mut self) -> u64 {
        self.reap_all(&mut CallTime::begin());
        self.index.len().into()
    }

    /// Returns `true` if there are no entries. Visits every expired entry, as [`len`](Self::len)
    /// does.
    pub fn is_empty(&mut self) -> bool {
        self.len() == 0
    }

    /// Returns the statistics. Visits every expired entry, as [`len`](Self::len) does.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// map.set(b"key", b"value", Ttl::Never)?;
    /// map.get(b"key");
    /// map.get(b"another key");
    /// let stats = map.stats();
    /// assert_eq!((stats.entries, stats.writes, stats.hits, stats.misses), (1, 1, 1, 1));
    /// assert_eq!(stats.payload, 8);
    /// assert_eq!(stats.bytes, stats.payload + stats.overhead + stats.free);
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn stats(&mut self) -> Stats {
        self.reap_all(&mut CallTime::begin());
        self.note_high_water();
        self.statistics()
    }

    /// Returns the statistics without freeing expired entries.
    fn statistics(&self) -> Stats {
        let (bytes, free) = (self.bytes(), self.arena.free_bytes());
        Stats {
            entries: self.index.len().into(),
            bytes,
            payload: self.payload,
            overhead: bytes - free - self.payload,
            free,
            pinned: self.pins.held_bytes(),
            high_water: self.high_water.max(bytes),
            hits: self.counts.hits,
            misses: self.counts.misses,
            writes: self.counts.writes,
            expired: self.counts.expired,
            evicted: self.counts.evicted,
            refused: self.counts.refused,
        }
    }

    /// Frees the memory of at most `max` expired entries. Returns the number of entries freed,
    /// which is less than `max` if none are left.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    /// use std::cell::Cell;
    ///
    /// let now = Cell::new(0);
    /// let mut map = Map::new(|| now.get(), 42, Limits::default());
    /// for key in [b"a", b"b", b"c"] {
    ///     map.set(key, b"", Ttl::After(10))?;
    /// }
    /// now.set(10);
    /// assert_eq!(map.sweep(2), 2);
    /// assert_eq!(map.sweep(2), 1);
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn sweep(&mut self, max: u32) -> u32 {
        let reaped = self.reap_due(&mut CallTime::begin(), max);
        self.arena.trim();
        reaped
    }

    /// Removes all entries and frees all memory, except for values that pins hold. Limits,
    /// statistics and the version counter are kept.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// let version = map.set(b"key", b"value", Ttl::Never)?;
    /// map.clear();
    /// assert!(map.is_empty());
    /// assert!(map.set(b"key", b"value", Ttl::Never)? > version);
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn clear(&mut self) {
        self.reap_all(&mut CallTime::begin());
        self.note_high_water();
        if self.changes.is_on() && self.index.len() > 0 {
            self.changes.lose();
        }
        let pinned = self.pins.any();
        if pinned {
            self.arena.remove_all_but_pinned(|mut header| {
                header.set_detached();
                wheel::forget(header);
            });
            self.arena.trim();
        } else {
            self.arena = Arena::new();
        }
        self.index = Index::new();
        self.wheel = Wheel::new();
        self.eviction = Eviction::new(self.limits.policy);
        self.payload = 0;
    }

    /// Frees all entries that are due now.
    fn reap_all(&mut self, call: &mut CallTime) {
        self.reap_due(call, u32::MAX);
        self.arena.trim();
    }

    /// Frees at most `max` of the entries that are due now, and returns their number.
    fn reap_due(&mut self, call: &mut CallTime, max: u32) -> u32 {
        if self.wheel.is_empty() {
            return 0;
        }
        let now = self.clock.now(call);
        self.reap(now, max, u64::MAX)
    }

    /// Frees some of the entries that were due slightly before the latest known time.
    fn reap_some(&mut self) {
        let grain = self.clock.seen() >> REAP_GRAIN << REAP_GRAIN;
        self.reap(grain.saturating_sub(1), REAP_LIMIT, REAP_LIMIT.into());
    }

    /// Frees at most `max` of the entries that are due at `now`, in at most `steps` steps of the
    /// wheel.
    fn reap(&mut self, now: u64, max: u32, steps: u64) -> u32 {
        let mut reaped = 0;
        for _ in 0..steps {
            if reaped == max {
                break;
            }
            match self.wheel.step(&mut self.arena, now) {
                Step::Due(entry) => {
                    // Blocks that become free are released by the caller, who may need them.
                    self.vacate(entry);
                    self.counts.expired += 1;
                    reaped += 1;
                }
                Step::Moved => {}
                Step::Done => break,
            }
        }
        reaped
    }

    #[cold]
    #[inline(never)]
    fn expire(&mut self, entry: EntryAddr) {
        self.remove(entry);
        self.counts.expired += 1;
    }

    /// Removes an entry.
    fn remove(&mut self, entry: EntryAddr) {
        self.vacate(entry);
        self.arena.trim();
    }

    /// Removes an entry, without releasing the blocks that become free.
    fn vacate(&mut self, entry: EntryAddr) {
        let hash = self.arena.header(entry).hash();
        self.unlink(hash, entry);
    }

    /// Removes an entry whose hash is known, without releasing the blocks that become free.
    fn unlink(&mut self, hash: u32, entry: EntryAddr) {
        if self.changes.is_on() {
            let key = self.arena.checked_slot(entry).key();
            self.changes.note(Became::Gone, key);
        }
        let reference = self.arena.reference(entry);
        self.index.remove(hashes(&self.arena), hash, reference);
        self.detach(entry);
    }

    /// Removes an entry that is no longer in the index, or detaches it if it is pinned.
    fn detach(&mut self, entry: EntryAddr) {
        let header = self.arena.header(entry);
        let (is_pinned, is_timed) = (header.is_pinned(), wheel::deadline(header).is_some());
        self.payload -= header.payload();
        if is_timed {
            self.wheel.remove(&mut self.arena, entry);
        }
        self.eviction.remove(&mut self.arena, entry);
        if is_pinned {
            self.arena.header_mut(entry).set_detached();
        } else {
            self.arena.remove(entry);
        }
    }

    /// Returns the remaining time of a living entry, in nanoseconds.
    fn expires_in(&mut self, call: &mut CallTime, entry: EntryAddr) -> Option<u64> {
        let deadline = wheel::deadline(self.arena.header(entry))?;
        Some(deadline - self.clock.now(call))
    }
}
