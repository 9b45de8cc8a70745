//! The layout of an entry: the size classes of slots, and how a value that is too large for a slot
//! is split.

/// The number of words in a block. A word has 4 bytes.
pub(crate) const BLOCK_WORDS: usize = 1024;

/// The size of a block in bytes: 4 KiB, the page size of most operating systems.
pub(crate) const BLOCK_BYTES: u64 = 4 * BLOCK_WORDS as u64;

/// The number of words in the header of an entry.
pub(crate) const HEADER_WORDS: usize = 11;

/// The first word of a slot that is on the next cache line.
pub(crate) const NEXT_LINE: usize = 16;

/// The number of words at the start of each part of a large value: the address of the next part,
/// and that of the entry.
pub(crate) const PART_WORDS: usize = 2;

/// The minimum number of words in a slot for an entry.
pub(crate) const SHORTEST_SLOT: usize = HEADER_WORDS + 2;

/// The maximum number of words in a slot for an entry: a quarter of a block.
const LARGEST_SLOT: usize = BLOCK_WORDS / 4;

/// A size class of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(u8);

/// The number of words in a slot of each class. The last three classes are for parts. A slot for
/// an entry has [`HEADER_WORDS`] plus an even number of words. From 13 to 45 words, a key and a
/// value whose total length is a multiple of 8 bytes fit without a gap. Larger slots have as many
/// words as fit into a block 22 times, 21 times and so on.
const SLOT_WORDS: [u16; CLASSES] = slot_words();

const CLASSES: usize = 38;

/// The classes of parts: a quarter of a block, half a block, and a whole block.
const PARTS: [Class; 3] = [
    Class(CLASSES as u8 - 3),
    Class(CLASSES as u8 - 2),
    Class(CLASSES as u8 - 1),
];

const fn slot_words() -> [u16; CLASSES] {
    let mut words = [0; CLASSES];
    let (mut class, mut size) = (0, SHORTEST_SLOT);
    while size <= 45 {
        words[class] = size as u16;
        class += 1;
        size += 2;
    }
    let mut slots = BLOCK_WORDS / size;
    while slots >= BLOCK_WORDS / LARGEST_SLOT {
        words[class] = (BLOCK_WORDS / slots) as u16;
        class += 1;
        slots -= 1;
    }
    words[class] = BLOCK_WORDS as u16 / 4;
    words[class + 1] = BLOCK_WORDS as u16 / 2;
    words[class + 2] = BLOCK_WORDS as u16;
    assert!(class + 3 == CLASSES);
    words
}

/// The smallest class with enough words, for each number of words.
const CLASS_OF: [u8; LARGEST_SLOT + 1] = {
    let mut of = [0; LARGEST_SLOT + 1];
    let (mut words, mut class) = (0, 0);
    while words <= LARGEST_SLOT {
        if words > SLOT_WORDS[class] as usize {
            class += 1;
        }
        of[words] = class as u8;
        words += 1;
    }
    of
};

impl Class {
    /// The number of classes.
    pub(crate) const COUNT: usize = CLASSES;

    /// The class of whole blocks.
    pub(crate) const LARGEST: Self = PARTS[2];

    /// Returns all classes.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..CLASSES as u8).map(Self)
    }

    /// Returns the class with this [`index`](Self::index).
    pub(crate) const fn numbered(index: u8) -> Self {
        Self(index)
    }

    /// Returns the number of the class.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns the number of words in a slot.
    pub(crate) const fn words(self) -> usize {
        SLOT_WORDS[self.0 as usize] as usize
    }

    /// Returns the number of slots in a block.
    pub(crate) const fn slots(self) -> usize {
        BLOCK_WORDS / self.words()
    }

    /// Returns `true` if slots of this class hold parts of values, not entries.
    pub(crate) const fn is_part(self) -> bool {
        self.0 >= PARTS[0].0
    }

    /// Returns the index, after the header, of the word with the address of the first part, if the
    /// value has parts. It is the last word of the slot.
    pub(crate) const fn parts_word(self) -> usize {
        self.words() - HEADER_WORDS - 1
    }

    /// Returns the number of bytes of a value in a part of this class.
    pub(crate) const fn part_bytes(self) -> usize {
        (self.words() - PART_WORDS) * 4
    }
}

