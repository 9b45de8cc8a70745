//! What must hold inside a map between any two calls.

use std::collections::HashSet;

use crate::Map;
use crate::arena::{NONE, cost};

impl<C> Map<C> {
    /// Panics where the rooms of the map do not agree.
    pub(crate) fn validate(&self) {
        let (mut live, mut bytes, mut versions) = (0, 0, HashSet::new());
        let mut free = HashSet::new();
        for number in 0..u32::try_from(self.arena.slots()).unwrap() {
            let slot = self.arena.slot(number);
            if slot.is_free() {
                assert!(slot.value().is_empty(), "a free slot {number} with a block");
                assert_eq!(slot.place, NONE, "a free slot {number} with a deadline");
                free.insert(number);
                continue;
            }
            live += 1;
            bytes += cost(slot.key().len(), slot.value().len());
            assert!((1..=self.version).contains(&slot.version));
            assert!(versions.insert(slot.version), "a version used twice");
            assert_eq!(slot.hash, self.hasher.hash(slot.key()));
            let found = self.index.find(&self.arena, slot.hash, slot.key());
            assert_eq!(found, Some(number), "the index does not lead to its slot");
            if slot.place != NONE {
                assert_eq!(self.expiry.heap()[slot.place as usize], number);
            }
        }
        assert_eq!(self.arena.live(), live);
        assert_eq!(self.arena.bytes(), bytes);
        assert_eq!(self.index.len(), live as usize, "the index leaks");
        assert!(u64::from(live) <= self.limits.max_entries);
        assert!(bytes <= self.limits.max_bytes);
        assert_eq!(self.arena.free_list().collect::<HashSet<_>>(), free);
        assert_eq!(self.arena.free_list().count(), free.len());

        let heap = self.expiry.heap();
        for (at, &number) in heap.iter().enumerate() {
            let slot = self.arena.slot(number);
            assert_eq!(slot.place as usize, at, "a deadline out of its place");
            let parent = self.arena.slot(heap[at.saturating_sub(1) / 2]);
            assert!(parent.deadline <= slot.deadline, "deadlines out of order");
        }
    }
}
