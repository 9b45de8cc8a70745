//! The index from keys to entries: hash tables of entry addresses, each so small that growing one
//! never takes long.
//!
//! It is an extendible hash table (Fagin and others, 1979): some bits of a hash choose a table
//! from a directory. A full table is split in two, and the directory doubles if it needs one more
//! bit to distinguish them. The hashes are stored in the entries, so no key is hashed again.

mod scan;

use alloc::vec::Vec;
use core::iter::Copied;

use hashbrown::HashTable;
use hashbrown::hash_table::IterHash;

use crate::address::EntryAddr;
use crate::arena::Arena;
use crate::error::NoRoom;
use crate::key::KeyProbe;
use crate::slot::preload;

/// The number of low bits of a hash that choose a bucket of a table. The next bits choose the
/// table, and the seven highest bits are the tag in the bucket.
const BUCKET_BITS: u32 = 11;

/// The maximum number of bits of a hash that choose a table. The last three of them are also bits
/// of the tag.
const MAX_DEPTH: u8 = 17;

/// The maximum number of buckets of a table, which is full when seven eighths of them are used.
const MAX_BUCKETS: usize = 1 << BUCKET_BITS;

/// The maximum number of entries of a table.
pub(crate) const TABLE_ENTRIES: usize = MAX_BUCKETS / 8 * 7;

/// Tables with at most this many buckets do not shrink when entries are removed.
const SMALLEST_SHRUNK: usize = 64;

struct Table {
    entries: HashTable<EntryAddr>,
    /// The number of table-choosing bits that all hashes in this table have in common.
    depth: u8,
}

/// The entries of a map, indexed by the hashes of their keys.
pub(crate) struct Index {
    /// The number of the table for each value of [`depth`](Self::depth) bits.
    directory: Vec<u32>,
    tables: Vec<Table>,
    depth: u8,
    len: u32,
    /// The size of all tables, in bytes.
    bytes: u64,
}

/// The position of a bucket in its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket(usize);

impl Index {
    pub(crate) const fn new() -> Self {
        Self {
            directory: Vec::new(),
            tables: Vec::new(),
            depth: 0,
            len: 0,
            bytes: 0,
        }
    }

