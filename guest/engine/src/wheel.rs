//! Which entries are due next: a hierarchical timer wheel (Varghese and Lauck, "Hashed and
//! Hierarchical Timing Wheels", 1987), exact to the nanosecond.
//!
//! A level has 64 buckets, and a bucket of one level is as long as all of the level
//! below. An entry stands in the level of the highest digit, to the base 64, in which
//! its deadline differs from the time of the wheel. When the wheel comes to a bucket,
//! the entries in it that are not due move down; each entry does so at most ten times.

use alloc::vec::Vec;

use bytemuck::{Pod, Zeroable};

use crate::address::EntryAddr;
use crate::arena::Arena;
use crate::clock;
use crate::entry::{Header, HeaderMut, WheelSeat};
use crate::error::NoRoom;
use crate::list::{self, Links, List, Nodes};

/// Bits of a digit.
const BITS: u32 = 6;
const BUCKETS: usize = 1 << BITS;
/// As many as 64 bits have digits.
const LEVELS: usize = 11;

/// What it allocates when there is a deadline, in bytes.
pub(crate) const BYTES: u64 = (LEVELS * BUCKETS * size_of::<List<EntryAddr>>()) as u64;

/// What the wheel keeps in the header of an entry. All bits are 0 where the entry is not in it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, packed(4))]
struct Timer {
    /// When the entry expires.
    deadline: u64,
    /// What is before the entry in its bucket: see [`Back`].
    back: u32,
    /// The entry behind it.
    next: Option<EntryAddr>,
}

impl WheelSeat for Timer {}

/// What is before an entry that is in the wheel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Back {
    /// Another entry of the bucket.
    Entry(EntryAddr),
    /// Nothing: it is the first of this bucket.
    Bucket(usize),
}

/// Marks the number of a bucket, in place of an address.
const BUCKET: u32 = 1 << 31;

impl Timer {
    #[inline]
    const fn is_set(&self) -> bool {
        self.back != 0
    }

    /// Returns what is before the entry; `None`: it is not in the wheel.
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
    /// The bucket that is changed, by whose number its first entry knows it.
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

/// Returns the deadline of an entry; `None`: it never expires.
#[inline(always)]
pub(crate) fn deadline(header: &Header) -> Option<u64> {
    let timer: &Timer = header.wheel();
    timer.is_set().then_some(timer.deadline)
}

/// Moves the deadline of an entry within its bucket: see [`Wheel::share_a_bucket`].
#[inline(always)]
pub(crate) fn set_deadline_in_place(header: HeaderMut<'_>, deadline: u64) {
    header.wheel_mut::<Timer>().deadline = deadline;
}

/// Forgets that an entry is in a wheel, which is dropped.
pub(crate) fn forget(header: HeaderMut<'_>) {
    *header.wheel_mut() = Timer::zeroed();
}

/// The entries that have a deadline.
pub(crate) struct Wheel {
    /// Level by level; empty until there is a deadline.
    buckets: Vec<List<EntryAddr>>,
    /// Which buckets of a level have an entry.
    occupied: [u64; LEVELS],
    /// No entry that is in the wheel is due before this.
    time: u64,
    /// No bucket that has an entry begins before this, but for those that the wheel
    /// stands in.
    wake: u64,
}

/// What one step of the wheel has come upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An entry that is due. It has left the wheel.
    Due(EntryAddr),
    /// An entry that is not due yet, and has moved down.
    Moved,
    /// Nothing more is due.
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

    /// Returns the bytes that it has allocated.
    pub(crate) fn bytes(&self) -> u64 {
        4 * self.buckets.capacity() as u64
    }

    /// Returns `true` if no entry has a deadline.
    pub(crate) fn is_empty(&self) -> bool {
        // Not by comparing arrays: that calls `memcmp`, which goes byte by byte in wasm.
        self.occupied.iter().fold(0, |any, level| any | level) == 0
    }

    /// Returns `true` if it can hold entries.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        !self.buckets.is_empty()
    }

    /// Lets it hold entries.
    pub(crate) fn reserve(&mut self) -> Result<(), NoRoom> {
        if self.buckets.is_empty() {
            self.buckets.try_reserve_exact(LEVELS * BUCKETS)?;
            self.buckets.resize(LEVELS * BUCKETS, List::EMPTY);
        }
        Ok(())
    }

    /// Sets the deadline of an entry, which must be after `now`, which must not be before
    /// that of the last [`step`](Self::step); `None`: it never expires.
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

    /// Changes the deadline of an entry that has one.
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

    /// Returns `true` if an entry that has one deadline may have the other where it stands.
    #[inline]
    pub(crate) const fn share_a_bucket(&self, one: u64, other: u64) -> bool {
        // The same bucket as seen from here, since all digits from its level on are: so it
        // stands there, or in one above that has still to move down and holds both.
        (one ^ other) >> (BITS * self.level(other)) == 0
    }

    /// Takes an entry out, if it is in.
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

    /// Follows an entry that has moved to another slot.
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

    /// Goes on towards `now` by one entry.
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

    /// Returns the bucket that comes next, and the time at which it begins. All entries in the
    /// others are due later than its own, or no earlier.
    fn next(&self) -> Option<(usize, u64)> {
        // One that the wheel stands in has still to move down, the highest first.
        for level in (1..LEVELS).rev() {
            let at = digit(self.time, level);
            if self.occupied[level] >> at & 1 == 1 {
                return Some((level * BUCKETS + at, self.time));
            }
        }
        // No bucket behind the one that the wheel stands in has an entry: it would be
        // due before the time of the wheel.
        let level = self.occupied.iter().position(|&occupied| occupied != 0)?;
        let at = self.occupied[level].trailing_zeros() as usize;
        let shift = BITS * level as u32;
        let above = u64::MAX.checked_shl(shift + BITS).unwrap_or(0);
        let start = self.time & above | (at as u64) << shift;
        Some((level * BUCKETS + at, start))
    }

    /// Returns the bucket that a deadline belongs to, as seen from the time of the wheel.
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
        // Its lower digits cleared: when the bucket begins.
        let start = deadline >> (BITS * level as u32) << (BITS * level as u32);
        self.wake = self.wake.min(start);
    }
}

/// Returns the digit of a time on a level.
const fn digit(time: u64, level: usize) -> usize {
    (time >> (BITS * level as u32)) as usize % BUCKETS
}

#[cfg(any(test, feature = "validate"))]
impl Wheel {
    /// Returns the number of entries. Panics unless each is in the bucket that it should be in.
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
