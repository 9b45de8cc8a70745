//! The map: its state, and the answer to "when is an entry gone?", which is
//! [`Map::living`] and, for whole answers, [`Map::reap_all`]. The operations are in
//! the files beside.

mod batch;
mod pins;
mod reads;
mod room;
mod scan;
mod types;
#[cfg(any(test, feature = "validate"))]
mod validate;
mod writes;

pub use batch::MAX_CHANGES;
pub use pins::{Pin, Pinned};
pub use scan::Scanned;
pub use types::{Change, Condition, Entry, Outcome, Stats, Ttl};

use crate::arena::Arena;
use crate::clock::{CallClock, Clock};
use crate::entry::{Header, Wanted};
use crate::error::ConfigureError;
use crate::eviction::Eviction;
use crate::hash::KeyHasher;
use crate::index::Index;
use crate::limits::{LONGEST_KEY, Limits};
use crate::wheel::{Step, Wheel};
use pins::Pins;

/// The most entries that a write passes which are due, or come due soon.
const REAP_LIMIT: u32 = 16;

/// Writes take back what was due before the last multiple of 2^24 nanoseconds (17 ms):
/// so the wheel need not go down to the nanosecond for them.
const REAP_GRAIN: u32 = 24;

/// A bounded map with byte keys and per-key time to live. See the
/// [crate docs](crate) for an example and for what holds for all operations.
///
/// **Keys** are any 1 to [`Limits::max_key`] bytes, **values** any bytes
/// up to [`Limits::max_value`]. Writes check both. Reads never fail: a key that
/// cannot exist is absent. Reads take `&mut self` since they take back the entry
/// that they find expired, and note what has been used.
pub struct Map<C> {
    clock: CallClock<C>,
    hasher: KeyHasher,
    limits: Limits,
    arena: Arena,
    index: Index,
    wheel: Wheel,
    eviction: Eviction,
    pins: Pins,
    /// The most bytes that there is memory for, as far as is known: where memory has been
    /// refused, as many as were held then.
    ceiling: u64,
    /// The most bytes held so far.
    high_water: u64,
    /// Bytes of the keys and values of all entries.
    payload: u64,
    /// The version given last; 0: the map has never held an entry.
    version: u64,
    counts: Counts,
}