    /// Returns the number of entries.
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// Returns the allocated bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let directory = self.directory.capacity() * size_of::<u32>();
        let tables = self.tables.capacity() * size_of::<Table>();
        self.bytes + (directory + tables) as u64
    }

    /// Returns the entry of a key with this hash.
    ///
    /// # Safety
    ///
    /// Every entry of the index must be in `arena`, at the address stored in the index.
    #[inline(always)]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    pub(crate) unsafe fn find(
        &self,
        arena: &Arena,
        hash: u32,
        probe: &KeyProbe<'_>,
    ) -> Option<EntryAddr> {
        // Not `HashTable::find`, because its closure is not inlined.
        self.candidates(hash).find(|&entry| {
            // SAFETY: guaranteed by the caller.
            unsafe { arena.slot(entry) }.has_key(probe)
        })
    }

    /// Returns the entries that may have this hash, and possibly a few others.
    #[inline(always)]
    pub(crate) fn candidates(&self, hash: u32) -> Copied<IterHash<'_, EntryAddr>> {
        let table = self.whole_table(hash).map(|table| &table.entries);
        // A single table is used directly.
        if let (Some(table), false) = (table, self.is_one_table()) {
            prefetch_bucket(table, hash);
        }
        let empty = const { &HashTable::new() };
        table.unwrap_or(empty).iter_hash(wide(hash)).copied()
    }

    /// Prefetches the bucket that a hash leads to.
    #[inline(always)]
    pub(crate) fn prefetch(&self, hash: u32) {
        if let (Some(table), false) = (self.whole_table(hash), self.is_one_table()) {
            prefetch_bucket(&table.entries, hash);
        }
    }

    /// Returns `true` if the table for a hash has room for `count` more entries.
    #[inline]
    pub(crate) fn has_room(&self, hash: u32, count: usize) -> bool {
        self.whole_table(hash)
            .is_some_and(|table| table.has_room(count))
    }

    /// Makes room in the table for `hash` for as many entries as `count` returns. `may_grow`
    /// decides whether a given number of bytes may be allocated.
    pub(crate) fn reserve(
        &mut self,
        arena: &Arena,
        hash: u32,
        count: impl Fn(&Self) -> usize,
        may_grow: impl Fn(&Self, u64) -> bool,
    ) -> Result<(), NoRoom> {
        loop {
            let Some(table) = self.whole_table(hash) else {
                if !may_grow(self, (size_of::<u32>() + size_of::<Table>()) as u64) {
                    return Err(NoRoom);
                }
                self.begin()?;
                continue;
            };
            let count = count(self);
            if table.has_room(count) {
                return Ok(());
            }
            if self.extend(arena, hash, &may_grow).is_err() {
                return self.rehash_in_place(arena, hash, count);
            }
        }
    }

    /// Returns `true` if all hashes belong to the same table.
    #[inline]
    pub(crate) const fn is_one_table(&self) -> bool {
        self.directory.len() <= 1
    }

    /// Returns `true` if two hashes belong to the same table.
    pub(crate) fn same_table(&self, a: u32, b: u32) -> bool {
        self.number(a) == self.number(b)
    }

    /// Adds an entry. There must be room for it, and its key must not be present.
    pub(crate) fn insert(&mut self, arena: &Arena, hash: u32, entry: EntryAddr) {
        let at = self.number(hash);
        let Some(table) = self.tables.get_mut(at) else {
            return;
        };
        // If growing failed here, it would abort the instance.
        debug_assert!(table.has_room(1));
        table
            .entries
            .insert_unique(wide(hash), entry, |&entry| stored(arena, entry));
        self.len += 1;
    }

    /// Removes an entry. It leaves a tombstone in the table, which is removed when its space is
    /// needed.
    pub(crate) fn remove(&mut self, arena: &Arena, hash: u32, entry: EntryAddr) {
        let at = self.number(hash);
        let Some(table) = self.tables.get_mut(at) else {
            return;
        };
        if let Ok(found) = table
            .entries
            .find_entry(wide(hash), |&other| other == entry)
        {
            found.remove();
            self.len -= 1;
        }
        self.shrink(arena, at);
    }

    /// Returns the bucket that contains an entry. It remains valid until the index is changed by
    /// any method except [`insert`](Self::insert) and [`replace_at`](Self::replace_at).
    pub(crate) fn bucket(&self, hash: u32, entry: EntryAddr) -> Option<Bucket> {
        let entries = &self.whole_table(hash)?.entries;
        let bucket = entries.find_bucket_index(wide(hash), |&other| other == entry);
        bucket.map(Bucket)
    }

    /// Stores another entry in a bucket of the table for `hash`.
    pub(crate) fn replace_at(&mut self, hash: u32, bucket: Bucket, to: EntryAddr) {
        let at = self.number(hash);
        if let Some(table) = self.tables.get_mut(at)
            && let Some(entry) = table.entries.get_bucket_mut(bucket.0)
        {
            *entry = to;
        }
    }

    /// Replaces one entry with another, which must not be in the index.
    pub(crate) fn replace(&mut self, hash: u32, from: EntryAddr, to: EntryAddr) {
        let at = self.number(hash);
        if let Some(table) = self.tables.get_mut(at)
            && let Some(entry) = table.entries.find_mut(wide(hash), |&other| other == from)
        {
            *entry = to;
        }
    }

    /// Returns the entries of the table for a hash.
    pub(crate) fn neighbours(&self, hash: u32) -> impl Iterator<Item = EntryAddr> {
        let table = self.whole_table(hash).into_iter();
        table.flat_map(|table| table.entries.iter().copied())
    }

    #[inline(always)]
    fn whole_table(&self, hash: u32) -> Option<&Table> {
        self.tables.get(self.number(hash))
    }

    /// Returns the number of the table for a hash.
    #[inline(always)]
    fn number(&self, hash: u32) -> usize {
        if self.is_one_table() {
            // A small map has a single table, so there is no need to wait for the hash.
            return 0;
        }
        // The length of the directory is a power of two.
        let at = (hash >> BUCKET_BITS) as usize & (self.directory.len() - 1);
        self.directory[at] as usize
    }

    /// Creates the first table.
    fn begin(&mut self) -> Result<(), NoRoom> {
        self.directory.try_reserve_exact(1)?;
        self.tables.try_reserve_exact(1)?;
        self.tables.push(Table {
            entries: HashTable::new(),
            depth: 0,
        });
        self.directory.push(0);
        Ok(())
    }

    /// Doubles the buckets of a full table, or splits it.
    fn extend(
        &mut self,
        arena: &Arena,
        hash: u32,
        may_grow: impl Fn(&Self, u64) -> bool,
    ) -> Result<(), NoRoom> {
        let at = self.number(hash);
        let table = &self.tables[at];
        let buckets = table.entries.num_buckets();
        if buckets < MAX_BUCKETS {
            if !may_grow(self, table_bytes(buckets.max(4))) {
                return Err(NoRoom);
            }
            let grown = table.copy(arena, table.most() + 1)?;
            self.put(at, grown);
            return Ok(());
        }
        self.split(arena, at, hash, may_grow)
    }

    fn split(
        &mut self,
        arena: &Arena,
        at: usize,
        hash: u32,
        may_grow: impl Fn(&Self, u64) -> bool,
    ) -> Result<(), NoRoom> {
        let table = &self.tables[at];
        let depth = table.depth;
        let directory = if depth == self.depth {
            self.directory.len()
        } else {
            0
        };
        let tables = if self.tables.len() == self.tables.capacity() {
            self.tables.len()
        } else {
            0
        };
        let more = directory * size_of::<u32>() + tables * size_of::<Table>();
        if depth == MAX_DEPTH || !may_grow(self, table_bytes(MAX_BUCKETS) + more as u64) {
            return Err(NoRoom);
        }
        self.directory.try_reserve_exact(directory)?;
        self.tables.try_reserve_exact(tables)?;
        let upper = |hash: u32| hash >> BUCKET_BITS >> depth & 1 == 1;
        let (low, high) = self.tables[at].halves(arena, upper)?;
        // Nothing can fail from here on.
        if depth == self.depth {
            self.directory.extend_from_within(..);
            self.depth += 1;
        }
        self.bytes += high.bytes();
        let new = self.tables.len() as u32;
        self.tables.push(high);
        self.put(at, low);
        let first = (hash >> BUCKET_BITS) as usize & ((1 << depth) - 1) | 1 << depth;
        let upper_half = self.directory.iter_mut().skip(first);
        upper_half
            .step_by(2 << depth)
            .for_each(|place| *place = new);
        Ok(())
    }

    /// Makes room without allocating: rehashes a table in place, which removes the tombstones of
    /// removed entries.
    #[inline(never)]
    fn rehash_in_place(&mut self, arena: &Arena, hash: u32, count: usize) -> Result<(), NoRoom> {
        let at = self.number(hash);
        let table = &mut self.tables[at];
        if table.entries.len() + count > table.most() {
            return Err(NoRoom);
        }
        let mut entries = [None; TABLE_ENTRIES];
        let entries = &mut entries[..table.entries.len()];
        entries
            .iter_mut()
            .zip(&table.entries)
            .for_each(|(to, from)| *to = Some(*from));
        table.entries.clear();
        for entry in entries.iter().copied().flatten() {
            let hash = stored(arena, entry);
            table
                .entries
                .insert_unique(hash, entry, |&entry| stored(arena, entry));
        }
        Ok(())
    }

    /// Shrinks a table that has become nearly empty, if there is memory for the smaller copy.
    fn shrink(&mut self, arena: &Arena, at: usize) {
        let table = &self.tables[at];
        let (len, buckets) = (table.entries.len(), table.entries.num_buckets());
        if len * 8 <= buckets
            && buckets > SMALLEST_SHRUNK
            && let Ok(smaller) = table.copy(arena, len * 2)
        {
            self.put(at, smaller);
        }
    }

    fn put(&mut self, at: usize, table: Table) {
        let before = core::mem::replace(&mut self.tables[at], table);
        self.bytes = self.bytes + self.tables[at].bytes() - before.bytes();
    }
}

