//! Which entries are due: a hierarchical timer wheel (Varghese and Lauck, "Hashed and
//! Hierarchical Timing Wheels", 1987), exact to the nanosecond.
//!
//! A level has 64 buckets, and a bucket of one level is as long as all of the level
//! below. An entry stands in the level of the highest digit, to the base 64, in which
//! its deadline differs from the time of the wheel. When the wheel comes to a bucket,
//! the entries in it that are not due move down; each entry does so at most ten times.

use alloc::vec::Vec;

use crate::arena::{Arena, NONE};
use crate::error::NoRoom;
use crate::list::Links;

/// Bits of a digit.
const BITS: u32 = 6;
const BUCKETS: usize = 1 << BITS;
/// As many as 64 bits have digits.
const LEVELS: usize = 11;

/// What it allocates when there is a deadline, in bytes.
pub(crate) const BYTES: u64 = (LEVELS * BUCKETS * size_of::<u32>()) as u64;

/// Marks, in place of a neighbour, the bucket whose first entry this is.
const FIRST: u32 = 1 << 31;

/// The entries that have a deadline.
pub(crate) struct Wheel {
    /// The first entry of each bucket, level by level; empty until there is a deadline.
    buckets: Vec<u32>,
    /// Which buckets of a level have an entry.
    occupied: [u64; LEVELS],
    /// No entry that is in the wheel is due before this.
    time: u64,
    /// No bucket that has an entry begins before this, but for those that the wheel
    /// stands in.
    wake: u64,
}

/// What one step of the wheel has come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An entry that is due. It has left the wheel.
    Due(u32),
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

    /// Bytes that it has allocated.
    pub(crate) fn bytes(&self) -> u64 {
        4 * self.buckets.capacity() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        // Not by comparing arrays: that calls `memcmp`, which goes byte by byte in wasm.
        self.occupied.iter().fold(0, |any, level| any | level) == 0
    }

    /// Whether it can hold entries.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        !self.buckets.is_empty()
    }

    /// Makes sure that it can.
    pub(crate) fn reserve(&mut self) -> Result<(), NoRoom> {
        if self.buckets.is_empty() {
            self.buckets.try_reserve_exact(LEVELS * BUCKETS)?;
            self.buckets.resize(LEVELS * BUCKETS, NONE);
        }
        Ok(())
    }

    /// Sets the deadline of an entry, which must be after `now`, which must not be before
    /// that of the last [`step`](Self::step); `None`: it never expires.
    pub(crate) fn set(&mut self, arena: &mut Arena, entry: u32, deadline: Option<u64>, now: u64) {
        self.remove(arena, entry);
        if let Some(deadline) = deadline {
            if self.is_empty() {
                (self.time, self.wake) = (now, u64::MAX);
            }
            arena.header_mut(entry).deadline = deadline;
            self.insert(arena, entry, deadline);
        }
    }

    /// Changes the deadline of an entry that has one.
    #[inline]
    pub(crate) fn change(&mut self, arena: &mut Arena, entry: u32, deadline: u64) {
        let header = arena.header_mut(entry);
        let before = header.deadline;
        header.deadline = deadline;
        if !self.share_a_bucket(before, deadline) {
            self.remove(arena, entry);
            self.insert(arena, entry, deadline);
        }
    }

    /// Whether an entry that has one deadline may have the other where it stands.
    #[inline]
    pub(crate) const fn share_a_bucket(&self, one: u64, other: u64) -> bool {
        // The same bucket as seen from here, since all digits from its level on are: so it
        // stands there, or in one above that has still to move down and holds both.
        (one ^ other) >> (BITS * self.level(other)) == 0
    }

    /// Takes an entry out, if it is in.
    pub(crate) fn remove(&mut self, arena: &mut Arena, entry: u32) {
        let links = arena.header(entry).due;
        if links.prev == NONE {
            return;
        }
        arena.header_mut(entry).due = Links::NONE;
        if links.next != NONE {
            arena.header_mut(links.next).due.prev = links.prev;
        }
        if links.prev & FIRST == 0 {
            arena.header_mut(links.prev).due.next = links.next;
            return;
        }
        let bucket = (links.prev & !FIRST) as usize;
        self.buckets[bucket] = links.next;
        if links.next == NONE {
            self.occupied[bucket / BUCKETS] &= !(1 << (bucket % BUCKETS));
        }
    }

    /// Follows an entry that has moved to another slot.
    pub(crate) fn moved(&mut self, arena: &mut Arena, to: u32) {
        let links = arena.header(to).due;
        if links.prev == NONE {
            return;
        }
        if links.next != NONE {
            arena.header_mut(links.next).due.prev = to;
        }
        if links.prev & FIRST == 0 {
            arena.header_mut(links.prev).due.next = to;
        } else {
            self.buckets[(links.prev & !FIRST) as usize] = to;
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
        let entry = self.buckets[bucket];
        let deadline = arena.header(entry).deadline;
        self.remove(arena, entry);
        if deadline <= now {
            return Step::Due(entry);
        }
        self.insert(arena, entry, deadline);
        Step::Moved
    }

    /// The bucket that comes next, and the time at which it begins. All entries in the
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

    /// The bucket that a deadline belongs to, as seen from the time of the wheel.
    #[inline]
    const fn bucket(&self, deadline: u64) -> usize {
        let level = self.level(deadline) as usize;
        level * BUCKETS + digit(deadline, level)
    }

    #[inline]
    const fn level(&self, deadline: u64) -> u32 {
        ((deadline ^ self.time) | 1).ilog2() / BITS
    }

    fn insert(&mut self, arena: &mut Arena, entry: u32, deadline: u64) {
        let bucket = self.bucket(deadline);
        let (level, at) = (bucket / BUCKETS, bucket % BUCKETS);
        let next = self.buckets[bucket];
        if next != NONE {
            arena.header_mut(next).due.prev = entry;
        }
        arena.header_mut(entry).due = Links {
            prev: FIRST | bucket as u32,
            next,
        };
        self.buckets[bucket] = entry;
        self.occupied[level] |= 1 << at;
        // Its lower digits cleared: when the bucket begins.
        let start = deadline >> (BITS * level as u32) << (BITS * level as u32);
        self.wake = self.wake.min(start);
    }
}

/// The digit of a time on a level.
const fn digit(time: u64, level: usize) -> usize {
    (time >> (BITS * level as u32)) as usize % BUCKETS
}

#[cfg(any(test, feature = "validate"))]
impl Wheel {
    /// All entries, each with the bucket that it should be in.
    pub(crate) fn validate(&self, arena: &Arena) -> usize {
        let mut entries = 0;
        for (bucket, &first) in self.buckets.iter().enumerate() {
            let (level, at) = (bucket / BUCKETS, bucket % BUCKETS);
            assert_eq!(self.occupied[level] >> at & 1 == 1, first != NONE);
            let (mut entry, mut prev) = (first, FIRST | bucket as u32);
            while entry != NONE {
                let header = arena.header(entry);
                let (deadline, due) = (header.deadline, header.due);
                assert_eq!(due.prev, prev, "a link back that is wrong");
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
                (prev, entry) = (entry, due.next);
                entries += 1;
            }
        }
        entries
    }
}
