//! Which slot holds a key: a hash table of slot numbers. The keys and their
//! hashes stay in the slots, so that the table can grow without hashing a key.

use hashbrown::HashTable;

use crate::arena::{Arena, Slot};
use crate::error::NoRoom;

/// The slots that hold an entry, by the hash of its key.
pub(crate) struct Index {
    table: HashTable<u32>,
    /// How many slots have been removed since the table was last filled anew.
    removed: usize,
}

impl Index {
    pub(crate) const fn new() -> Self {
        Self {
            table: HashTable::new(),
            removed: 0,
        }
    }

    /// The slot that holds `key`, of which `hash` is the hash.
    #[inline]
    pub(crate) fn find(&self, arena: &Arena, hash: u32, key: &[u8]) -> Option<u32> {
        self.table
            .find(wide(hash), |&slot| {
                let slot = arena.slot(slot);
                slot.hash == hash && same(slot.key(), key)
            })
            .copied()
    }

    /// Makes room for one more.
    pub(crate) fn reserve(&mut self, arena: &Arena) -> Result<(), NoRoom> {
        let grown = self.table.try_reserve(1, |&slot| stored(arena.slot(slot)));
        if grown.is_err() {
            self.sweep_out(arena)?;
        }
        Ok(())
    }

    /// Makes room without memory: fills the table anew, so that it is rid of the marks
    /// that removed entries leave in it. hashbrown does so only where half of it is free.
    /// Here a sixteenth of it has to be removed from one time to the next, which makes it
    /// 16 moves for each.
    fn sweep_out(&mut self, arena: &Arena) -> Result<(), NoRoom> {
        // A table takes seven eighths of its buckets.
        let most = self.table.num_buckets() / 8 * 7;
        if self.table.len() >= most || self.removed < most / 16 {
            return Err(NoRoom);
        }
        self.removed = 0;
        self.table.clear();
        for slot in arena.occupied() {
            self.insert(arena, slot);
        }
        Ok(())
    }

    /// Adds a slot, for which there is room, and whose key is not there yet.
    pub(crate) fn insert(&mut self, arena: &Arena, slot: u32) {
        self.table
            .insert_unique(stored(arena.slot(slot)), slot, |&other| {
                stored(arena.slot(other))
            });
    }

    /// Removes a slot, which still holds its entry.
    pub(crate) fn remove(&mut self, arena: &Arena, slot: u32) {
        let hash = stored(arena.slot(slot));
        if let Ok(found) = self.table.find_entry(hash, |&other| other == slot) {
            found.remove();
            self.removed = self.removed.saturating_add(1);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}

fn stored(slot: &Slot) -> u64 {
    wide(slot.hash)
}

/// The same bits twice: hashbrown takes the bucket from the low end and the tag
/// from the high end of a `usize`, which has 32 bits or 64.
fn wide(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// Whether two keys are the same, by words: `memcmp` goes byte by byte in wasm.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(a_end), Some(b_end)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return a.iter().zip(b).all(|(a, b)| a == b);
    };
    // The last word may overlap the one before.
    let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    a_end == b_end && a.iter().zip(b).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_the_same_hash_stay_apart() {
        let (mut arena, mut index) = (Arena::new(), Index::new());
        let keys = [
            &b"a"[..],
            b"b",
            b"longer than a word",
            b"longer than a wore",
        ];
        let slots = keys.map(|key| {
            index.reserve(&arena).unwrap();
            let slot = arena.insert(7, key, b"").unwrap();
            index.insert(&arena, slot);
            slot
        });
        for (key, slot) in keys.iter().zip(slots) {
            assert_eq!(index.find(&arena, 7, key), Some(slot));
        }
        assert_eq!(index.find(&arena, 7, b"c"), None);
        index.remove(&arena, slots[1]);
        let found = keys.map(|key| index.find(&arena, 7, key));
        assert_eq!(
            found,
            [Some(slots[0]), None, Some(slots[2]), Some(slots[3])]
        );
    }

    #[test]
    fn same_sees_every_byte() {
        for len in 0..=128 {
            let key = std::vec![7u8; len];
            assert!(same(&key, &key.clone()));
            assert!(!same(&key, &[&key[..], &[7]].concat()));
            for at in 0..len {
                let mut changed = key.clone();
                changed[at] = 8;
                assert!(!same(&key, &changed), "byte {at} of {len}");
            }
        }
    }
}
