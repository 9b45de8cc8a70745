//! Which entry is due next: a binary heap of the slots that have a deadline,
//! earliest first. Each slot knows its place in the heap, so that any of them can
//! be moved or removed.

use alloc::vec::Vec;

use crate::arena::{Arena, NONE};
use crate::error::NoRoom;

/// The entries that have a deadline.
pub(crate) struct Expiry {
    heap: Vec<u32>,
}

impl Expiry {
    pub(crate) const fn new() -> Self {
        Self { heap: Vec::new() }
    }

    /// The slot with the earliest deadline, and that deadline.
    pub(crate) fn first(&self, arena: &Arena) -> Option<(u32, u64)> {
        let &slot = self.heap.first()?;
        Some((slot, arena.slot(slot).deadline))
    }

    /// How many of the entries are due at `now`. Visits all.
    pub(crate) fn count_due(&self, arena: &Arena, now: u64) -> usize {
        let due = |&&slot: &&u32| arena.slot(slot).deadline <= now;
        self.heap.iter().filter(due).count()
    }

    /// Makes room for one more.
    pub(crate) fn reserve(&mut self) -> Result<(), NoRoom> {
        Ok(self.heap.try_reserve(1)?)
    }

    /// Sets the deadline of an entry; `None`: it never expires. One that had none
    /// needs room.
    pub(crate) fn set(&mut self, arena: &mut Arena, slot: u32, deadline: Option<u64>) {
        let Some(deadline) = deadline else {
            return self.remove(arena, slot);
        };
        let entry = arena.slot_mut(slot);
        entry.deadline = deadline;
        let mut at = entry.place as usize;
        if entry.place == NONE {
            at = self.heap.len();
            self.heap.push(slot);
        }
        self.settle(arena, slot, at);
    }

    /// Takes away the deadline of an entry, if it has one.
    pub(crate) fn remove(&mut self, arena: &mut Arena, slot: u32) {
        let entry = arena.slot_mut(slot);
        if entry.place == NONE {
            return;
        }
        let at = entry.place as usize;
        entry.place = NONE;
        if let Some(last) = self.heap.pop()
            && last != slot
        {
            self.settle(arena, last, at);
        }
    }

    /// Puts `slot` where it belongs, given that place `at` is to be filled and
    /// all others are in order.
    fn settle(&mut self, arena: &mut Arena, slot: u32, mut at: usize) {
        let deadline = arena.slot(slot).deadline;
        while at > 0 {
            let parent = (at - 1) / 2;
            let above = self.heap[parent];
            if arena.slot(above).deadline <= deadline {
                break;
            }
            self.put(arena, above, at);
            at = parent;
        }
        loop {
            let left = 2 * at + 1;
            let Some(&(mut below)) = self.heap.get(left) else {
                break;
            };
            let mut child = left;
            if let Some(&right) = self.heap.get(left + 1)
                && arena.slot(right).deadline < arena.slot(below).deadline
            {
                below = right;
                child = left + 1;
            }
            if arena.slot(below).deadline >= deadline {
                break;
            }
            self.put(arena, below, at);
            at = child;
        }
        self.put(arena, slot, at);
    }

    fn put(&mut self, arena: &mut Arena, slot: u32, at: usize) {
        self.heap[at] = slot;
        // A heap is not longer than the slots are many, so a place is a `u32`.
        arena.slot_mut(slot).place = u32::try_from(at).unwrap_or(NONE);
    }

    #[cfg(test)]
    pub(crate) fn heap(&self) -> &[u32] {
        &self.heap
    }
}
