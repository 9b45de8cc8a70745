//! A packed list that is being written.

use alloc::vec::Vec;

/// 64 bytes: eight little-endian words.
pub type Block = [u64; 8];

/// The size of a block in bytes.
pub const BLOCK: usize = size_of::<Block>();

/// The size of a word in bytes. Each field of a record starts at a multiple of it.
pub(crate) const WORD: usize = size_of::<u64>();

/// The size in bytes up to which the memory of a list doubles. A list of results is about as long at
/// most, and a map in the sandbox has not much more memory for it.
const MAX_DOUBLED: usize = 1 << 20;

/// The number of bytes by which the memory of a longer list grows.
const STEP: usize = 64 << 10;

/// A packed list in whole blocks.
///
/// Its memory is that of the list in WebAssembly, on a host of any byte order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    words: Vec<u64>,
}

impl Packed {
    /// Creates an empty list with room for `len` bytes, in the memory of `words` if that is enough.
    pub(crate) fn with_room(mut words: Vec<u64>, len: usize) -> Self {
        words.clear();
        words.reserve(len.div_ceil(BLOCK) * (BLOCK / WORD));
        Self { words }
    }

    /// Appends a number.
    #[inline]
    pub(crate) fn word(&mut self, word: u64) {
        self.reserve(WORD);
        self.words.push(word.to_le());
    }

    /// Appends several numbers.
    #[inline]
    pub(crate) fn words<const N: usize>(&mut self, words: [u64; N]) {
        self.words.extend_from_slice(&words.map(u64::to_le));
    }

    /// Replaces the first number.
    pub(crate) fn set_first(&mut self, word: u64) {
        if let Some(first) = self.words.first_mut() {
            *first = word.to_le();
        }
    }

    /// Makes room for `len` more bytes and the padding of a block.
    #[inline]
    fn reserve(&mut self, len: usize) {
        let more = len.div_ceil(WORD) + BLOCK / WORD;
        if self.words.capacity() - self.words.len() < more {
            self.grow(more);
        }
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        let capacity = self.words.capacity();
        let larger = if capacity * WORD <= MAX_DOUBLED / 2 {
            capacity * 2
        } else {
            capacity + STEP / WORD
        };
        let len = self.words.len();
        self.words.reserve_exact((len + more).max(larger) - len);
    }

    /// Appends bytes, and zeros up to the next whole word.
    #[inline]
    pub(crate) fn bytes_of(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        let (words, rest) = bytes.as_chunks();
        // Blocks are copied word by word, since a call of `memcpy` is more expensive in
        // WebAssembly.
        let (blocks, words) = words.as_chunks::<{ BLOCK / WORD }>();
        for block in blocks {
            self.words.extend_from_slice(&block.map(u64::from_ne_bytes));
        }
        self.words
            .extend(words.iter().map(|word| u64::from_ne_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; WORD];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            self.words.push(u64::from_ne_bytes(last));
        }
    }

    /// Appends `len` zeros, and more up to the next whole word. Returns the first `len` for
    /// writing.
    pub(crate) fn room(&mut self, len: usize) -> &mut [u8] {
        self.reserve(len);
        let start = self.words.len();
        self.words.resize(start + len.div_ceil(WORD), 0);
        let (_, room) = self.words.split_at_mut(start);
        let room: &mut [u8] = bytemuck::must_cast_slice_mut(room);
        room.split_at_mut(len).0
    }

    /// Appends zeros up to the next whole block.
    pub(crate) fn finish(mut self) -> Self {
        let whole = self.words.len().next_multiple_of(BLOCK / WORD);
        while self.words.len() < whole {
            self.words.push(0);
        }
        self
    }

    /// Returns the blocks.
    pub fn blocks(&self) -> &[Block] {
        self.words.as_chunks().0
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::must_cast_slice(&self.words)
    }

    /// Returns the words of the blocks, whose memory can be used again.
    pub fn into_words(self) -> Vec<u64> {
        self.words
    }
}

impl AsRef<[u8]> for Packed {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

/// Returns the size of a field of `len` bytes.
pub(crate) const fn padded(len: usize) -> usize {
    len.div_ceil(WORD).saturating_mul(WORD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// A map in the sandbox may have no more memory than this for a result.
    #[test]
    fn a_long_list_takes_little_more_memory_than_its_bytes() {
        for len in [1, 100, 1000, 4096, 65_536] {
            let mut packed = Packed::default();
            while packed.words.len() * WORD < MAX_DOUBLED + STEP {
                packed.word(len as u64);
                packed.bytes_of(&vec![1; len]);
                let (used, taken) = (packed.words.len() * WORD, packed.words.capacity() * WORD);
                let most = (2 * used).min(MAX_DOUBLED).max(used) + STEP;
                assert!(taken <= most + 2 * BLOCK, "{used} {taken}");
            }
        }
    }
}
