//! The invariants of a map between two calls.

use alloc::collections::BTreeSet;

use super::{Map, Stats};
use crate::key::KeyProbe;
use crate::value::Value;
use crate::wheel;

impl<C: crate::Clock> Map<C> {
    /// Returns the statistics without freeing expired entries.
    pub fn glance(&self) -> Stats {
        self.statistics()
    }

    /// Checks all invariants that hold between two calls.
    ///
    /// # Panics
    ///
    /// Panics if the parts of the map are not consistent.
    pub fn validate(&self) {
        if cfg!(miri) {
            // Miri would take longer for this than for everything else it runs.
            return;
        }
        let (mut payload, mut timed, mut queued) = (0, 0, 0);
        let mut versions = BTreeSet::new();
        let mut held = BTreeSet::new();
        for entry in self.validated() {
            let header = self.arena.header(entry);
            let slot = self.arena.checked_slot(entry);
            let key = slot.key();
            assert!(held.insert(entry), "an entry that is in the index twice");
            assert!((1..=self.version).contains(&header.version()));
            assert!(versions.insert(header.version()), "a version used twice");
            assert_eq!(header.hash(), self.hasher.hash_of(key));
            let found = self.locate(header.hash(), &KeyProbe::new(key));
            assert_eq!(found, Some(entry), "the index does not lead to its entry");
            assert!(!header.is_detached(), "a detached entry in the index");
            let value = Value::new(&self.arena, slot);
            let len: usize = value.chunks().map(<[u8]>::len).sum();
            assert_eq!(len, header.value_len());
            payload += header.payload();
            timed += usize::from(wheel::deadline(header).is_some());
            queued += usize::from(self.eviction.holds(&self.arena, entry));
            let pinned = self.pins.entries().any(|pinned| pinned == entry);
            assert_eq!(header.is_pinned(), pinned);
        }
        assert_eq!(self.index.len() as usize, held.len(), "the index leaks");
        assert!(u64::from(self.index.len()) <= self.limits.max_entries);
        assert_eq!(self.payload, payload);
        assert_eq!(self.wheel.validate(&self.arena), timed, "the wheel leaks");
        assert_eq!(self.eviction.validate(&self.arena), queued, "a queue leaks");
        // Each entry once, although it may have several pins.
        for entry in self.pins.entries().collect::<BTreeSet<_>>() {
            let header = self.arena.header(entry);
            assert!(header.is_pinned(), "a pin of what is not pinned");
            assert_eq!(header.is_detached(), held.insert(entry));
            assert!(!header.is_detached() || wheel::deadline(header).is_none());
        }
        self.changes.validate();
        self.arena.validate(&held);
        assert!(self.bytes() <= self.limits.max_bytes, "over the limit");
        assert!(self.payload + self.arena.free_bytes() <= self.bytes());
        assert!(self.pins.entries().count() <= self.limits.max_pins as usize);
    }
}
