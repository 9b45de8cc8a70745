//! Packed changes.

use crate::packed::{Packed, WORD};
use crate::reader::Reader;
use alloc::vec::Vec;
use core::fmt;

/// One change of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// `set`.
    Set {
        /// The key. Only its first 65,535 bytes are packed, which are more than any map accepts.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// The TTL of the entry.
        ttl: Ttl,
    },
    /// `set-if`.
    SetIf {
        /// The key, as for `Set`.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// The TTL of the entry.
        ttl: Ttl,
        /// The condition.
        condition: Condition,
    },
    /// `increment`.
    Increment {
        /// The key, as for `Set`.
        key: &'a [u8],
        /// The number to add.
        delta: i64,
        /// The TTL of the counter, if this change creates it.
        ttl: Ttl,
    },
    /// `touch`.
    Touch {
        /// The key, as for `Set`.
        key: &'a [u8],
        /// The new TTL of the entry.
        ttl: Ttl,
    },
    /// `delete`.
    Delete {
        /// The key, as for `Set`.
        key: &'a [u8],
    },
    /// `delete-if`.
    DeleteIf {
        /// The key, as for `Set`.
        key: &'a [u8],
        /// The version that the value must have.
        version: u64,
    },
}

/// The TTL of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// The map's default.
    Default,
    /// No expiry.
    Never,
    /// A number of nanoseconds.
    After(u64),
}

/// The condition of `set-if`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The key is absent.
    Absent,
    /// The key is present.
    Present,
    /// The value has this version.
    Version(u64),
}

/// A change that is not whole, or has a case that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a change of the batch is incomplete or unknown")
    }
}

impl core::error::Error for Malformed {}

/// The words at the start of a change.
const HEAD: usize = 3;

/// The cases of a change, as numbers.
mod case {
    pub(super) const SET: u8 = 0;
    pub(super) const SET_IF_ABSENT: u8 = 1;
    pub(super) const SET_IF_PRESENT: u8 = 2;
    pub(super) const SET_IF_VERSION: u8 = 3;
    pub(super) const INCREMENT: u8 = 4;
    pub(super) const TOUCH: u8 = 5;
    pub(super) const DELETE: u8 = 6;
    pub(super) const DELETE_IF: u8 = 7;
}

/// Changes that are being packed.
///
/// ```
/// use localmap_packed::{Change, Changes, PackedChanges, Ttl};
///
/// let batch = [
///     Change::Set { key: b"name", value: b"Ada", ttl: Ttl::Never },
///     Change::Increment { key: b"users", delta: -1, ttl: Ttl::After(1_000_000_000) },
/// ];
/// let mut changes = PackedChanges::with_room(Vec::new(), batch.len(), 100);
/// batch.into_iter().for_each(|change| changes.push(change));
/// let packed = changes.finish();
/// let changes = Changes::new(packed.bytes());
/// assert_eq!(changes.announced(), 2);
/// assert!(changes.eq(batch.map(Ok)));
/// ```
#[derive(Debug, Clone)]
pub struct PackedChanges {
    packed: Packed,
    count: u64,
}

impl PackedChanges {
    /// Creates an empty list, in the memory of `words`. It has room for `changes` whose keys and
    /// values have `bytes` in total, and grows if it needs more.
    pub fn with_room(words: Vec<u64>, changes: usize, bytes: usize) -> Self {
        // With up to seven bytes of padding for each key and each value.
        let each = (HEAD + 2) * WORD;
        let room = changes.saturating_mul(each).saturating_add(bytes);
        let mut packed = Packed::with_room(words, room.saturating_add(WORD));
        packed.word(0);
        Self { packed, count: 0 }
    }

