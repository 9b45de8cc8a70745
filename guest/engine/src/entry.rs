//! The header that each entry begins with in its slot.
//!
//! A header has room for several modules. What a module keeps there has a type that is private to
//! the module ([`WheelSeat`] and its like), so that no other module can read or write it.
//!
//! Unsafe code trusts the lengths in a header: it reads as many bytes behind it (`slot`). So the
//! arena alone gets a `&mut Header`, and writes them with key and value; all others get a
//! [`HeaderMut`], which cannot change them.

use core::ops::Deref;

use bytemuck::{Pod, Zeroable};

use crate::layout::HEADER_WORDS;

/// What is known of an entry. Aligned as the words of a slot are, so that it takes 44 bytes and
/// no more.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, packed(4))]
pub(crate) struct Header {
    /// The version of the value, which the map gives.
    version: u64,
    /// What the wheel keeps: see [`WheelSeat`].
    wheel: [u32; 4],
    /// The hash of the key.
    hash: u32,
    /// Bytes of the value.
    value_len: u32,
    /// What the queue of an entry keeps or, while it is pinned, its pins: see [`QueueSeat`] and
    /// [`PinSeat`].
    queue: [u32; 2],
    /// Bytes of the key, 1 to 512.
    key_len: u16,
    /// What eviction keeps: see [`UsageSeat`].
    usage: u8,
    /// See [`Header::PARTS`] and those behind it.
    flags: u8,
}

const _: () = assert!(size_of::<Header>() == 4 * HEADER_WORDS);

/// The header of an entry, of which its owners may change what is theirs, but not the hash, the
/// lengths and whether the value has parts.
pub(crate) struct HeaderMut<'a>(&'a mut Header);

/// What the wheel keeps in the header of an entry. All bits are 0 in that of a new one.
pub(crate) trait WheelSeat: Pod {}

/// What the queue of an entry keeps in its header.
pub(crate) trait QueueSeat: Pod {}

/// What eviction keeps in the header of an entry. All bits are 0 in that of a new one.
pub(crate) trait UsageSeat: Pod {}

/// What pins keep in the header of an entry that is in no queue.
pub(crate) trait PinSeat: Pod {}

impl Header {
    /// The value has parts outside of the slot.
    const PARTS: u8 = 1;
    /// A pin holds it.
    const PINNED: u8 = 2;
    /// It is no entry of the map any more; a pin holds its value.
    const DETACHED: u8 = 4;

    /// Creates the header of an entry that never expires and is in no queue.
    pub(crate) const fn new(hash: u32, key_len: u16, value_len: u32, has_parts: bool) -> Self {
        Self {
            version: 0,
            wheel: [0; 4],
            hash,
            value_len,
            queue: [0; 2],
            key_len,
            usage: 0,
            flags: if has_parts { Self::PARTS } else { 0 },
        }
    }

    /// The word of a header that is the hash.
    pub(crate) const HASH_WORD: usize = core::mem::offset_of!(Self, hash) / 4;

    /// Returns the version of the value.
    #[inline(always)]
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Returns the hash of the key.
    #[inline]
    pub(crate) const fn hash(&self) -> u32 {
        self.hash
    }

    /// Returns the bytes of the key.
    #[inline]
    pub(crate) const fn key_len(&self) -> usize {
        self.key_len as usize
    }

    /// Returns the bytes of the value.
    #[inline]
    pub(crate) const fn value_len(&self) -> usize {
        self.value_len as usize
    }

    /// Notes the length and the version of another value.
    ///
    /// # Safety
    ///
    /// If the header is in the slot of an entry, a value of this length must need the same slots
    /// as the one before.
    #[expect(unsafe_code, reason = "`slot` trusts the length")]
    pub(crate) const unsafe fn set_value(&mut self, len: u32, version: u64) {
        self.value_len = len;
        self.version = version;
    }

    /// Returns the bytes of key and value.
    #[inline]
    pub(crate) const fn payload(&self) -> u64 {
        self.key_len as u64 + self.value_len as u64
    }

    /// Returns `true` if the value has parts outside of the slot.
    #[inline]
    pub(crate) const fn has_parts(&self) -> bool {
        self.flags & Self::PARTS != 0
    }

    /// Returns `true` if a pin holds the entry.
    #[inline]
    pub(crate) const fn is_pinned(&self) -> bool {
        self.flags & Self::PINNED != 0
    }

    /// Returns `true` if it is no entry of the map any more.
    pub(crate) const fn is_detached(&self) -> bool {
        self.flags & Self::DETACHED != 0
    }

    /// Returns `true` if the value lies in one piece and may be written over.
    #[inline]
    pub(crate) const fn is_plain(&self) -> bool {
        self.flags & (Self::PARTS | Self::PINNED) == 0
    }

    #[inline(always)]
    pub(crate) fn wheel<S: WheelSeat>(&self) -> &S {
        bytemuck::must_cast_ref(&self.wheel)
    }

    #[inline]
    pub(crate) fn queue<S: QueueSeat>(&self) -> &S {
        bytemuck::must_cast_ref(&self.queue)
    }

    #[inline(always)]
    pub(crate) fn usage<S: UsageSeat>(&self) -> &S {
        bytemuck::must_cast_ref(&self.usage)
    }

    pub(crate) fn pins<S: PinSeat>(&self) -> &S {
        bytemuck::must_cast_ref(&self.queue)
    }
}

impl<'a> HeaderMut<'a> {
    /// Lends a header to the owners of what is in it.
    #[inline(always)]
    pub(crate) const fn new(header: &'a mut Header) -> Self {
        Self(header)
    }

    /// Sets the version of the value. For the map, which gives it.
    #[inline(always)]
    pub(crate) const fn set_version(&mut self, version: u64) {
        self.0.version = version;
    }

    /// Notes whether a pin holds the entry. For the pins.
    pub(crate) const fn set_pinned(&mut self, pinned: bool) {
        if pinned {
            self.0.flags |= Header::PINNED;
        } else {
            self.0.flags &= !Header::PINNED;
        }
    }

    /// Notes that it is no entry of the map any more. For the map.
    pub(crate) const fn set_detached(&mut self) {
        self.0.flags |= Header::DETACHED;
    }

    #[inline(always)]
    pub(crate) fn wheel_mut<S: WheelSeat>(self) -> &'a mut S {
        bytemuck::must_cast_mut(&mut self.0.wheel)
    }

    #[inline]
    pub(crate) fn queue_mut<S: QueueSeat>(self) -> &'a mut S {
        bytemuck::must_cast_mut(&mut self.0.queue)
    }

    #[inline(always)]
    pub(crate) fn usage_mut<S: UsageSeat>(self) -> &'a mut S {
        bytemuck::must_cast_mut(&mut self.0.usage)
    }

    pub(crate) fn pins_mut<S: PinSeat>(self) -> &'a mut S {
        bytemuck::must_cast_mut(&mut self.0.queue)
    }

    /// Lends the header on.
    #[inline(always)]
    pub(crate) const fn by_ref(&mut self) -> HeaderMut<'_> {
        HeaderMut(self.0)
    }
}

impl Deref for HeaderMut<'_> {
    type Target = Header;

    #[inline(always)]
    fn deref(&self) -> &Header {
        self.0
    }
}
