//! The deadlines of entries, in a hierarchical timer wheel (Varghese and Lauck, "Hashed and
//! Hierarchical Timing Wheels", 1987) that is exact to the nanosecond.
//!
//! A level has 64 buckets, and a bucket of one level is as long as the entire level below it. The
//! level of an entry is the highest base-64 digit in which its deadline differs from the time of
//! the wheel. When the wheel reaches a bucket, the entries in it that are not due move down. Each
//! entry moves at most ten times.

use alloc::vec::Vec;

use bytemuck::{Pod, Zeroable};

use crate::address::EntryAddr;
use crate::arena::Arena;
use crate::clock;
use crate::entry::{Header, HeaderMut, WheelSeat};
use crate::error::NoRoom;
use crate::list::{self, Links, List, Nodes};

/// The number of bits in a digit.
const BITS: u32 = 6;
const BUCKETS: usize = 1 << BITS;
/// The number of digits in 64 bits.
const LEVELS: usize = 11;

/// The number of bytes that the wheel allocates once an entry has a deadline.
pub(crate) const BYTES: u64 = (LEVELS * BUCKETS * size_of::<List<EntryAddr>>()) as u64;

/// State that the wheel keeps in the header of an entry. All bits are 0 if the entry is not in the
/// wheel.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, packed(4))]
struct Timer {
    /// The time at which the entry expires, which is never 0: it is after the time at which it is
    /// set.
    deadline: u64,
    /// The link to the previous node in the bucket: see [`Back`].
    back: u32,
    /// The next entry in the bucket.
    next: Option<EntryAddr>,
}

impl WheelSeat for Timer {}

/// The previous node of an entry in the wheel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Back {
    /// Another entry of the bucket.
    Entry(EntryAddr),
    /// The bucket itself: the entry is the first one in this bucket.
    Bucket(usize),
}

/// A flag that distinguishes the number of a bucket from an address.
const BUCKET: u32 = 1 << 31;

impl Timer {
    #[inline]
    const fn is_set(&self) -> bool {
        self.deadline != 0
    }

    /// Returns the previous node, or `None` if the entry is not in the wheel.
    const fn back(&self) -> Option<Back> {
        if self.back & BUCKET != 0 {
            return Some(Back::Bucket((self.back & !BUCKET) as usize));
        }
        match EntryAddr::from_word(self.back) {
            Some(entry) => Some(Back::Entry(entry)),
            None => None,
        }
    }

    /// Returns the neighbours of the entry in its bucket.
    const fn links(&self) -> Links<EntryAddr> {
        let prev = match self.back() {
            Some(Back::Entry(entry)) => Some(entry),
            Some(Back::Bucket(_)) | None => None,
        };
        Links {
            prev,
            next: self.next,
        }
    }
}

/// The links of the entries in the wheel.
struct Timers<'a> {
    arena: &'a mut Arena,
    /// The bucket that is being changed, which the link of its first entry refers to.
    bucket: usize,
}

impl Timers<'_> {
    fn timer(&mut self, entry: EntryAddr) -> &mut Timer {
        self.arena.header_mut(entry).wheel_mut()
    }

    fn back(&self, prev: Option<EntryAddr>) -> u32 {
        prev.map_or(BUCKET | self.bucket as u32, EntryAddr::to_word)
    }
}

impl Nodes<EntryAddr> for Timers<'_> {
    fn links(&self, node: EntryAddr) -> Links<EntryAddr> {
        self.arena.header(node).wheel::<Timer>().links()
    }

    fn set_prev(&mut self, node: EntryAddr, prev: Option<EntryAddr>) {
        let back = self.back(prev);
        self.timer(node).back = back;
    }

    fn set_next(&mut self, node: EntryAddr, next: Option<EntryAddr>) {
        self.timer(node).next = next;
    }
}

/// Returns the deadline of an entry, or `None` if it never expires.
#[inline(always)]
pub(crate) fn deadline(header: &Header) -> Option<u64> {
    let timer: &Timer = header.wheel();
    timer.is_set().then_some(timer.deadline)
}

/// Changes the deadline of an entry within its bucket: see [`Wheel::share_a_bucket`].
#[inline(always)]
pub(crate) fn set_deadline_in_place(header: HeaderMut<'_>, deadline: u64) {
    header.wheel_mut::<Timer>().deadline = deadline;
}

/// Marks an entry as not being in a wheel, because the wheel is being dropped.
pub(crate) fn forget(header: HeaderMut<'_>) {
    *header.wheel_mut() = Timer::zeroed();
}

