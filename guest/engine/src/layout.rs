//! How much memory an entry takes and in which shape: the size classes of slots, and
//! how a value that is too large for a slot is split.

/// Words of a block. A word has 4 bytes.
pub(crate) const BLOCK_WORDS: usize = 1024;

/// Bytes of a block: 4 KiB, what an operating system hands out at a time.
pub(crate) const BLOCK_BYTES: u64 = 4 * BLOCK_WORDS as u64;

/// Words of the header that each entry begins with.
pub(crate) const HEADER_WORDS: usize = 11;

/// Words that each part of a large value begins with: the next part and the entry.
pub(crate) const PART_WORDS: usize = 2;

/// The most words of a slot that holds an entry: a quarter of a block.
const LARGEST_SLOT: usize = BLOCK_WORDS / 4;

/// Names a size of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(u8);

/// Words of a slot of each class; the last three are those of parts. Slots that hold
/// entries have [`HEADER_WORDS`] and an even number of words, 13 to 45, where key and
/// value of a common size, a multiple of 8 bytes, fit without a gap; from there on as
/// many as go into a block 22 times, 21 times and so on.
const SLOT_WORDS: [u16; CLASSES] = slot_words();

const CLASSES: usize = 38;

/// Slots of parts: a quarter of a block, half of one, and a whole one.
const PARTS: [Class; 3] = [
    Class(CLASSES as u8 - 3),
    Class(CLASSES as u8 - 2),
    Class(CLASSES as u8 - 1),
];

const fn slot_words() -> [u16; CLASSES] {
    let mut words = [0; CLASSES];
    let (mut class, mut size) = (0, HEADER_WORDS + 2);
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

/// The class of the smallest slot that holds a number of words, by that number.
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
    /// How many classes there are.
    pub(crate) const COUNT: usize = CLASSES;

    /// Whole blocks.
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

    /// Returns the words of a slot.
    pub(crate) const fn words(self) -> usize {
        SLOT_WORDS[self.0 as usize] as usize
    }

    /// Returns the slots of a block.
    pub(crate) const fn slots(self) -> usize {
        BLOCK_WORDS / self.words()
    }

    /// Returns `true` if its slots hold parts of values, not entries.
    pub(crate) const fn is_part(self) -> bool {
        self.0 >= PARTS[0].0
    }

    /// Returns the word behind the header that leads to the parts of a value, where it has any:
    /// the last one of the slot.
    pub(crate) const fn parts_word(self) -> usize {
        self.words() - HEADER_WORDS - 1
    }

    /// Returns the bytes of a value that a part of this class holds.
    pub(crate) const fn part_bytes(self) -> usize {
        (self.words() - PART_WORDS) * 4
    }
}

/// What an entry needs: a slot, and parts for a value that is too large for it.
///
/// A value lies behind its key in the slot where both fit into a quarter of a block.
/// If not, it is split: into whole blocks, then at most a few halves and quarters, and
/// what is left lies in the slot. So next to nothing of a block is wasted, and any free
/// block will do, wherever it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryLayout {
    /// Of the slot.
    pub(crate) class: Class,
    /// How many parts there are of each class, smallest first. The value goes into the
    /// largest first; only the last may have room to spare.
    parts: [u32; 3],
    /// The bytes of the value that lie in the slot, behind the key.
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
        // The last word of the slot leads to the parts.
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

    /// Returns `true` if both need the same slots.
    #[inline]
    pub(crate) fn same_slots(&self, other: &Self) -> bool {
        self.class == other.class && self.parts == other.parts
    }

    /// Returns the classes of the parts and how many there are of each, in the order of the
    /// value.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Class, u32)> {
        PARTS.into_iter().zip(self.parts).rev()
    }

    /// Returns all slots that it needs.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (Class, u32)> {
        core::iter::once((self.class, 1)).chain(self.parts())
    }

    /// Returns the bytes of all its slots.
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
                // A long key may leave its slot no room for what is left of a value.
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