/// The slots that an entry needs: one slot, plus parts for a value that does not fit into it.
///
/// If the key and the value fit into a quarter of a block, the value is stored after its key in
/// the slot. Otherwise it is split: into whole blocks, then at most a few halves and quarters, and
/// the rest is stored in the slot. So hardly any space in a block is wasted, and any free block
/// can be used, wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryLayout {
    /// The class of the slot.
    pub(crate) class: Class,
    /// The number of parts of each class, smallest first. The value fills the largest parts first,
    /// and only the last part may have unused space.
    parts: [u32; 3],
    /// The number of bytes of the value that are stored in the slot, after the key.
    pub(crate) tail: u32,
}

impl EntryLayout {
    /// Returns the layout for a key of 1 to 512 bytes and a value of up to 1 GiB.
    #[inline]
    pub(crate) const fn new(key_len: usize, value_len: usize) -> Self {
        let words = HEADER_WORDS + (key_len + value_len).div_ceil(4);
        if words <= LARGEST_SLOT {
            return Self {
                class: Class(CLASS_OF[words]),
                parts: [0; 3],
                tail: value_len as u32,
            };
        }
        Self::split(key_len, value_len)
    }

    const fn split(key_len: usize, value_len: usize) -> Self {
        // The last word of the slot contains the address of the first part.
        let room = (LARGEST_SLOT - HEADER_WORDS - 1) * 4 - key_len;
        let mut parts = [0; 3];
        let mut rest = value_len;
        let mut size = PARTS.len();
        while size > 0 {
            size -= 1;
            let bytes = PARTS[size].part_bytes();
            while rest >= bytes || (size == 0 && rest > room) {
                parts[size] += 1;
                rest = rest.saturating_sub(bytes);
            }
            if rest <= room {
                break;
            }
        }
        let words = HEADER_WORDS + 1 + (key_len + rest).div_ceil(4);
        Self {
            class: Class(CLASS_OF[words]),
            parts,
            tail: rest as u32,
        }
    }

    /// Returns `true` if the value has parts.
    pub(crate) const fn has_parts(&self) -> bool {
        self.parts[0] | self.parts[1] | self.parts[2] > 0
    }

    /// Returns `true` if both layouts need the same slots.
    #[inline]
    pub(crate) fn same_slots(&self, other: &Self) -> bool {
        self.class == other.class && self.parts == other.parts
    }

    /// Returns the classes of the parts and the number of parts of each, in the order of the
    /// value.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Class, u32)> {
        PARTS.into_iter().zip(self.parts).rev()
    }

    /// Returns the classes of all slots and the number of slots of each.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (Class, u32)> {
        core::iter::once((self.class, 1)).chain(self.parts())
    }

    /// Returns the total size of the slots in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = |(class, count): (Class, u32)| 4 * class.words() as u64 * u64::from(count);
        self.slots().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_rise_and_the_parts_come_last() {
        let words: std::vec::Vec<_> = Class::all().map(Class::words).collect();
        let entries = &words[..CLASSES - 3];
        assert!(entries.is_sorted_by(|a, b| a < b), "{words:?}");
        assert_eq!(entries.last(), Some(&LARGEST_SLOT));
        assert_eq!(words[CLASSES - 3..], [256, 512, 1024]);
    }

    #[test]
    fn a_layout_holds_its_value_and_wastes_little() {
        for key_len in [1, 7, 16, 36, 128, 512] {
            for value_len in (0..20_000).chain([65_536, 1 << 20, (1 << 20) + 1, 1 << 30]) {
                let layout = EntryLayout::new(key_len, value_len);
                let in_parts: usize = layout
                    .parts()
                    .map(|(class, count)| class.part_bytes() * count as usize)
                    .sum();
                let tail = layout.tail as usize;
                assert!(in_parts + tail >= value_len);
                let pointer = usize::from(layout.has_parts());
                let words = HEADER_WORDS + pointer + (key_len + tail).div_ceil(4);
                assert!(words <= layout.class.words());
                if layout.has_parts() {
                    assert!(key_len + value_len > 800);
                }
                let least = (HEADER_WORDS * 4 + key_len + value_len) as u64;
                let waste = layout.bytes() - least;
                // A long key may leave no room in its slot for the rest of a value.
                let long = key_len > 128 && waste < 4 * PARTS[0].words() as u64;
                assert!(
                    waste <= 8 || waste * 100 <= least * 26 || long,
                    "{key_len} and {value_len} take {} bytes: {layout:?}",
                    layout.bytes()
                );
            }
        }
    }
}