/// The entries that have a deadline.
pub(crate) struct Wheel {
    /// The buckets of all levels in order. Empty until an entry has a deadline.
    buckets: Vec<List<EntryAddr>>,
    /// The non-empty buckets of each level, as bits.
    occupied: [u64; LEVELS],
    /// The time of the wheel. No entry in the wheel is due before it.
    time: u64,
    /// No non-empty bucket begins before this time, except the buckets that contain the time of
    /// the wheel.
    wake: u64,
}

/// The result of one step of the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This entry is due, and has been removed from the wheel.
    Due(EntryAddr),
    /// An entry that is not due yet has moved down.
    Moved,
    /// No more entries are due.
    Done,
}

impl Wheel {
    pub(crate) const fn new() -> Self {
        Self {
            buckets: Vec::new(),
            occupied: [0; LEVELS],
            time: 0,
            wake: u64::MAX,
        }
    }

    /// Returns the allocated bytes.
    pub(crate) fn bytes(&self) -> u64 {
        4 * self.buckets.capacity() as u64
    }

    /// Returns `true` if no entry has a deadline.
    pub(crate) fn is_empty(&self) -> bool {
        // The arrays are not compared with `==`, which calls `memcmp`: that compares byte by byte
        // in wasm.
        self.occupied.iter().fold(0, |any, level| any | level) == 0
    }

    /// Returns a time before which no entry is due that is not due already, or `None` if no entry has
    /// a deadline.
    pub(crate) fn wake(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.wake)
    }

    /// Returns `true` if the wheel can hold entries.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        !self.buckets.is_empty()
    }

    /// Allocates the buckets, so that the wheel can hold entries.
    pub(crate) fn reserve(&mut self) -> Result<(), NoRoom> {
        if self.buckets.is_empty() {
            self.buckets.try_reserve_exact(LEVELS * BUCKETS)?;
            self.buckets.resize(LEVELS * BUCKETS, List::EMPTY);
        }
        Ok(())
    }

    /// Sets the deadline of an entry, or removes it if it is `None`. The deadline must be after
    /// `now`, and `now` must not be before that of the last [`step`](Self::step).
    pub(crate) fn set(
        &mut self,
        arena: &mut Arena,
        entry: EntryAddr,
        deadline: Option<u64>,
        now: u64,
    ) {
        self.remove(arena, entry);
        if let Some(deadline) = deadline {
            if self.is_empty() {
                (self.time, self.wake) = (now, u64::MAX);
            }
            self.insert(arena, entry, deadline);
        }
    }

    /// Changes the deadline of an entry that already has one.
    #[inline]
    pub(crate) fn change(&mut self, arena: &mut Arena, entry: EntryAddr, deadline: u64) {
        let timer: &mut Timer = arena.header_mut(entry).wheel_mut();
        if self.share_a_bucket(timer.deadline, deadline) {
            timer.deadline = deadline;
        } else {
            self.remove(arena, entry);
            self.insert(arena, entry, deadline);
        }
    }

    /// Returns `true` if changing one deadline to the other does not move an entry to another
    /// bucket.
    #[inline]
    pub(crate) const fn share_a_bucket(&self, one: u64, other: u64) -> bool {
        // Seen from here, the bucket is the same, since all digits from its level upwards are. So
        // the entry is in that bucket, or in a higher one that contains both deadlines and has not
        // moved down yet.
        (one ^ other) >> (BITS * self.level(other)) == 0
    }

    /// Removes an entry, if it is in the wheel.
    pub(crate) fn remove(&mut self, arena: &mut Arena, entry: EntryAddr) {
        let timer: &mut Timer = arena.header_mut(entry).wheel_mut();
        let Some(back) = timer.back() else {
            return;
        };
        let links = timer.links();
        *timer = Timer::zeroed();
        let mut timers = Timers { arena, bucket: 0 };
        match back {
            Back::Bucket(bucket) => {
                timers.bucket = bucket;
                self.buckets[bucket].remove(&mut timers, links);
                if links.next.is_none() {
                    self.occupied[bucket / BUCKETS] &= !(1 << (bucket % BUCKETS));
                }
            }
            Back::Entry(_) => list::join(&mut timers, links, None),
        }
    }

    /// Updates the links to an entry that has moved to another slot.
    pub(crate) fn moved(&mut self, arena: &mut Arena, to: EntryAddr) {
        let timer: &Timer = arena.header(to).wheel();
        let Some(back) = timer.back() else {
            return;
        };
        let links = timer.links();
        let mut timers = Timers { arena, bucket: 0 };
        match back {
            Back::Bucket(bucket) => {
                timers.bucket = bucket;
                self.buckets[bucket].moved(&mut timers, to);
            }
            Back::Entry(_) => list::join(&mut timers, links, Some(to)),
        }
    }

    /// Advances towards `now` by one entry.
    pub(crate) fn step(&mut self, arena: &mut Arena, now: u64) -> Step {
        if self.wake > now {
            return Step::Done;
        }
        let (bucket, start) = self.next().unwrap_or((0, u64::MAX));
        self.wake = start;
        if start > now || self.is_empty() {
            return Step::Done;
        }
        self.time = self.time.max(start);
        let Some(entry) = self.buckets.get(bucket).and_then(List::first) else {
            return Step::Done;
        };
        let deadline = arena.header(entry).wheel::<Timer>().deadline;
        self.remove(arena, entry);
        if clock::is_due(deadline, now) {
            return Step::Due(entry);
        }
        self.insert(arena, entry, deadline);
        Step::Moved
    }

    /// Returns the next bucket and the time at which it begins. No entry in any other bucket is
    /// due before that time.
    fn next(&self) -> Option<(usize, u64)> {
        // Buckets that contain the time of the wheel have not moved down yet; the highest comes
        // first.
        for level in (1..LEVELS).rev() {
            let at = digit(self.time, level);
            if self.occupied[level] >> at & 1 == 1 {
                return Some((level * BUCKETS + at, self.time));
            }
        }
        // All buckets before the current one are empty: an entry there would be due before the
        // time of the wheel.
        let level = self.occupied.iter().position(|&occupied| occupied != 0)?;
        let at = self.occupied[level].trailing_zeros() as usize;
        let shift = BITS * level as u32;
        let above = u64::MAX.checked_shl(shift + BITS).unwrap_or(0);
        let start = self.time & above | (at as u64) << shift;
        Some((level * BUCKETS + at, start))
    }

    /// Returns the bucket for a deadline, relative to the time of the wheel.
    #[inline]
    const fn bucket(&self, deadline: u64) -> usize {
        let level = self.level(deadline) as usize;
        level * BUCKETS + digit(deadline, level)
    }

    #[inline]
    const fn level(&self, deadline: u64) -> u32 {
        ((deadline ^ self.time) | 1).ilog2() / BITS
    }

    fn insert(&mut self, arena: &mut Arena, entry: EntryAddr, deadline: u64) {
        let bucket = self.bucket(deadline);
        let (level, at) = (bucket / BUCKETS, bucket % BUCKETS);
        let mut timers = Timers { arena, bucket };
        let links = self.buckets[bucket].push(&mut timers, entry);
        *timers.timer(entry) = Timer {
            deadline,
            back: timers.back(links.prev),
            next: links.next,
        };
        self.occupied[level] |= 1 << at;
        // The start of the bucket: the deadline with its lower digits cleared.
        let start = deadline >> (BITS * level as u32) << (BITS * level as u32);
        self.wake = self.wake.min(start);
    }
}