impl Table {
    fn bytes(&self) -> u64 {
        self.entries.allocation_size() as u64
    }

    /// Returns the number of entries that the table can have once its tombstones are removed.
    fn most(&self) -> usize {
        match self.entries.num_buckets() {
            buckets @ ..8 => buckets.saturating_sub(1),
            buckets => buckets / 8 * 7,
        }
    }

    #[inline]
    fn has_room(&self, count: usize) -> bool {
        self.entries.len() + count <= self.entries.capacity()
    }

    /// Returns a copy of the table with room for `room` entries.
    fn copy(&self, arena: &Arena, room: usize) -> Result<Self, NoRoom> {
        let mut copy = Self::with_room(arena, room, self.depth)?;
        for &entry in &self.entries {
            copy.put(arena, arena.hash(entry), entry);
        }
        Ok(copy)
    }

    /// Splits the entries into two new tables, depending on what `upper` returns for their hashes.
    fn halves(&self, arena: &Arena, upper: impl Fn(u32) -> bool) -> Result<(Self, Self), NoRoom> {
        let depth = self.depth + 1;
        let mut low = Self::with_room(arena, TABLE_ENTRIES, depth)?;
        let mut high = Self::with_room(arena, TABLE_ENTRIES, depth)?;
        for &entry in &self.entries {
            let hash = arena.hash(entry);
            let half = if upper(hash) { &mut high } else { &mut low };
            half.put(arena, hash, entry);
        }
        Ok((low, high))
    }

