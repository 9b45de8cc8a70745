//! A hash table of entries that does not change once it is built. The entries are in few
//! allocations, so that a table is built and dropped quickly.

use crate::contract::entry::Version;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU64;

/// The size of a block in bytes. An entry that is larger has a block of its own.
const BLOCK_LEN: usize = 1 << 20;

/// The bytes before the key of an entry: its deadline (or 0), its version, and the lengths of key
/// and value.
const HEADER_LEN: usize = 24;

/// An entry, borrowed from a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) version: Version,
    /// The time at which the entry expires, in nanoseconds; `None` if it does not expire.
    pub(crate) deadline: Option<NonZeroU64>,
}

impl<'a> Record<'a> {
    fn len(&self) -> usize {
        HEADER_LEN + self.key.len() + self.value.len()
    }

    fn write(&self, block: &mut Vec<u8>) {
        let deadline = self.deadline.map_or(0, NonZeroU64::get);
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).expect("it comes from a 32-bit memory");
        block.extend_from_slice(&deadline.to_le_bytes());
        block.extend_from_slice(&self.version.to_le_bytes());
        block.extend_from_slice(&len(self.key).to_le_bytes());
        block.extend_from_slice(&len(self.value).to_le_bytes());
        block.extend_from_slice(self.key);
        block.extend_from_slice(self.value);
    }

    /// Reads the entry that begins at `at`.
    #[inline]
    fn read(block: &'a [u8], at: usize) -> Self {
        let (header, rest) = block[at..].split_at(HEADER_LEN);
        let (words, _) = header.as_chunks::<8>();
        let word = |index: usize| u64::from_le_bytes(words[index]);
        let (deadline, version, lengths) = (word(0), word(1), word(2));
        let (key, rest) = rest.split_at((lengths & 0xffff_ffff) as usize);
        Self {
            key,
            value: &rest[..(lengths >> 32) as usize],
            version,
            deadline: NonZeroU64::new(deadline),
        }
    }
}

/// The place of an entry.
#[derive(Clone, Copy)]
struct Position {
    block: u32,
    at: u32,
}

/// A hash table of entries.
pub(crate) struct Table {
    index: HashTable<Position>,
    hasher: DefaultHashBuilder,
    blocks: Vec<Box<[u8]>>,
}

impl Table {
    /// Returns the entry of `key`.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<Record<'_>> {
        let same = |position: &Position| self.record(*position).key == key;
        let found = self.index.find(hash(&self.hasher, key), same)?;
        Some(self.record(*found))
    }

    /// Returns all entries, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.index.iter().map(|position| self.record(*position))
    }

    /// Returns the bytes of memory that the table holds.
    pub(crate) fn memory(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(|block| block.len()).sum();
        size_of::<Self>()
            + self.index.allocation_size()
            + self.blocks.capacity() * size_of::<Box<[u8]>>()
            + blocks
    }

    #[inline]
    fn record(&self, position: Position) -> Record<'_> {
        Record::read(&self.blocks[position.block as usize], position.at as usize)
    }
}

/// Returns the hash of a key.
#[inline]
fn hash(hasher: &DefaultHashBuilder, key: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(key);
    hasher.finish()
}

/// Collects the entries of a table.
#[derive(Default)]
pub(crate) struct TableBuilder {
    blocks: Vec<Box<[u8]>>,
    /// The block that is being filled.
    block: Vec<u8>,
    entries: usize,
}

impl TableBuilder {
    /// Adds an entry. Its key must not have been added before.
    pub(crate) fn add(&mut self, record: &Record<'_>) {
        if self.block.len() + record.len() > BLOCK_LEN {
            self.seal();
        }
        record.write(&mut self.block);
        self.entries += 1;
    }

    /// Ends the current block.
    fn seal(&mut self) {
        let block = std::mem::take(&mut self.block);
        if !block.is_empty() {
            self.blocks.push(block.into_boxed_slice());
        }
    }

    /// Returns the number of entries that were added.
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    /// Builds the table.
    pub(crate) fn build(mut self) -> Table {
        self.seal();
        let mut blocks = self.blocks;
        blocks.shrink_to_fit();
        let hasher = DefaultHashBuilder::default();
        let mut index = HashTable::with_capacity(self.entries);
        let hash_at = |position: &Position| {
            let block = &blocks[position.block as usize];
            hash(&hasher, Record::read(block, position.at as usize).key)
        };
        for (number, block) in (0..).zip(&blocks) {
            let mut at = 0;
            while at < block.len() {
                let position = Position {
                    block: number,
                    at: u32::try_from(at).expect("an entry begins within BLOCK_LEN"),
                };
                index.insert_unique(hash_at(&position), position, hash_at);
                at += Record::read(block, at).len();
            }
        }
        Table {
            index,
            hasher,
            blocks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    type Entries = BTreeMap<Vec<u8>, (Vec<u8>, Option<NonZeroU64>)>;

    /// Returns entries of all lengths, the largest longer than a block, by their keys.
    fn entries(count: usize) -> Entries {
        (0..count)
            .map(|number| {
                let mut key = number.to_string().into_bytes();
                key.resize(key.len() + number % 300, b'.');
                let len = if number == 7 { BLOCK_LEN } else { number };
                (key, (vec![7; len], NonZeroU64::new(number as u64 % 3)))
            })
            .collect()
    }

    fn build(entries: &Entries) -> Table {
        let mut table = TableBuilder::default();
        for (key, (value, deadline)) in entries {
            table.add(&Record {
                key,
                value,
                version: value.len() as u64,
                deadline: *deadline,
            });
        }
        assert_eq!(table.entries(), entries.len());
        table.build()
    }

    #[test]
    fn each_key_has_its_entry_and_no_other_key_has_one() {
        for count in [0, 1, 7, 8, 3_000] {
            let entries = entries(count);
            let table = build(&entries);
            for (key, (value, deadline)) in &entries {
                let found = table.get(key).expect("it was added");
                assert_eq!(found.key, key);
                assert_eq!((found.value, found.deadline), (&**value, *deadline));
                assert_eq!(found.version, value.len() as u64);
                assert_eq!(table.get(&[key, &b"x"[..]].concat()), None);
            }
            assert_eq!(table.get(b""), None);
            let all: BTreeMap<_, _> = table.iter().map(|one| (one.key, one.value)).collect();
            let expected = entries.iter().map(|(key, (value, _))| (&**key, &**value));
            assert_eq!(all, expected.collect());
            assert_eq!(table.iter().count(), count);
        }
    }

    #[test]
    fn the_memory_is_that_of_the_entries_and_a_bounded_overhead() {
        for count in [1, 7, 8, 448, 449, 3_000] {
            let entries = entries(count);
            let payload = entries
                .iter()
                .map(|(key, (value, _))| key.len() + value.len());
            let payload: usize = payload.sum();
            let memory = build(&entries).memory();
            assert!(memory >= payload + HEADER_LEN * count);
            // Eight bytes of a position and one of its hash, in a table that is 7/16 to 7/8 full.
            assert!(
                memory <= payload + (HEADER_LEN + 21) * count + 200,
                "{memory}"
            );
        }
    }
}