/// Returns the digit of a time at a level.
const fn digit(time: u64, level: usize) -> usize {
    (time >> (BITS * level as u32)) as usize % BUCKETS
}

#[cfg(any(test, feature = "validate"))]
impl Wheel {
    /// Returns the number of entries. Panics unless each entry is in the correct bucket.
    pub(crate) fn validate(&self, arena: &Arena) -> usize {
        let mut entries = 0;
        for (bucket, list) in self.buckets.iter().enumerate() {
            let (level, at) = (bucket / BUCKETS, bucket % BUCKETS);
            let first = list.first();
            assert_eq!(self.occupied[level] >> at & 1 == 1, first.is_some());
            let (mut next, mut prev) = (first, Back::Bucket(bucket));
            while let Some(entry) = next {
                let timer: &Timer = arena.header(entry).wheel();
                let deadline = timer.deadline;
                assert!(timer.back() == Some(prev), "a link back that is wrong");
                assert!(deadline >= self.time, "an entry that the wheel has passed");
                let start = deadline >> (BITS * level as u32) << (BITS * level as u32);
                assert!(
                    self.wake <= start.max(self.time),
                    "an entry that is overslept"
                );
                assert_eq!(digit(deadline, level), at, "an entry in a wrong bucket");
                let above = BITS * (level as u32 + 1);
                let same = (deadline ^ self.time).checked_shr(above).unwrap_or(0);
                assert_eq!(same, 0, "an entry on too low a level");
                (prev, next) = (Back::Entry(entry), timer.next);
                entries += 1;
            }
        }
        entries
    }
}
