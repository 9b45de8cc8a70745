//! Results in the layout of the canonical ABI. A result stays valid until the next call, which
//! begins only after the caller has read the result.

use crate::memory::{lend, lend_words, scratch_vec};
use alloc::vec::Vec;
use core::ptr;
use localmap_abi::{Block, Instance, block_count, to_block};
use localmap_engine::{Became, Changed, Error, KeyFault, Told, Value};
use localmap_packed::Packed;

/// Memory for the largest result, an `option<bytes>`.
pub(super) type Area = [u64; 11];

static AREA: Instance<Area> = Instance::new([0; 11]);

/// Writes a result and returns its address.
fn answer(write: impl FnOnce(&mut Area)) -> *const Area {
    AREA.with(|area| {
        write(area);
        ptr::from_mut(area).cast_const()
    })
}

/// Joins the two halves of a word.
const fn word(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

/// Converts an address to the type of the canonical ABI.
#[expect(clippy::cast_possible_truncation, reason = "addresses have 32 bits")]
fn address<T>(at: *const T) -> u32 {
    at.addr() as u32
}

/// Copies a value into one piece of `words` words, which must be large enough, and fills the
/// rest with zeros.
fn gather(value: Value<'_>, words: usize) -> *mut u64 {
    let room = lend(words);
    let mut at = room.cast::<u8>();
    for chunk in value.chunks() {
        // SAFETY: the piece has room for all chunks and does not overlap memory of the map.
        at = unsafe {
            ptr::copy_nonoverlapping(chunk.as_ptr(), at, chunk.len());
            at.add(chunk.len())
        };
    }
    // SAFETY: the piece has `words` words.
    unsafe { at.write_bytes(0, words * size_of::<u64>() - value.len()) };
    room
}

/// Returns an `option<list<u8>>`. A value in one piece is not copied.
pub(super) fn list(value: Option<Value<'_>>) -> *const Area {
    answer(|area| match value {
        None => area[0] = 0,
        Some(value) => {
            let at = match value.as_slice() {
                Some(bytes) => bytes.as_ptr(),
                None => gather(value, value.len().div_ceil(size_of::<u64>())).cast(),
            };
            area[0] = word(1, address(at));
            area[1] = value.len() as u64;
        }
    })
}

/// Returns an `option<bytes>`.
#[expect(clippy::cast_possible_truncation, reason = "lengths have 32 bits")]
pub(super) fn blocks(value: Option<Value<'_>>) -> *const Area {
    answer(|area| {
        let [first, second, third, rest @ ..] = area;
        let Some(value) = value else {
            *first = 0;
            return;
        };
        let count = block_count(value.len());
        let at = match value.as_slice() {
            Some(bytes) if count == 0 => {
                *rest = to_block(bytes);
                ptr::without_provenance(align_of::<Block>())
            }
            _ => {
                let at = gather(value, (count + 1) * rest.len()).cast::<Block>();
                // SAFETY: this is the last of the blocks that `gather` has written.
                *rest = unsafe { at.add(count).read() };
                at.cast_const()
            }
        };
        *first = 1;
        *second = word(value.len() as u32, address(at));
        *third = count as u64;
    })
}

/// Returns a `packed`.
#[expect(clippy::cast_possible_truncation, reason = "lengths have 32 bits")]
pub(super) fn packed(packed: Packed) -> *const Area {
    let count = packed.blocks().len() as u32;
    let at = lend_words(packed.into_words());
    answer(|area| area[0] = word(address(at), count))
}

/// A `list<changed>`, whose keys are where the map keeps them. A record has 12 bytes: the address and
/// the length of the key, and what has become of it.
pub(super) struct ChangedList {
    words: Vec<u64>,
    len: u32,
}

impl ChangedList {
    /// The room for changes, in words. More is reserved if it is needed.
    const WORDS: usize = 96;

    pub(super) fn new() -> Self {
        Self {
            words: scratch_vec(Self::WORDS),
            len: 0,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "lengths have 32 bits")]
    pub(super) fn push(&mut self, change: Changed<'_>) {
        let became = match change.became {
            Became::Stored => 0,
            Became::Touched => 1,
            Became::Gone => 2,
        };
        let (at, len) = (address(change.key.as_ptr()), change.key.len() as u32);
        match self.words.last_mut() {
            // The record before this one ends in the middle of a word.
            Some(last) if self.len % 2 == 1 => {
                *last |= word(0, at);
                self.words.push(word(len, became));
            }
            _ => self.words.extend([word(at, len), word(became, 0)]),
        }
        self.len += 1;
    }
}

/// Returns a `told`.
pub(super) fn told(changed: ChangedList, told: Told) -> *const Area {
    let len = changed.len;
    let at = lend_words(changed.words);
    answer(|area| {
        let [first, second, third, fourth, ..] = area;
        *first = word(address(at), len);
        *second = u64::from(told.lost) | u64::from(told.more) << 8;
        *third = told.due_in.is_some().into();
        *fourth = told.due_in.unwrap_or(0);
    })
}

/// Returns a `result<version, error>`.
pub(super) fn stored(result: Result<u64, Error>) -> *const Area {
    let words = match result {
        Ok(version) => [0, version, 0, 0],
        Err(error) => {
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
            [1, case, payload, inner]
        }
    };
    answer(|area| {
        let [first, second, third, fourth, ..] = area;
        [*first, *second, *third, *fourth] = words;
    })
}