/// What is counted since the map was made.
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
    /// An empty map. Allocates nothing.
    ///
    /// `seed` should be hard to guess where keys come from others, who could
    /// otherwise choose such that have the same hash. A limit out of its range
    /// becomes the nearest end of it; [`Limits::check`] tells beforehand.
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
            ceiling: u64::MAX,
            high_water: 0,
            payload: 0,
            version: 0,
            counts: Counts::default(),
        }
    }

    /// Sets the limits. While the map has never held an entry, to any; after that
    /// `max_entries`, `max_bytes`, `max_key`, `max_value` and `max_pins` may only rise,
    /// `utf8_keys` may only be dropped, and the policy stays. The default TTL may always change; it
    /// holds for later writes.
    ///
    /// # Errors
    ///
    /// Those of [`Limits::check`], and [`ConfigureError::Lowered`]. The limits
    /// before stay in force then.
    pub fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        limits.check()?;
        if self.version > 0 {
            limits.check_not_lower(&self.limits)?;
        } else {
            self.eviction = Eviction::new(limits.policy);
        }
        self.limits = limits;
        // Whoever asks for more may have seen to it that there is more.
        self.ceiling = u64::MAX;
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
        self.reap_all();
        self.index.len().into()
    }

    /// Whether there are none. Does as [`len`](Self::len) does.
    pub fn is_empty(&mut self) -> bool {
        self.len() == 0
    }

    /// The statistics. Visits every entry that is due.
    pub fn stats(&mut self) -> Stats {
        self.clock.begin();
        self.reap_all();
        self.note_high_water();
        self.statistics()
    }

    /// The statistics as they stand.
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

    /// Takes back the memory of at most `max` entries that are due, and tells how
    /// many they were. Fewer than `max`: none is left.
    pub fn sweep(&mut self, max: u32) -> u32 {
        self.clock.begin();
        self.reap_due(max)
    }

    /// Removes all entries and gives back all memory, but for values that pins hold.
    /// Limits, statistics and the version counter stay.
    pub fn clear(&mut self) {
        self.clock.begin();
        self.reap_all();
        self.note_high_water();
        let pinned = self.pins.any();
        if pinned {
            self.arena.detach_all_but_pinned();
            self.arena.trim();
        } else {
            self.arena = Arena::new();
        }
        self.index = Index::new();
        self.wheel = Wheel::new();
        self.eviction = Eviction::new(self.limits.policy);
        self.payload = 0;
    }

    /// The hash of a key, and its entry if that is alive. One whose time is up is taken
    /// back, and so its key is absent.
    #[inline(always)]
    fn living(&mut self, key: &[u8]) -> (u32, Option<u32>) {
        let wanted = Wanted::new(key);
        let hash = self.hasher.hash(&wanted);
        let Some(entry) = self.index.find(&self.arena, hash, &wanted) else {
            return (hash, None);
        };
        if self.is_gone(entry) {
            self.expire(entry);
            return (hash, None);
        }
        (hash, Some(entry))
    }

    /// Whether the time of an entry is up.
    #[inline]
    fn is_gone(&mut self, entry: u32) -> bool {
        let deadline = self.arena.header(entry).deadline();
        deadline.is_some_and(|deadline| self.clock.reached(deadline))
    }

    /// The living entry of a key that may be any bytes.
    #[inline(always)]
    fn find(&mut self, key: &[u8]) -> Option<u32> {
        // So that no key is hashed which is longer than any that is there.
        if key.len() > LONGEST_KEY {
            return None;
        }
        self.living(key).1
    }

    /// Takes back all entries that are due now.
    fn reap_all(&mut self) {
        self.reap_due(u32::MAX);
    }

    /// Takes back at most `max` of the entries that are due now, and tells how many.
    fn reap_due(&mut self, max: u32) -> u32 {
        if self.wheel.is_empty() {
            return 0;
        }
        let now = self.clock.now();
        self.reap(now, max, u64::MAX)
    }

    /// Takes back some of what was due a little before the latest time that is known.
    fn reap_some(&mut self) {
        let grain = self.clock.seen() >> REAP_GRAIN << REAP_GRAIN;
        self.reap(grain.saturating_sub(1), REAP_LIMIT, REAP_LIMIT.into());
    }

    /// Takes back at most `max` of the entries that are due at `now`, in so many steps.
    fn reap(&mut self, now: u64, max: u32, steps: u64) -> u32 {
        let mut reaped = 0;
        for _ in 0..steps {
            if reaped == max {
                break;
            }
            match self.wheel.step(&mut self.arena, now) {
                Step::Due(entry) => {
                    self.expire(entry);
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
    fn expire(&mut self, entry: u32) {
        self.remove(entry);
        self.counts.expired += 1;
    }

    /// Removes an entry.
    fn remove(&mut self, entry: u32) {
        self.vacate(entry);
        self.arena.trim();
    }

    /// Removes an entry, and keeps the memory that it gives back.
    fn vacate(&mut self, entry: u32) {
        let hash = self.arena.header(entry).hash;
        self.index.remove(&self.arena, hash, entry);
        self.detach(entry);
    }

    /// Lets go of an entry that the index does not lead to any more.
    fn detach(&mut self, entry: u32) {
        self.wheel.remove(&mut self.arena, entry);
        self.eviction.remove(&mut self.arena, entry);
        let header = self.arena.header_mut(entry);
        self.payload -= header.payload();
        if header.has(Header::PINNED) {
            header.flags |= Header::DETACHED;
        } else {
            self.arena.remove(entry);
        }
    }

    /// What is left of the time of a living entry, in nanoseconds.
    fn expires_in(&mut self, entry: u32) -> Option<u64> {
        let deadline = self.arena.header(entry).deadline()?;
        Some(deadline - self.clock.now())
    }
}
