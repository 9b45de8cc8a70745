//! The map: its state, and the answer to "when is an entry gone?", which is
//! [`Map::living`] and, for whole answers, [`Map::reap`]. The operations are in
//! the files beside.

mod reads;
mod scan;
mod types;
mod writes;

#[cfg(test)]
mod tests;

pub use scan::Scanned;
pub use types::{Condition, Entry, Stats, Ttl};

use alloc::vec::Vec;

use crate::arena::Arena;
use crate::clock::{CallClock, Clock};
use crate::error::ConfigureError;
use crate::expiry::Expiry;
use crate::hash::KeyHasher;
use crate::index::Index;
use crate::limits::{Limits, MAX_KEY_LEN};

/// The most entries that a call takes back besides its own, unless it may visit
/// all that are due.
const REAP_LIMIT: u32 = 16;

/// A bounded map with byte keys and per-key time to live. See the
/// [crate docs](crate) for an example and for what holds for all operations.
///
/// **Keys** are any 1 to [`MAX_KEY_LEN`] bytes, **values** any bytes
/// up to [`Limits::max_value`]. Writes check both. Reads never fail: a key that
/// cannot exist is absent. Reads take `&mut self` since they take back the entry
/// that they find expired.
pub struct Map<C> {
    clock: CallClock<C>,
    hasher: KeyHasher,
    limits: Limits,
    arena: Arena,
    index: Index,
    expiry: Expiry,
    /// The version given last; 0: the map has never held an entry.
    version: u64,
    hits: u64,
    misses: u64,
    writes: u64,
    expired: u64,
}

impl<C: Clock> Map<C> {
    /// An empty map. Allocates nothing.
    ///
    /// `seed` should be hard to guess where keys come from others, who could
    /// otherwise choose such that have the same hash. A limit out of its range
    /// becomes the nearest end of it; [`Limits::check`] tells beforehand.
    pub fn new(clock: C, seed: u64, limits: Limits) -> Self {
        Self {
            clock: CallClock::new(clock),
            hasher: KeyHasher::new(seed),
            limits: limits.clamped(),
            arena: Arena::new(),
            index: Index::new(),
            expiry: Expiry::new(),
            version: 0,
            hits: 0,
            misses: 0,
            writes: 0,
            expired: 0,
        }
    }

    /// Sets the limits. While the map has never held an entry, to any; after that
    /// `max_entries`, `max_bytes` and `max_value` may only rise and `utf8_keys`
    /// may only be dropped. The default TTL may always change; it holds for later
    /// writes.
    ///
    /// # Errors
    ///
    /// Those of [`Limits::check`], and [`ConfigureError::Lowered`]. The limits
    /// before stay in force then.
    pub fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        limits.check()?;
        if self.version > 0 {
            limits.check_not_lower(&self.limits)?;
        }
        self.limits = limits;
        Ok(())
    }

    /// The limits in force.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many entries there are. Those whose time is up are not counted; it
    /// visits them all.
    pub fn len(&mut self) -> u64 {
        self.clock.begin();
        self.reap_due(u32::MAX);
        self.arena.live().into()
    }

    /// Whether there are none. Does as [`len`](Self::len) does.
    pub fn is_empty(&mut self) -> bool {
        self.len() == 0
    }

    /// The statistics. Visits every entry that is due.
    pub fn stats(&mut self) -> Stats {
        Stats {
            entries: self.len(),
            bytes: self.arena.bytes(),
            hits: self.hits,
            misses: self.misses,
            writes: self.writes,
            expired: self.expired,
        }
    }

    /// Takes back the memory of at most `max` entries that are due, and tells how
    /// many they were. Fewer than `max`: none is left.
    pub fn sweep(&mut self, max: u32) -> u32 {
        self.clock.begin();
        self.reap_due(max)
    }

    /// Removes all entries and gives back all memory. Limits, statistics and the
    /// version counter stay.
    pub fn clear(&mut self) {
        self.clock.begin();
        if self.expiry.first(&self.arena).is_some() {
            let now = self.clock.now();
            self.expired += self.expiry.count_due(&self.arena, now) as u64;
        }
        self.arena = Arena::new();
        self.index = Index::new();
        self.expiry = Expiry::new();
    }

    /// The hash of a key, and the slot of its entry if that is alive. One whose
    /// time is up is taken back, and so its key is absent.
    fn living(&mut self, key: &[u8]) -> (u32, Option<u32>) {
        let hash = self.hasher.hash(key);
        let Some(slot) = self.index.find(&self.arena, hash, key) else {
            return (hash, None);
        };
        let deadline = self.arena.slot(slot).deadline();
        if deadline.is_some_and(|deadline| self.clock.reached(deadline)) {
            self.expire(slot);
            return (hash, None);
        }
        (hash, Some(slot))
    }

    /// The slot of the living entry of a key that may be any bytes.
    fn find(&mut self, key: &[u8]) -> Option<u32> {
        // So that no key is hashed which is longer than any that is there.
        if key.len() > MAX_KEY_LEN {
            return None;
        }
        self.living(key).1
    }

    /// Takes back at most `max` of the entries that are due now.
    fn reap_due(&mut self, max: u32) -> u32 {
        if self.expiry.first(&self.arena).is_none() {
            return 0;
        }
        let now = self.clock.now();
        self.reap(now, max)
    }

    /// Takes back at most `max` of the entries that are due at `now`.
    fn reap(&mut self, now: u64, max: u32) -> u32 {
        let mut reaped = 0;
        while reaped < max
            && let Some((slot, deadline)) = self.expiry.first(&self.arena)
            && deadline <= now
        {
            self.expire(slot);
            reaped += 1;
        }
        reaped
    }

    fn expire(&mut self, slot: u32) {
        self.remove(slot);
        self.expired += 1;
    }

    /// Removes an entry and gives its value.
    fn remove(&mut self, slot: u32) -> Vec<u8> {
        self.index.remove(&self.arena, slot);
        self.expiry.remove(&mut self.arena, slot);
        self.arena.remove(slot)
    }

    /// What is left of the time of a living entry, in nanoseconds.
    fn expires_in(&mut self, slot: u32) -> Option<u64> {
        let deadline = self.arena.slot(slot).deadline()?;
        Some(deadline - self.clock.now())
    }
}
