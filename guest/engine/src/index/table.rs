//! The tables of the index.

use hashbrown::HashTable;

use super::TABLE_ENTRIES;
use crate::address::EntryRef;
use crate::arena::Hashes;
use crate::error::NoRoom;
use crate::slot::preload;

/// The entries whose hashes have some bits in common.
pub(super) struct Table {
    pub(super) entries: HashTable<EntryRef>,
    /// The number of table-choosing bits that all hashes in this table have in common.
    pub(super) depth: u8,
}

impl Table {
    pub(super) fn bytes(&self) -> u64 {
        self.entries.allocation_size() as u64
    }

    /// Returns the number of entries that the table can have once its tombstones are removed.
    pub(super) fn most(&self) -> usize {
        match self.entries.num_buckets() {
            buckets @ ..8 => buckets.saturating_sub(1),
            buckets => buckets / 8 * 7,
        }
    }

    #[inline]
    pub(super) fn has_room(&self, count: usize) -> bool {
        self.entries.len() + count <= self.entries.capacity()
    }

    /// Returns a copy of the table with room for `room` entries.
    pub(super) fn copy(&self, hashes: Hashes<'_>, room: usize) -> Result<Self, NoRoom> {
        let mut copy = Self::with_room(room, self.depth)?;
        for &entry in &self.entries {
            copy.put(hashes.of(entry), entry);
        }
        Ok(copy)
    }

    /// Splits the entries into two new tables, depending on what `upper` returns for their hashes.
    pub(super) fn halves(
        &self,
        hashes: Hashes<'_>,
        upper: impl Fn(u32) -> bool,
    ) -> Result<(Self, Self), NoRoom> {
        let depth = self.depth + 1;
        let mut low = Self::with_room(TABLE_ENTRIES, depth)?;
        let mut high = Self::with_room(TABLE_ENTRIES, depth)?;
        for &entry in &self.entries {
            let hash = hashes.of(entry);
            let half = if upper(hash) { &mut high } else { &mut low };
            half.put(hash, entry);
        }
        Ok((low, high))
    }

    pub(super) fn with_room(room: usize, depth: u8) -> Result<Self, NoRoom> {
        let mut entries = HashTable::new();
        entries.try_reserve(room, no_rehash)?;
        Ok(Self { entries, depth })
    }

    /// Adds an entry. There must be room for it.
    #[inline]
    pub(super) fn put(&mut self, hash: u32, entry: EntryRef) {
        self.entries.insert_unique(wide(hash), entry, no_rehash);
    }
}

/// Returns the approximate size of a table: an address and one byte for each bucket.
pub(super) const fn table_bytes(buckets: usize) -> u64 {
    (buckets * 5 + 16) as u64
}

/// The function that a table calls to hash an entry again when it grows. No table grows: a larger one
/// is made instead.
#[cold]
fn no_rehash(_: &EntryRef) -> u64 {
    unreachable!("there is room")
}

/// Converts a hash for use by a table, which takes the bucket from the low bits, and the tag from
/// the seven highest bits of a `usize` of 32 or 64 bits.
#[inline(always)]
pub(crate) const fn wide(hash: u32) -> u64 {
    let high = if usize::BITS == 32 { 0 } else { hash };
    (high as u64) << 32 | hash as u64
}

/// Prefetches the address that a table most likely has for a hash.
#[inline(always)]
pub(super) fn prefetch_bucket(table: &HashTable<EntryRef>, hash: u32) {
    let bucket = hash as usize & table.num_buckets().wrapping_sub(1);
    if let Some(entry) = table.get_bucket(bucket) {
        preload(entry);
    }
}