    /// Appends a change.
    #[inline(always)]
    pub fn push(&mut self, change: Change<'_>) {
        match change {
            Change::Set { key, value, ttl } => self.record(case::SET, key, value, ttl, 0),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => {
                let (case, version) = match condition {
                    Condition::Absent => (case::SET_IF_ABSENT, 0),
                    Condition::Present => (case::SET_IF_PRESENT, 0),
                    Condition::Version(version) => (case::SET_IF_VERSION, version),
                };
                self.record(case, key, value, ttl, version);
            }
            Change::Increment { key, delta, ttl } => {
                self.record(case::INCREMENT, key, &[], ttl, delta.cast_unsigned());
            }
            Change::Touch { key, ttl } => self.record(case::TOUCH, key, &[], ttl, 0),
            Change::Delete { key } => self.record(case::DELETE, key, &[], Ttl::Default, 0),
            Change::DeleteIf { key, version } => {
                self.record(case::DELETE_IF, key, &[], Ttl::Default, version);
            }
        }
    }

    fn record(&mut self, case: u8, key: &[u8], value: &[u8], ttl: Ttl, number: u64) {
        let key = key.get(..u16::MAX.into()).unwrap_or(key);
        let (ttl, nanos) = match ttl {
            Ttl::Default => (0, 0),
            Ttl::Never => (1, 0),
            Ttl::After(nanos) => (2, nanos),
        };
        let lens = (key.len() as u64) << 16 | (value.len() as u64) << 32;
        let head = [u64::from(case) | ttl << 8 | lens, nanos, number];
        self.packed.words(head);
        self.packed.bytes_of(key);
        self.packed.bytes_of(value);
        self.count += 1;
    }

    /// Ends the list.
    pub fn finish(mut self) -> Packed {
        self.packed.set_first(self.count);
        self.packed.finish()
    }
}

/// The changes of a packed list. After a malformed one there are no others. See [`PackedChanges`]
/// for an example.
#[derive(Debug, Clone)]
pub struct Changes<'a> {
    reader: Reader<'a>,
    left: u64,
}

impl<'a> Changes<'a> {
    /// Reads the changes in `bytes`, which may be malformed.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Reader::new(bytes);
        let left = reader.word().unwrap_or(0);
        Self { reader, left }
    }

    /// Returns the number of changes that the list claims to have and that have not been read yet.
    pub const fn announced(&self) -> u64 {
        self.left
    }

    #[inline(always)]
    fn read(&mut self) -> Option<Change<'a>> {
        let [head, nanos, number] = self.reader.words::<HEAD>()?;
        let [case, ttl, low, high, value @ ..] = head.to_le_bytes();
        let ttl = match ttl {
            0 => Ttl::Default,
            1 => Ttl::Never,
            2 => Ttl::After(nanos),
            _ => return None,
        };
        let key = self.reader.bytes(u16::from_le_bytes([low, high]).into())?;
        let value = u32::from_le_bytes(value);
        let value = self.reader.bytes(usize::try_from(value).ok()?)?;
        let condition = match case {
            case::SET => return Some(Change::Set { key, value, ttl }),
            case::SET_IF_ABSENT => Condition::Absent,
            case::SET_IF_PRESENT => Condition::Present,
            case::SET_IF_VERSION => Condition::Version(number),
            case::INCREMENT => {
                let delta = number.cast_signed();
                return Some(Change::Increment { key, delta, ttl });
            }
            case::TOUCH => return Some(Change::Touch { key, ttl }),
            case::DELETE => return Some(Change::Delete { key }),
            case::DELETE_IF => {
                let version = number;
                return Some(Change::DeleteIf { key, version });
            }
            _ => return None,
        };
        Some(Change::SetIf {
            key,
            value,
            ttl,
            condition,
        })
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Result<Change<'a>, Malformed>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let change = self.read().ok_or(Malformed);
        if change.is_err() {
            self.left = 0;
        }
        Some(change)
    }

    /// Returns bounds that take into account how many changes the bytes can contain.
    fn size_hint(&self) -> (usize, Option<usize>) {
        // And a malformed one.
        let most = self.reader.len() / (HEAD * WORD) + 1;
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        (0, Some(left.min(most)))
    }
}