    fn with_room(arena: &Arena, room: usize, depth: u8) -> Result<Self, NoRoom> {
        let mut entries = HashTable::new();
        entries.try_reserve(room, |&entry| stored(arena, entry))?;
        Ok(Self { entries, depth })
    }

    /// Adds an entry. There must be room for it.
    #[inline]
    fn put(&mut self, arena: &Arena, hash: u32, entry: EntryAddr) {
        let stored = |&entry: &EntryAddr| stored(arena, entry);
        self.entries.insert_unique(wide(hash), entry, stored);
    }
}

/// Returns the approximate size of a table: an address and one byte for each bucket.
const fn table_bytes(buckets: usize) -> u64 {
    (buckets * 5 + 16) as u64
}

fn stored(arena: &Arena, entry: EntryAddr) -> u64 {
    wide(arena.hash(entry))
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
fn prefetch_bucket(table: &HashTable<EntryAddr>, hash: u32) {
    let bucket = hash as usize & table.num_buckets().wrapping_sub(1);
    if let Some(entry) = table.get_bucket(bucket) {
        preload(entry);
    }
}

#[cfg(any(test, feature = "validate"))]
impl Index {
    /// Returns all entries. Panics unless the directory leads to the table that contains each of
    /// them.
    pub(crate) fn validate(&self, arena: &Arena) -> impl Iterator<Item = EntryAddr> {
        assert!(self.directory.is_empty() || self.directory.len() == 1 << self.depth);
        let mut bytes = 0;
        for (number, table) in self.tables.iter().enumerate() {
            bytes += table.bytes();
            assert!(table.depth <= self.depth && table.entries.len() <= TABLE_ENTRIES);
            let places = self.directory.iter().filter(|&&at| at as usize == number);
            assert_eq!(places.count(), 1 << (self.depth - table.depth));
            for &entry in &table.entries {
                assert_eq!(self.number(arena.header(entry).hash()), number);
            }
        }
        assert_eq!(self.bytes, bytes);
        let entries = self.tables.iter().flat_map(|table| &table.entries);
        entries.copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::BlockId;

    #[test]
    fn a_bucket_is_told_from_one_that_leads_to_the_same_place() {
        let (arena, mut index) = (Arena::new(), Index::new());
        let [deleted, moved, to] = [0, 13, 26].map(|word| BlockId::at(0).slot(word).entry());
        index.reserve(&arena, 0, |_| 2, |_, _| true).unwrap();
        index.insert(&arena, 0, deleted);
        index.insert(&arena, 0, moved);
        let bucket = index.bucket(0, moved).unwrap();
        index.remove(&arena, 0, deleted);
        // A new entry is stored at the old address of the moved one, and its bucket comes first.
        index.insert(&arena, 0, moved);
        index.replace_at(0, bucket, to);
        let found: Vec<EntryAddr> = index.candidates(0).collect();
        assert_eq!(found, [moved, to]);
    }
}
