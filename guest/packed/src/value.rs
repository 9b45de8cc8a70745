//! Packed values.

use crate::packed::{Packed, WORD};
use crate::reader::Reader;
use alloc::vec::Vec;

/// Values that are being packed.
///
/// ```
/// use localmap_packed::{PackedValues, Values};
///
/// let mut values = PackedValues::new();
/// values.push(b"value");
/// values.push_absent();
/// values.push_with(3, |room| room.copy_from_slice(b"abc"));
/// let packed = values.finish();
/// let read: Vec<_> = Values::new(packed.bytes()).collect();
/// assert_eq!(read, [Some(b"value".as_slice()), None, Some(b"abc")]);
/// ```
#[derive(Debug, Clone)]
pub struct PackedValues {
    packed: Packed,
    count: u64,
}

impl PackedValues {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::from_memory(Vec::new())
    }

    /// Creates an empty list that uses the memory of `words`.
    pub fn from_memory(words: Vec<u64>) -> Self {
        let mut packed = Packed::with_room(words, 0);
        packed.word(0);
        Self { packed, count: 0 }
    }

    /// Appends a value.
    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        self.begin(value.len() as u64 + 1);
        self.packed.bytes_of(value);
    }

    /// Appends a value of `len` bytes, which `write` stores in zeroed room.
    #[inline]
    pub fn push_with(&mut self, len: usize, write: impl FnOnce(&mut [u8])) {
        self.begin(len as u64 + 1);
        write(self.packed.room(len));
    }

    /// Appends an absent value.
    #[inline]
    pub fn push_absent(&mut self) {
        self.begin(0);
    }

    fn begin(&mut self, head: u64) {
        self.count += 1;
        self.packed.word(head);
    }

    /// Ends the list.
    pub fn finish(mut self) -> Packed {
        self.packed.set_first(self.count);
        self.packed.finish()
    }
}

impl Default for PackedValues {
    fn default() -> Self {
        Self::new()
    }
}

/// The values of a packed list, up to the first one that is not whole. See [`PackedValues`] for an
/// example.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    reader: Reader<'a>,
    left: u64,
}

impl<'a> Values<'a> {
    /// Reads the values in `bytes`, which may be malformed.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Reader::new(bytes);
        let left = reader.word().unwrap_or(0);
        Self { reader, left }
    }

    #[inline]
    fn read(&mut self) -> Option<Option<&'a [u8]>> {
        let Some(len) = self.reader.word()?.checked_sub(1) else {
            return Some(None);
        };
        let value = self.reader.bytes(usize::try_from(len).ok()?)?;
        Some(Some(value))
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        self.left = self.left.checked_sub(1)?;
        let value = self.read();
        if value.is_none() {
            self.left = 0;
        }
        value
    }

    /// Returns bounds that take into account how many values the bytes can contain.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let most = self.reader.len() / WORD;
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        (0, Some(left.min(most)))
    }
}
