//! The index from keys to entries: hash tables of entry addresses, each so small that growing one
//! never takes long.
//!
//! It is an extendible hash table (Fagin and others, 1979): some bits of a hash choose a table
//! from a directory. A full table is split in two, and the directory doubles if it needs one more
//! bit to distinguish them. The hashes are stored in the entries, so no key is hashed again.

mod ranks;
mod scan;
mod table;

use alloc::vec::Vec;
use core::iter::Copied;

use hashbrown::HashTable;
use hashbrown::hash_table::IterHash;

use crate::address::EntryRef;
use crate::arena::{Arena, Hashes};
use crate::error::NoRoom;
use crate::key::KeyProbe;
pub(crate) use ranks::{hash_of, sorted};
pub(crate) use table::wide;
use table::{Table, prefetch_bucket, table_bytes};

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

/// The entries of a map, indexed by the hashes of their keys.
pub(crate) struct Index {
    /// The number of the table for each value of [`depth`](Self::depth) bits.
    directory: Vec<u32>,
    tables: Vec<Table>,
    depth: u8,
    len: u32,
    /// The size of all tables, in bytes.
    bytes: u64,
    /// Whether tables keep their sizes, because entries for which there is room will be added.
    keeps_sizes: bool,
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
            keeps_sizes: false,
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
    #[expect(
        clippy::manual_find,
        reason = "the closure of `find` is not always inlined"
    )]
    pub(crate) unsafe fn find(
        &self,
        arena: &Arena,
        hash: u32,
        probe: &KeyProbe<'_>,
    ) -> Option<EntryRef> {
        for entry in self.candidates(hash) {
            // SAFETY: guaranteed by the caller.
            if unsafe { arena.slot(entry) }.has_key(probe) {
                return Some(entry);
            }
        }
        None
    }

    /// Returns the entries that may have this hash, and possibly a few others.
    #[inline(always)]
    pub(crate) fn candidates(&self, hash: u32) -> Copied<IterHash<'_, EntryRef>> {
        let place = self.place(hash);
        let table = self.table_at(place).map(|table| &table.entries);
        // The first table is used directly: see `table_at`.
        if let (Some(table), true) = (table, place > 0) {
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

    /// Returns `true` if each table has room for the entries with these ranks, which are sorted, that
    /// belong to it.
    pub(crate) fn has_room_for(&self, ranks: &[u32]) -> bool {
        let same = |&a: &u32, &b: &u32| self.same_table(hash_of(a), hash_of(b));
        let mut runs = ranks.chunk_by(same);
        runs.all(|run| self.has_room(hash_of(run[0]), run.len()))
    }

    /// Returns how many of the ranks, from the first, belong to the same table.
    pub(crate) fn run(&self, ranks: &[u32]) -> usize {
        ranks.first().map_or(0, |&first| {
            ranks.partition_point(|&rank| self.same_table(hash_of(first), hash_of(rank)))
        })
    }

    /// Makes room in the table for `hash`, that of the first of these ranks, for all of them that belong
    /// to it. `may_grow` decides whether a given number of bytes may be allocated. Returns how many
    /// these are.
    pub(crate) fn reserve(
        &mut self,
        hashes: Hashes<'_>,
        ranks: &[u32],
        may_grow: impl Fn(&Self, u64) -> bool,
    ) -> Result<usize, NoRoom> {
        let Some(&first) = ranks.first() else {
            return Ok(0);
        };
        let hash = hash_of(first);
        loop {
            let Some(table) = self.whole_table(hash) else {
                if !may_grow(self, (size_of::<u32>() + size_of::<Table>()) as u64) {
                    return Err(NoRoom);
                }
                self.begin()?;
                continue;
            };
            // Fewer after each split.
            let count = self.run(ranks);
            if table.has_room(count) {
                return Ok(count);
            }
            if self.extend(hashes, hash, &may_grow).is_err() {
                self.rehash_in_place(hashes, hash, count)?;
                return Ok(count);
            }
        }
    }

    /// Returns the bytes that are needed at most, in addition to those of now, for so many entries in the table
    /// for a hash.
    pub(crate) fn growth(&self, hash: u32, entries: usize) -> u64 {
        if self
            .whole_table(hash)
            .is_some_and(|table| entries <= table.most())
        {
            return 0;
        }
        let buckets = (entries * 8 / 7 + 1).next_power_of_two();
        if buckets <= MAX_BUCKETS {
            return table_bytes(buckets.max(4)) + (size_of::<u32>() + size_of::<Table>()) as u64;
        }
        // Tables that are half full, and as many places in the list of tables and in the directory.
        let tables = 2 * entries.div_ceil(TABLE_ENTRIES);
        let lists = (self.directory.len() + self.tables.capacity()) * size_of::<Table>();
        (tables as u64 + 1) * table_bytes(MAX_BUCKETS) + 2 * lists as u64
    }

    /// Returns `true` if all hashes belong to the same table.
    #[inline]
    pub(crate) const fn is_one_table(&self) -> bool {
        self.directory.len() <= 1
    }

    /// Returns `true` if two hashes belong to the same table.
    fn same_table(&self, a: u32, b: u32) -> bool {
        self.number(a) == self.number(b)
    }

    /// Adds an entry. There must be room for it, and its key must not be present.
    pub(crate) fn insert(&mut self, hash: u32, entry: EntryRef) {
        let at = self.number(hash);
        let Some(table) = self.tables.get_mut(at) else {
            return;
        };
        // If growing failed here, it would abort the instance.
        debug_assert!(table.has_room(1));
        table.put(hash, entry);
        self.len += 1;
    }

    /// Removes an entry. It leaves a tombstone in the table, which is removed when its space is
    /// needed.
    pub(crate) fn remove(&mut self, hashes: Hashes<'_>, hash: u32, entry: EntryRef) {
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
        if !self.keeps_sizes {
            self.shrink(hashes, at);
        }
    }

    /// Keeps tables from shrinking until [`release_sizes`](Self::release_sizes), so that entries
    /// that are removed in the meantime do not take away room that was reserved.
    pub(crate) const fn keep_sizes(&mut self) {
        self.keeps_sizes = true;
    }

    /// Lets tables shrink again. Shrinks the tables for these hashes if they are nearly empty.
    pub(crate) fn release_sizes(&mut self, hashes: Hashes<'_>, removed: impl Iterator<Item = u32>) {
        self.keeps_sizes = false;
        for hash in removed {
            let at = self.number(hash);
            if at < self.tables.len() {
                self.shrink(hashes, at);
            }
        }
    }

    /// Returns the bucket that contains an entry. It remains valid until the index is changed by
    /// any method except [`insert`](Self::insert) and [`replace_at`](Self::replace_at).
    pub(crate) fn bucket(&self, hash: u32, entry: EntryRef) -> Option<Bucket> {
        let entries = &self.whole_table(hash)?.entries;
        let bucket = entries.find_bucket_index(wide(hash), |&other| other == entry);
        bucket.map(Bucket)
    }

    /// Stores another entry in a bucket of the table for `hash`.
    pub(crate) fn replace_at(&mut self, hash: u32, bucket: Bucket, to: EntryRef) {
        let at = self.number(hash);
        if let Some(table) = self.tables.get_mut(at)
            && let Some(entry) = table.entries.get_bucket_mut(bucket.0)
        {
            *entry = to;
        }
    }

    /// Replaces one entry with another, which must not be in the index.
    pub(crate) fn replace(&mut self, hash: u32, from: EntryRef, to: EntryRef) {
        let at = self.number(hash);
        if let Some(table) = self.tables.get_mut(at)
            && let Some(entry) = table.entries.find_mut(wide(hash), |&other| other == from)
        {
            *entry = to;
        }
    }

    /// Returns the entries of the table for a hash.
    pub(crate) fn neighbours(&self, hash: u32) -> impl Iterator<Item = EntryRef> {
        let table = self.whole_table(hash).into_iter();
        table.flat_map(|table| table.entries.iter().copied())
    }

    #[inline(always)]
    fn whole_table(&self, hash: u32) -> Option<&Table> {
        self.table_at(self.place(hash))
    }

    /// Returns the place in the directory for a hash.
    #[inline(always)]
    fn place(&self, hash: u32) -> usize {
        // The length of the directory is a power of two, or 0.
        (hash >> BUCKET_BITS) as usize & self.directory.len().wrapping_sub(1)
    }

    /// Returns the table at a place in the directory.
    #[inline(always)]
    fn table_at(&self, place: usize) -> Option<&Table> {
        // The first place always leads to the first table, which is the only one of a small map.
        // Since the processor predicts this branch, it need not wait for the hash.
        let number = match place {
            0 => 0,
            _ => *self.directory.get(place)?,
        };
        self.tables.get(number as usize)
    }

    /// Returns the number of the table for a hash.
    fn number(&self, hash: u32) -> usize {
        let place = self.place(hash);
        self.directory
            .get(place)
            .map_or(0, |&number| number as usize)
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
        hashes: Hashes<'_>,
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
            let grown = table.copy(hashes, table.most() + 1)?;
            self.put(at, grown);
            return Ok(());
        }
        self.split(hashes, at, hash, may_grow)
    }

    fn split(
        &mut self,
        hashes: Hashes<'_>,
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
        let (low, high) = self.tables[at].halves(hashes, upper)?;
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
    fn rehash_in_place(
        &mut self,
        hashes: Hashes<'_>,
        hash: u32,
        count: usize,
    ) -> Result<(), NoRoom> {
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
            table.put(hashes.of(entry), entry);
        }
        Ok(())
    }

    /// Shrinks a table that has become nearly empty, if there is memory for the smaller copy.
    fn shrink(&mut self, hashes: Hashes<'_>, at: usize) {
        let table = &self.tables[at];
        let (len, buckets) = (table.entries.len(), table.entries.num_buckets());
        if len * 8 <= buckets
            && buckets > SMALLEST_SHRUNK
            && let Ok(smaller) = table.copy(hashes, len * 2)
        {
            self.put(at, smaller);
        }
    }

    fn put(&mut self, at: usize, table: Table) {
        let before = core::mem::replace(&mut self.tables[at], table);
        self.bytes = self.bytes + self.tables[at].bytes() - before.bytes();
    }
}

