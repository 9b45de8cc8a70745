//! Reading of fields from bytes that may have any contents.

use crate::packed::WORD;

/// The bytes that have not been read yet.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the number of bytes that have not been read yet.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Reads a number; `None` at the end.
    #[inline]
    pub(crate) fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    /// Reads several numbers; `None` if there are not as many.
    #[inline]
    pub(crate) fn words<const N: usize>(&mut self) -> Option<[u64; N]> {
        let (bytes, rest) = self.0.split_at_checked(N * WORD)?;
        self.0 = rest;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Some(words)
    }

    /// Reads `len` bytes, and the padding after them; `None` if they are not all there.
    #[inline]
    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (padded, rest) = self
            .0
            .split_at_checked(len.checked_next_multiple_of(WORD)?)?;
        self.0 = rest;
        padded.get(..len)
    }
}
