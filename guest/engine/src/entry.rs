//! What an entry looks like in its slot: a header, the key, and the value or what is
//! left of it beside its parts.

use bytemuck::{Pod, Zeroable};

use crate::arena::NONE;
use crate::layout::HEADER_WORDS;
use crate::list::Links;

/// What is known of an entry. Aligned as the words of a slot are, so that it takes 44
/// bytes and no more.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, packed(4))]
pub(crate) struct Header {
    /// The version of the value.
    pub(crate) version: u64,
    /// When the entry is gone, where it is in the wheel.
    pub(crate) deadline: u64,
    /// The hash of the key.
    pub(crate) hash: u32,
    /// Bytes of the value.
    pub(crate) value_len: u32,
    /// Its neighbours in a bucket of the wheel. Without `prev` it never expires.
    pub(crate) due: Links,
    /// Its neighbours in a queue of eviction.
    pub(crate) queue: Links,
    /// Bytes of the key, 1 to 512.
    pub(crate) key_len: u16,
    /// How often it has been used lately, 0 to 3.
    pub(crate) freq: u8,
    /// See [`Header::PARTS`] and those behind it. The upper half names the queue that it
    /// belongs to.
    pub(crate) flags: u8,
}

const _: () = assert!(size_of::<Header>() == 4 * HEADER_WORDS);

impl Header {
    /// The value has parts outside of the slot.
    pub(crate) const PARTS: u8 = 1;
    /// A pin holds it.
    pub(crate) const PINNED: u8 = 2;
    /// It is no entry of the map any more; a pin holds its value.
    pub(crate) const DETACHED: u8 = 4;

    /// Of an entry that never expires and is in no queue.
    pub(crate) const fn new(hash: u32, key_len: u16, value_len: u32, flags: u8) -> Self {
        Self {
            version: 0,
            deadline: 0,
            hash,
            value_len,
            due: Links::NONE,
            queue: Links::NONE,
            key_len,
            freq: 0,
            flags,
        }
    }

    /// When the entry is gone; `None`: it never expires.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<u64> {
        (self.due.prev != NONE).then_some(self.deadline)
    }

    #[inline]
    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Which queue it belongs to, 0 to 15.
    #[inline]
    pub(crate) const fn queue_of(&self) -> u8 {
        self.flags >> 4
    }

    #[inline]
    pub(crate) const fn set_queue_of(&mut self, of: u8) {
        self.flags = self.flags & 0x0f | of << 4;
    }

    /// Bytes of key and value.
    #[inline]
    pub(crate) const fn payload(&self) -> u64 {
        self.key_len as u64 + self.value_len as u64
    }
}

/// A key that is looked for, as words: `memcmp` goes byte by byte in wasm, and a key of
/// up to 16 bytes is all in two words.
pub(crate) struct Wanted<'k> {
    pub(crate) key: &'k [u8],
    /// The first 8 bytes, little-endian; of a key that has fewer, all.
    pub(crate) first: u64,
    /// The last 8 bytes, or all.
    pub(crate) last: u64,
    /// Which bits of them count.
    pub(crate) mask: u64,
    /// Where the last 8 bytes begin.
    pub(crate) end: usize,
}

impl<'k> Wanted<'k> {
    #[inline(always)]
    pub(crate) fn new(key: &'k [u8]) -> Self {
        if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
            return Self {
                key,
                first: u64::from_le_bytes(*first),
                last: u64::from_le_bytes(*last),
                mask: u64::MAX,
                end: key.len() - 8,
            };
        }
        let all = all_of(key);
        Self {
            key,
            first: all,
            last: all,
            mask: (1 << (8 * key.len() as u32)) - 1,
            end: 0,
        }
    }
}

/// The bytes of a key that has fewer than 8.
#[inline(never)]
fn all_of(key: &[u8]) -> u64 {
    let len = key.len() as u32;
    if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        let word = |bytes| u64::from(u32::from_le_bytes(bytes));
        return word(*first) | word(*last) << (8 * (len - 4));
    }
    let byte = |at: u32| u64::from(key.get(at as usize).copied().unwrap_or(0)) << (8 * at);
    byte(0) | byte(1) | byte(2)
}

/// Whether what is between the first word and the last is the same.
#[inline(never)]
pub(crate) fn same_within(a: &[u8], b: &[u8]) -> bool {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    words.skip(1).all(|(a, b)| word(a) == word(b))
}

/// Copies bytes to as many: by words where they are few, since a call of `memcpy` is
/// dearer in wasm.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    const FEW: usize = 128;
    debug_assert_eq!(to.len(), from.len());
    let (Some(end), true) = (from.last_chunk::<8>(), from.len() <= FEW) else {
        if from.len() > FEW {
            to.copy_from_slice(from);
        } else {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        return;
    };
    let words = to.as_chunks_mut::<8>().0.iter_mut();
    words
        .zip(from.as_chunks::<8>().0)
        .for_each(|(to, from)| *to = *from);
    if let Some(to_end) = to.last_chunk_mut::<8>() {
        *to_end = *end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_and_what_is_between_are_every_byte() {
        let same = |a: &[u8], b: &[u8]| {
            let (a, b) = (Wanted::new(a), Wanted::new(b));
            let ends = (a.first, a.last, a.mask, a.end) == (b.first, b.last, b.mask, b.end);
            ends && (a.key.len() <= 16 || same_within(a.key, b.key))
        };
        for len in 0..=128 {
            let key = std::vec![7u8; len];
            assert!(same(&key, &key.clone()));
            for at in 0..len {
                let mut changed = key.clone();
                changed[at] = 8;
                assert!(!same(&key, &changed), "byte {at} of {len}");
            }
        }
    }

    #[test]
    fn copy_copies_every_byte_and_no_more() {
        for len in (0..=140).chain([1000, 4096]) {
            let from: std::vec::Vec<u8> = (0..len).map(|n| (n % 251) as u8 + 1).collect();
            let mut to = std::vec![0; len + 2];
            copy(&mut to[1..=len], &from);
            assert_eq!(to[1..=len], from[..]);
            assert_eq!((to[0], to[len + 1]), (0, 0));
        }
    }
}
