//! A value stored in the map.

use alloc::vec::Vec;
use core::fmt;

use crate::address::{EntryAddr, SlotAddr};
use crate::arena::Arena;
use crate::copy::copy;
use crate::slot::Slot;

/// A value, borrowed from the map that contains it.
///
/// It is stored in one piece if the key and the value together take less than about a kibibyte,
/// otherwise in pieces of up to 4 KiB. It can be compared with slices and arrays of bytes.
///
/// ```
/// use localmap_engine::{Limits, Map, Ttl};
///
/// let mut map = Map::new(|| 0, 42, Limits::default());
/// map.set(b"key", b"some bytes", Ttl::Never)?;
/// let value = map.get(b"key").expect("it was just set");
///
/// assert_eq!(value.len(), 10);
/// assert!(!value.is_empty());
/// assert_eq!(value.as_slice(), Some(&b"some bytes"[..])); // in one piece
/// assert_eq!(value.chunks().count(), 1);
/// assert_eq!(value.to_vec(), b"some bytes");
/// let mut start = [0; 4];
/// assert_eq!(value.copy_to(&mut start), 4);
/// assert_eq!(&start, b"some");
/// assert_eq!(value, b"some bytes");
/// # Ok::<(), localmap_engine::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Value<'a> {
    arena: &'a Arena,
    /// The slot of the entry. The properties of the value are read from it when they are needed.
    slot: Slot<'a>,
}

impl<'a> Value<'a> {
    #[inline(always)]
    pub(crate) const fn new(arena: &'a Arena, slot: Slot<'a>) -> Self {
        Self { arena, slot }
    }

    /// Returns the value of an entry.
    #[inline]
    pub(crate) fn of(arena: &'a Arena, entry: EntryAddr) -> Self {
        Self::new(arena, arena.checked_slot(entry))
    }

    /// Returns the length of the value in bytes.
    #[inline]
    pub const fn len(&self) -> usize {
        self.slot.header().value_len()
    }

    /// Returns `true` if the value is empty.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes if they are stored in one piece, otherwise `None`.
    #[inline]
    pub const fn as_slice(&self) -> Option<&'a [u8]> {
        self.slot.value()
    }

    /// Returns the pieces of the value in order. None of them is empty.
    pub fn chunks(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let arena = self.arena;
        let (first, mut rest, tail) = match self.slot.value() {
            Some(value) => (0, 0, value),
            None => self.slot.parts(),
        };
        let mut next = SlotAddr::from_word(first);
        let parts = core::iter::from_fn(move || {
            let part = next.filter(|_| rest > 0)?;
            let bytes;
            (next, bytes) = arena.part(part);
            let bytes = &bytes[..bytes.len().min(rest)];
            rest -= bytes.len();
            Some(bytes)
        });
        parts.chain(core::iter::once(tail).filter(|tail| !tail.is_empty()))
    }

    /// Copies as many bytes as fit from the start of the value into `to`. Returns the number of
    /// bytes copied.
    pub fn copy_to(&self, to: &mut [u8]) -> usize {
        let mut copied = 0;
        for chunk in self.chunks() {
            let rest = &mut to[copied..];
            let len = chunk.len().min(rest.len());
            copy(&mut rest[..len], &chunk[..len]);
            copied += len;
        }
        copied
    }

    /// Copies the value into a vector.
    ///
    /// If memory cannot be allocated, the program aborts, as with any `Vec`.
    /// [`copy_to`](Self::copy_to) does not allocate.
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
