//! Packed keys.

use crate::packed::{Packed, WORD, padded};
use crate::reader::Reader;
use alloc::vec::Vec;

/// Packs keys, in the memory of `words` if that is enough.
///
/// ```
/// use localmap_packed::{Keys, pack_keys};
///
/// let keys = pack_keys(Vec::new(), [b"one".as_slice(), b""].into_iter());
/// assert!(Keys::new(keys.bytes()).eq([b"one".as_slice(), b""]));
/// ```
pub fn pack_keys<'k>(
    words: Vec<u64>,
    keys: impl ExactSizeIterator<Item = &'k [u8]> + Clone,
) -> Packed {
    let len = |key: &[u8]| WORD + padded(key.len());
    let total = keys.clone().map(len).fold(WORD, usize::saturating_add);
    let mut packed = Packed::with_room(words, total);
    packed.word(keys.len() as u64);
    for key in keys {
        packed.word(key.len() as u64);
        packed.bytes_of(key);
    }
    packed.finish()
}

/// The keys of a packed list, up to the first one that is not whole. See [`pack_keys`] for an
/// example.
#[derive(Debug, Clone)]
pub struct Keys<'a> {
    reader: Reader<'a>,
    left: u64,
}

impl<'a> Keys<'a> {
    /// Reads the keys in `bytes`, which may be malformed.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Reader::new(bytes);
        let left = reader.word().unwrap_or(0);
        Self { reader, left }
    }

    #[inline]
    fn read(&mut self) -> Option<&'a [u8]> {
        let len = self.reader.word()?;
        self.reader.bytes(usize::try_from(len).ok()?)
    }
}

impl<'a> Iterator for Keys<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let key = self.read();
        if key.is_none() {
            self.left = 0;
        }
        key
    }

    /// Returns bounds that take into account how many keys the bytes can contain.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let most = self.reader.len() / WORD;
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        (0, Some(left.min(most)))
    }
}