#[cfg(any(test, feature = "validate"))]
impl Index {
    /// Returns all entries. Panics unless the directory leads to the table that contains each of
    /// them.
    pub(crate) fn validate(&self, hashes: Hashes<'_>) -> impl Iterator<Item = EntryRef> {
        assert!(self.directory.is_empty() || self.directory.len() == 1 << self.depth);
        let mut bytes = 0;
        for (number, table) in self.tables.iter().enumerate() {
            bytes += table.bytes();
            assert!(table.depth <= self.depth && table.entries.len() <= TABLE_ENTRIES);
            let places = self.directory.iter().filter(|&&at| at as usize == number);
            assert_eq!(places.count(), 1 << (self.depth - table.depth));
            for &entry in &table.entries {
                assert_eq!(self.number(hashes.of(entry)), number);
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

    #[test]
    #[expect(unsafe_code, reason = "no hash is read")]
    fn a_bucket_is_told_from_one_that_leads_to_the_same_place() {
        let (arena, mut index) = (Arena::new(), Index::new());
        // SAFETY: no table grows or shrinks.
        let hashes = unsafe { arena.hashes() };
        let [deleted, moved, to] = [1024, 1037, 1050].map(EntryRef::numbered);
        index.reserve(hashes, &[0, 0], |_, _| true).unwrap();
        index.insert(0, deleted);
        index.insert(0, moved);
        let bucket = index.bucket(0, moved).unwrap();
        index.remove(hashes, 0, deleted);
        // A new entry is stored at the old address of the moved one, and its bucket comes first.
        index.insert(0, moved);
        index.replace_at(0, bucket, to);
        let found: Vec<_> = index.candidates(0).collect();
        assert_eq!(found, [moved, to]);
    }
}
