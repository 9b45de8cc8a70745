//! The packed result of a batch: its outcomes, or the error of one change.

use crate::packed::{Packed, WORD};
use crate::reader::Reader;
use alloc::vec::Vec;

/// The error of a change, as in the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The map does not accept the key.
    InvalidKey(KeyFault),
    /// The value is longer than this, the map's `max-value`.
    ValueTooLarge(u64),
    /// The TTL is zero.
    InvalidTtl,
    /// There is no room.
    Full,
    /// The condition does not hold. Carries the version of the present value.
    Conflict(Option<u64>),
    /// The value to increment is not 8 bytes long.
    NotACounter,
    /// The sum does not fit.
    Overflow,
}

/// The reason why a key is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFault {
    /// It has no bytes.
    Empty,
    /// It is too long. Carries its length in bytes.
    TooLong(u64),
    /// It is not UTF-8.
    NotUtf8,
}

/// Packs the outcomes of a batch: for each change the version of the stored value, the sum, or 1 if
/// the key was present and 0 otherwise. Uses the memory of `words`.
///
/// ```
/// use localmap_packed::{Outcomes, pack_outcomes};
///
/// let packed = pack_outcomes(Vec::new(), [7, 1].into_iter());
/// let outcomes = Outcomes::read(packed.bytes()).expect("no error");
/// assert!(outcomes.take(2).eq([7, 1]));
/// ```
pub fn pack_outcomes(words: Vec<u64>, outcomes: impl Iterator<Item = u64>) -> Packed {
    let mut packed = Packed::with_room(words, 0);
    packed.word(0);
    outcomes.for_each(|outcome| packed.word(outcome));
    packed.finish()
}

/// Packs the error of the change with this index. Uses the memory of `words`.
///
/// ```
/// use localmap_packed::{Error, Outcomes, pack_error};
///
/// let packed = pack_error(Vec::new(), 3, Error::Full);
/// assert_eq!(Outcomes::read(packed.bytes()).map(Iterator::count), Err((3, Error::Full)));
/// ```
pub fn pack_error(words: Vec<u64>, index: u32, error: Error) -> Packed {
    let [case, payload, inner] = match error {
        Error::InvalidKey(KeyFault::Empty) => [0, 0, 0],
        Error::InvalidKey(KeyFault::TooLong(len)) => [0, 1, len],
        Error::InvalidKey(KeyFault::NotUtf8) => [0, 2, 0],
        Error::ValueTooLarge(max) => [1, max, 0],
        Error::InvalidTtl => [2, 0, 0],
        Error::Full => [3, 0, 0],
        Error::Conflict(None) => [4, 0, 0],
        Error::Conflict(Some(version)) => [4, 1, version],
        Error::NotACounter => [5, 0, 0],
        Error::Overflow => [6, 0, 0],
    };
    let mut packed = Packed::with_room(words, 0);
    for word in [case + 1, index.into(), payload, inner] {
        packed.word(word);
    }
    packed.finish()
}

/// The outcomes of a packed list, as [`pack_outcomes`] takes them. The padding after the last one
/// looks like outcomes of 0, so take only as many as there were changes.
#[derive(Debug, Clone)]
pub struct Outcomes<'a> {
    reader: Reader<'a>,
}

impl<'a> Outcomes<'a> {
    /// Reads the outcomes in `bytes`, which may be malformed. See [`pack_outcomes`] for an example.
    ///
    /// # Errors
    ///
    /// Returns the index of the change that failed and its error, if the list contains one. An
    /// unknown error becomes [`Error::Overflow`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, (u32, Error)> {
        let mut reader = Reader::new(bytes);
        let Some(case) = reader.word().unwrap_or(0).checked_sub(1) else {
            return Ok(Self { reader });
        };
        let [index, payload, inner] = reader.words().unwrap_or_default();
        let error = match case {
            0 => Error::InvalidKey(match payload {
                0 => KeyFault::Empty,
                1 => KeyFault::TooLong(inner),
                _ => KeyFault::NotUtf8,
            }),
            1 => Error::ValueTooLarge(payload),
            2 => Error::InvalidTtl,
            3 => Error::Full,
            4 => Error::Conflict((payload != 0).then_some(inner)),
            5 => Error::NotACounter,
            _ => Error::Overflow,
        };
        Err((u32::try_from(index).unwrap_or(u32::MAX), error))
    }
}

impl Iterator for Outcomes<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        self.reader.word()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let words = self.reader.len() / WORD;
        (words, Some(words))
    }
}
