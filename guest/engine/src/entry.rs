//! The header at the start of each entry's slot.
//!
//! A header has fields for several modules. What a module stores there has a type that is private
//! to the module ([`WheelSeat`] and similar traits), so no other module can read or write it.
//!
//! Unsafe code in `slot` trusts the lengths in a header: it reads that many bytes after it. So
//! only the arena gets a `&mut Header`, and it writes the lengths together with the key and the
//! value. All other modules get a [`HeaderMut`], which cannot change them.

use core::ops::Deref;

use bytemuck::{Pod, Zeroable};

use crate::layout::HEADER_WORDS;

/// Metadata of an entry. It is aligned like the words of a slot, so it takes exactly 44 bytes.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, packed(4))]
pub(crate) struct Header {
    /// The version of the value, assigned by the map.
    version: u64,
    /// The state of the wheel: see [`WheelSeat`].
    wheel: [u32; 4],
    /// The hash of the key.
    hash: u32,
    /// The length of the value in bytes.
    value_len: u32,
    /// The state of the entry's queue or, while the entry is pinned, of its pins: see
    /// [`QueueSeat`] and [`PinSeat`].
    queue: [u32; 2],
    /// The length of the key in bytes, 1 to 512. Where pointers have 32 bits, the other bits are the
    /// lowest ones of [`place`](Self::place).
    key_len: u16,
    /// The state of eviction: see [`UsageSeat`].
    usage: u8,
    /// See [`Header::PARTS`] and the constants after it.
    flags: u8,
}

const _: () = assert!(size_of::<Header>() == 4 * HEADER_WORDS);

/// The header of an entry, through which each module can change its own fields, but not the hash,
/// the lengths, or whether the value has parts.
pub(crate) struct HeaderMut<'a>(&'a mut Header);

/// State that the wheel keeps in the header of an entry. All bits are 0 in a new header.
pub(crate) trait WheelSeat: Pod {}

/// State that a queue keeps in the headers of its entries.
pub(crate) trait QueueSeat: Pod {}

/// State that eviction keeps in the header of an entry. All bits are 0 in a new header.
pub(crate) trait UsageSeat: Pod {}

/// State that pins keep in the header of an entry that is not in a queue.
pub(crate) trait PinSeat: Pod {}

impl Header {
    /// The value has parts outside the slot.
    const PARTS: u8 = 1;
    /// A pin holds the entry.
    const PINNED: u8 = 2;
    /// The entry is no longer in the map, but a pin holds its value.
    const DETACHED: u8 = 4;
    /// The bits of the flags that contain the highest bits of [`place`](Self::place).
    #[cfg(target_pointer_width = "32")]
    const PLACE: usize = 0xf0;
    /// The number of bits of `key_len` that contain the length.
    const LEN_BITS: u32 = if cfg!(target_pointer_width = "32") {
        10
    } else {
        u16::BITS
    };
    /// These bits.
    const LEN: u16 = u16::MAX >> (u16::BITS - Self::LEN_BITS);

    /// Creates the header of an entry that never expires and is not in a queue.
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

    /// The word of a header that contains the hash.
    pub(crate) const HASH_WORD: usize = core::mem::offset_of!(Self, hash) / 4;

    /// Returns the version of the value.
    #[inline(always)]
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Returns the first word of the slot in its block, as [`set_place`](Self::set_place) has
    /// recorded it.
    #[cfg(target_pointer_width = "32")]
    #[inline]
    pub(crate) const fn place(&self) -> usize {
        (self.key_len >> Self::LEN_BITS) as usize | (self.flags as usize & Self::PLACE) << 2
    }

    /// Records the first word of the slot in its block. For use by the arena.
    #[cfg(target_pointer_width = "32")]
    #[inline]
    pub(crate) const fn set_place(&mut self, word: usize) {
        let low = (word as u16) << Self::LEN_BITS;
        self.key_len = self.key_len & Self::LEN | low;
        self.flags = self.flags & !(Self::PLACE as u8) | (word >> 2 & Self::PLACE) as u8;
    }

    /// Returns the hash of the key.
    #[inline]
    pub(crate) const fn hash(&self) -> u32 {
        self.hash
    }

    /// Returns the length of the key in bytes.
    #[inline]
    pub(crate) const fn key_len(&self) -> usize {
        (self.key_len & Self::LEN) as usize
    }

    /// Returns the length of the value in bytes.
    #[inline]
    pub(crate) const fn value_len(&self) -> usize {
        self.value_len as usize
    }

    /// Records the length and the version of a new value.
    ///
    /// # Safety
    ///
    /// If the header is in the slot of an entry, a value of this length must need the same slots
    /// as the previous value.
    #[expect(unsafe_code, reason = "`slot` trusts the length")]
    pub(crate) const unsafe fn set_value(&mut self, len: u32, version: u64) {
        self.value_len = len;
        self.version = version;
    }

    /// Returns the total length of the key and the value in bytes.
    #[inline]
    pub(crate) const fn payload(&self) -> u64 {
        self.key_len() as u64 + self.value_len as u64
    }

    /// Returns `true` if the value has parts outside the slot.
    #[inline]
    pub(crate) const fn has_parts(&self) -> bool {
        self.flags & Self::PARTS != 0
    }

    /// Returns `true` if a pin holds the entry.
    #[inline]
    pub(crate) const fn is_pinned(&self) -> bool {
        self.flags & Self::PINNED != 0
    }

    /// Returns `true` if the entry is no longer in the map.
    pub(crate) const fn is_detached(&self) -> bool {
        self.flags & Self::DETACHED != 0
    }

    /// Returns `true` if the value is stored in one piece and may be overwritten in place.
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
    /// Wraps a header.
    #[inline(always)]
    pub(crate) const fn new(header: &'a mut Header) -> Self {
        Self(header)
    }

    /// Sets the version of the value. For use by the map, which assigns it.
    #[inline(always)]
    pub(crate) const fn set_version(&mut self, version: u64) {
        self.0.version = version;
    }

    /// Records whether a pin holds the entry. For use by the pins.
    pub(crate) const fn set_pinned(&mut self, pinned: bool) {
        if pinned {
            self.0.flags |= Header::PINNED;
        } else {
            self.0.flags &= !Header::PINNED;
        }
    }

    /// Records that the entry is no longer in the map. For use by the map.
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

    /// Reborrows the header.
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
