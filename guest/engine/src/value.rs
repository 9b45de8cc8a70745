//! A value as it lies in the map.

use alloc::vec::Vec;
use core::fmt;

use crate::arena::{Arena, NONE};
use crate::slot::Slot;

/// A value where it lies: in one piece where key and value take less than about a
/// kibibyte, in pieces of up to 4 KiB where they take more.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    arena: &'a Arena,
    /// What is known of it is read from there when it is asked for.
    slot: Slot<'a>,
}

impl<'a> Value<'a> {
    #[inline(always)]
    pub(crate) const fn new(arena: &'a Arena, slot: Slot<'a>) -> Self {
        Self { arena, slot }
    }

    /// Its length in bytes.
    #[inline]
    pub const fn len(&self) -> usize {
        self.slot.header().value_len as usize
    }

    /// Whether it has no bytes.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, where they lie in one piece; `None`: they lie in several.
    #[inline]
    pub const fn as_slice(&self) -> Option<&'a [u8]> {
        self.slot.value()
    }

    /// Its pieces, in their order. None of them is empty.
    pub fn chunks(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let arena = self.arena;
        let (mut part, mut rest, tail) = match self.slot.value() {
            Some(value) => (NONE, 0, value),
            None => self.slot.parts(),
        };
        let parts = core::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let (next, bytes) = arena.part(part);
            let bytes = &bytes[..bytes.len().min(rest)];
            part = next;
            rest -= bytes.len();
            Some(bytes)
        });
        parts.chain(core::iter::once(tail).filter(|tail| !tail.is_empty()))
    }

    /// Copies as many of its bytes as `to` takes, and tells how many they were.
    pub fn copy_to(&self, to: &mut [u8]) -> usize {
        let mut copied = 0;
        for chunk in self.chunks() {
            let rest = &mut to[copied..];
            let len = chunk.len().min(rest.len());
            crate::entry::copy(&mut rest[..len], &chunk[..len]);
            copied += len;
        }
        copied
    }

    /// A copy of it.
    ///
    /// Where memory is refused it does as any `Vec` does;
    /// [`copy_to`](Self::copy_to) takes none.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        for chunk in self.chunks() {
            bytes.extend_from_slice(chunk);
        }
        bytes
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.chunks().flatten()).finish()
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.chunks().flatten().eq(other.chunks().flatten())
    }
}

impl Eq for Value<'_> {}

impl PartialEq<[u8]> for Value<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        let mut rest = other;
        self.len() == other.len()
            && self.chunks().all(|chunk| {
                let (same, behind) = rest.split_at(chunk.len());
                rest = behind;
                chunk == same
            })
    }
}

impl PartialEq<&[u8]> for Value<'_> {
    fn eq(&self, other: &&[u8]) -> bool {
        *self == **other
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Value<'_> {
    fn eq(&self, other: &[u8; N]) -> bool {
        *self == other[..]
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Value<'_> {
    fn eq(&self, other: &&[u8; N]) -> bool {
        *self == other[..]
    }
}
