//! What must hold inside a map between any two calls.

use alloc::collections::BTreeSet;

use super::{Map, Stats};
use crate::arena::{Arena, NONE};
use crate::entry::{Header, Wanted};

impl<C: crate::Clock> Map<C> {
    /// The statistics as they stand: nothing is taken back for them.
    pub fn glance(&self) -> Stats {
        self.statistics()
    }

    /// Panics where the rooms of the map do not agree.
    pub fn validate(&self) {
        let (mut payload, mut timed, mut queued) = (0, 0, 0);
        let mut versions = BTreeSet::new();
        let mut held = BTreeSet::new();
        for entry in self.index.validate(&self.arena) {
            let header = self.arena.header(entry);
            let key = self.arena.key(entry);
            assert!(held.insert(entry), "an entry that is in the index twice");
            assert!((1..=self.version).contains(&{ header.version }));
            assert!(versions.insert(header.version), "a version used twice");
            assert_eq!({ header.hash }, self.hasher.hash_of(key));
            let found = self.index.find(&self.arena, header.hash, &Wanted::new(key));
            assert_eq!(found, Some(entry), "the index does not lead to its entry");
            assert!(
                !header.has(Header::DETACHED),
                "a detached entry in the index"
            );
            assert_eq!(self.arena.value(entry).len(), header.value_len as usize);
            payload += header.payload();
            timed += usize::from(header.deadline().is_some());
            queued += usize::from(self.eviction.holds(&self.arena, entry));
            let pinned = self.pins.entries().any(|pinned| pinned == entry);
            assert_eq!(header.has(Header::PINNED), pinned);
        }
        assert_eq!(self.index.len() as usize, held.len(), "the index leaks");
        assert!(u64::from(self.index.len()) <= self.limits.max_entries);
        assert_eq!(self.payload, payload);
        assert_eq!(self.wheel.validate(&self.arena), timed, "the wheel leaks");
        assert_eq!(self.eviction.validate(&self.arena), queued, "a queue leaks");
        // Each once: an entry may have several pins.
        for entry in self.pins.entries().collect::<BTreeSet<_>>() {
            let header = self.arena.header(entry);
            assert!(header.has(Header::PINNED), "a pin of what is not pinned");
            assert_eq!(header.has(Header::DETACHED), held.insert(entry));
            let links = (header.due, header.queue);
            assert!(!header.has(Header::DETACHED) || links.0.prev == NONE);
        }
        self.arena.validate(&held);
        assert!(self.bytes() <= self.limits.max_bytes, "over the limit");
        assert!(self.payload + self.arena.free_bytes() <= self.bytes());
        assert!(self.pins.entries().count() <= self.limits.max_pins as usize);
    }
}

impl Arena {
    /// The slots of these entries are all that are in use.
    fn validate(&self, entries: &BTreeSet<u32>) {
        let mut slots = BTreeSet::new();
        for &entry in entries {
            self.for_each_slot(entry, |slot, class| {
                assert!(slots.insert(slot), "a slot that is used twice");
                assert_eq!(class.is_part(), slot != entry);
            });
            assert_eq!(self.layout(entry).class, self.class_of(entry));
        }
        self.validate_blocks(&slots);
    }
}
