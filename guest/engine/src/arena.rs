//! Storage for entries: slots of a few sizes, cut from blocks. An entry is identified by the
//! address of its slot, which changes when the entry is moved ([`Arena::evacuate`]).

mod demand;
mod evacuate;
#[cfg(any(test, feature = "validate"))]
mod validate;

use crate::address::{BlockId, EntryAddr, EntryRef, SlotAddr};
use crate::blocks::Blocks;
use crate::copy::copy;
use crate::entry::{Header, HeaderMut};
use crate::error::NoRoom;
use crate::layout::{BLOCK_BYTES, Class, EntryLayout, HEADER_WORDS, PART_WORDS};
use crate::list::List;
use crate::slot::{RawSlot, Slot, SlotMut, preload_next_line};
pub(crate) use demand::Demand;

const IN_A_SLOT: &str = "the smallest slot holds a header";

/// The blocks of one class.
#[derive(Clone, Copy)]
struct Slabs {
    /// The blocks that have a free slot.
    open: List<BlockId>,
    /// The number of free slots in all of these blocks.
    free: u32,
}

/// The hashes of the entries of an arena: see [`Arena::hashes`].
#[derive(Clone, Copy)]
pub(crate) struct Hashes<'a>(&'a Blocks);

impl Hashes<'_> {
    /// Returns the hash of the key of an entry.
    #[inline(always)]
    #[expect(unsafe_code, reason = "a table that is split reads hundreds of them")]
    pub(crate) fn of(self, entry: EntryRef) -> u32 {
        // SAFETY: guaranteed by the caller of `Arena::hashes`. A slot that is freed keeps this word
        // of its header.
        unsafe { *self.0.pointer(entry).add(Header::HASH_WORD).as_ref() }
    }
}

/// The entries of a map.
pub(crate) struct Arena {
    blocks: Blocks,
    slabs: [Slabs; Class::COUNT],
}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self {
            blocks: Blocks::new(),
            slabs: [Slabs {
                open: List::EMPTY,
                free: 0,
            }; Class::COUNT],
        }
    }

    /// Returns the size of all blocks and their metadata, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.blocks.bytes()
    }

    /// Returns the number of allocated bytes that are free.
    pub(crate) fn free_bytes(&self) -> u64 {
        let slots = Class::all().map(|class| {
            let free = self.slabs[class.index()].free;
            u64::from(free) * 4 * class.words() as u64
        });
        u64::from(self.blocks.free()) * BLOCK_BYTES + slots.sum::<u64>()
    }

    /// Returns the number of blocks, free or not.
    pub(crate) fn blocks(&self) -> u64 {
        self.blocks.held().into()
    }

    /// Returns the number of blocks to add at a time.
    pub(crate) const fn worth_adding(&self) -> u32 {
        self.blocks.worth_adding()
    }

    /// Returns the bytes that one more block takes.
    pub(crate) fn growth(&self) -> u64 {
        self.blocks.growth()
    }

    /// Adds a block.
    pub(crate) fn grow(&mut self) -> Result<(), NoRoom> {
        self.blocks.grow()
    }

    /// Releases a free block. Returns `false` if there is none.
    pub(crate) fn shrink(&mut self) -> bool {
        self.blocks.shrink()
    }

    /// Releases blocks if many are free.
    #[inline]
    pub(crate) fn trim(&mut self) {
        self.blocks.trim();
    }

    /// Returns the header of an entry and the words that follow it.
    #[inline(always)]
    fn split(&self, entry: EntryAddr) -> (&Header, &[u32]) {
        let words = self.blocks.words(entry.slot()).split_first_chunk();
        let (header, rest): (&[u32; HEADER_WORDS], _) = words.expect(IN_A_SLOT);
        (bytemuck::must_cast_ref(header), rest)
    }

    #[inline(always)]
    fn split_mut(&mut self, entry: EntryAddr) -> (&mut Header, &mut [u32]) {
        let words = self.blocks.words_mut(entry.slot()).split_first_chunk_mut();
        let (header, rest): (&mut [u32; HEADER_WORDS], _) = words.expect(IN_A_SLOT);
        (bytemuck::must_cast_mut(header), rest)
    }

    /// Returns the header of an entry.
    #[inline(always)]
    pub(crate) fn header(&self, entry: EntryAddr) -> &Header {
        self.split(entry).0
    }

    #[inline(always)]
    pub(crate) fn header_mut(&mut self, entry: EntryAddr) -> HeaderMut<'_> {
        HeaderMut::new(self.split_mut(entry).0)
    }

    /// Returns a reference to an entry, for the index.
    #[inline]
    pub(crate) fn reference(&self, entry: EntryAddr) -> EntryRef {
        self.blocks.reference(entry)
    }

    /// Returns the address of an entry.
    ///
    /// # Safety
    ///
    /// As for [`slot`](Self::slot).
    #[inline(always)]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    #[cfg_attr(
        not(target_pointer_width = "32"),
        expect(clippy::unused_self, reason = "a reference is an address")
    )]
    pub(crate) unsafe fn address(&self, entry: EntryRef) -> EntryAddr {
        #[cfg(target_pointer_width = "32")]
        {
            // SAFETY: guaranteed by the caller. `insert` and `evacuate` have recorded the place.
            unsafe {
                let place = self.slot(entry).header().place();
                Blocks::address(entry, place).entry()
            }
        }
        #[cfg(not(target_pointer_width = "32"))]
        entry.address()
    }

    /// Returns access to the hashes of entries, for the index.
    ///
    /// # Safety
    ///
    /// It may only be used for entries that are in a block that exists, even if they have been
    /// removed, as long as their slots have not been used again.
    #[inline(always)]
    #[expect(unsafe_code, reason = "a table that is split reads hundreds of them")]
    pub(crate) const unsafe fn hashes(&self) -> Hashes<'_> {
        Hashes(&self.blocks)
    }

    /// Returns the slot of an entry, after checking it.
    #[inline]
    pub(crate) fn checked_slot(&self, entry: EntryAddr) -> Slot<'_> {
        Slot::new(self.blocks.words(entry.slot()))
    }

    /// Returns the slot of an entry.
    ///
    /// # Safety
    ///
    /// `entry` must be a reference to an existing entry: one that [`insert`](Self::insert) or
    /// [`evacuate`](Self::evacuate) returned, and that has not been removed or moved since.
    #[inline(always)]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    pub(crate) unsafe fn slot(&self, entry: EntryRef) -> Slot<'_> {
        // SAFETY: the slot of an entry is in an existing block and contains everything that its
        // header describes: `insert` wrote both into a slot of a suitable class, and `write` keeps
        // the slots that the entry needs.
        unsafe { Slot::new_unchecked(self.blocks.pointer(entry)) }
    }

    /// Returns the slot of an entry, mutably. Also prefetches the value while the header is still
    /// being loaded.
    ///
    /// # Safety
    ///
    /// As for [`slot`](Self::slot).
    #[inline(always)]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    pub(crate) unsafe fn slot_mut(&mut self, entry: EntryRef) -> SlotMut<'_> {
        // SAFETY: as in `slot`. The line is in the block or its metadata: see `NEXT_LINE`.
        unsafe {
            let pointer = self.blocks.pointer(entry);
            preload_next_line(pointer);
            SlotMut::new_unchecked(pointer)
        }
    }

    /// Reborrows a slot of this arena.
    ///
    /// # Safety
    ///
    /// The entry must not have been removed or moved since the slot was borrowed.
    #[inline(always)]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    pub(crate) const unsafe fn borrow(&self, slot: RawSlot) -> Slot<'_> {
        // SAFETY: blocks never move, and are only released when they are free.
        unsafe { slot.borrow(self) }
    }

    /// Reborrows a slot of this arena mutably.
    ///
    /// # Safety
    ///
    /// As for [`borrow`](Self::borrow).
    #[inline(always)]
    #[expect(unsafe_code, reason = "for the hot paths: see `slot`")]
    pub(crate) const unsafe fn borrow_mut(&mut self, slot: RawSlot) -> SlotMut<'_> {
        // SAFETY: as in `borrow`.
        unsafe { slot.borrow_mut(self) }
    }

    /// Returns this part of a value and the address of the next part.
    pub(crate) fn part(&self, part: SlotAddr) -> (Option<SlotAddr>, &[u8]) {
        let block = self.blocks.of(part);
        let words = &block.words(part)[..block.class().words()];
        let bytes = bytemuck::must_cast_slice(&words[PART_WORDS..]);
        (SlotAddr::from_word(words[0]), bytes)
    }

    /// Returns the layout of an existing entry.
    pub(crate) fn layout(&self, entry: EntryAddr) -> EntryLayout {
        let header = self.header(entry);
        EntryLayout::new(header.key_len(), header.value_len())
    }

    /// Returns `true` if there is room for one more entry.
    #[inline]
    pub(crate) fn fits(&self, layout: &EntryLayout) -> bool {
        if layout.has_parts() {
            let mut demand = Demand::default();
            demand.take(layout);
            return self.fits_all(&demand);
        }
        self.slabs[layout.class.index()].free > 0 || self.blocks.free() > 0
    }

    /// Stores an entry that never expires, and returns its address. There must be
    /// [room](Self::fits) for it.
    ///
    /// # Safety
    ///
    /// `layout` must be the layout of the key and the value.
    #[expect(unsafe_code, reason = "`slot` trusts the header")]
    pub(crate) unsafe fn insert(
        &mut self,
        hash: u32,
        key: &[u8],
        value: &[u8],
        version: u64,
        layout: &EntryLayout,
    ) -> Option<EntryAddr> {
        let entry = self.take(layout.class)?.entry();
        let has_parts = layout.has_parts();
        let (header, rest) = self.split_mut(entry);
        let (key_len, value_len) = (key.len() as u16, value.len() as u32);
        *header = Header::new(hash, key_len, value_len, has_parts);
        #[cfg(target_pointer_width = "32")]
        header.set_place(entry.slot().word());
        HeaderMut::new(header).set_version(version);
        let bytes = bytemuck::must_cast_slice_mut(rest);
        copy(&mut bytes[..key.len()], key);
        if !has_parts {
            copy(&mut bytes[key.len()..key.len() + value.len()], value);
            return Some(entry);
        }
        // From the last part to the first, so that each part can store the address of the next.
        let mut next = None;
        let mut parts = [(layout.class, 0); 3];
        for (part, of) in parts.iter_mut().zip(layout.parts()) {
            *part = of;
        }
        for (class, count) in parts.into_iter().rev() {
            for _ in 0..count {
                let part = self.take(class)?;
                let links = [SlotAddr::to_word(next), entry.to_word()];
                self.blocks.words_mut(part)[..PART_WORDS].copy_from_slice(&links);
                next = Some(part);
            }
        }
        self.split_mut(entry).1[layout.class.parts_word()] = SlotAddr::to_word(next);
        // SAFETY: the entry has just been created for this value.
        unsafe { self.write(entry, value, version) };
        Some(entry)
    }

    /// Replaces a value. Returns the length of the old value.
    ///
    /// # Safety
    ///
    /// Both values must need the same slots ([`EntryLayout::same_slots`]).
    #[expect(unsafe_code, reason = "`slot` trusts the header")]
    pub(crate) unsafe fn write(&mut self, entry: EntryAddr, value: &[u8], version: u64) -> usize {
        let (header, rest) = self.split_mut(entry);
        let (key_len, before) = (header.key_len(), header.value_len());
        // SAFETY: guaranteed by the caller.
        unsafe { header.set_value(value.len() as u32, version) };
        if !header.has_parts() {
            let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(rest);
            copy(&mut bytes[key_len..key_len + value.len()], value);
            return before;
        }
        let layout = EntryLayout::new(key_len, value.len());
        let tail_len = layout.tail as usize;
        let (mut in_parts, tail) = value.split_at(value.len() - tail_len);
        let mut next = SlotAddr::from_word(rest[layout.class.parts_word()]);
        let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(rest);
        copy(&mut bytes[key_len..key_len + tail_len], tail);
        while let (Some(part), false) = (next, in_parts.is_empty()) {
            let block = self.blocks.of_mut(part);
            let len = block.class().words();
            let words = &mut block.words_mut(part)[..len];
            let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(&mut words[PART_WORDS..]);
            let (here, behind) = in_parts.split_at(in_parts.len().min(bytes.len()));
            copy(&mut bytes[..here.len()], here);
            (next, in_parts) = (SlotAddr::from_word(words[0]), behind);
        }
        before
    }

    /// Returns the value of an entry if it is 8 bytes long.
    pub(crate) fn counter(&self, entry: EntryAddr) -> Option<[u8; 8]> {
        self.checked_slot(entry).counter()
    }

    /// Frees all slots of an entry.
    pub(crate) fn remove(&mut self, entry: EntryAddr) {
        if self.header(entry).has_parts() {
            self.remove_parts(entry);
        }
        self.give(entry.slot());
    }

    #[cold]
    #[inline(never)]
    fn remove_parts(&mut self, entry: EntryAddr) {
        let mut next = self.next_slot(entry, entry.slot());
        while let Some(part) = next {
            next = self.part(part).0;
            self.give(part);
        }
    }

    /// Returns the slot of an entry that comes after this one.
    fn next_slot(&self, entry: EntryAddr, slot: SlotAddr) -> Option<SlotAddr> {
        if slot != entry.slot() {
            return self.part(slot).0;
        }
        let (header, rest) = self.split(entry);
        if header.has_parts() {
            SlotAddr::from_word(rest[self.class(slot).parts_word()])
        } else {
            None
        }
    }

    /// Removes all entries except pinned ones. Calls `detach` with the header of each pinned
    /// entry.
    pub(crate) fn remove_all_but_pinned(&mut self, detach: impl Fn(HeaderMut<'_>)) {
        let mut next = self.blocks.first_from(0);
        while let Some(block) = next {
            next = self.blocks.first_from(block.index() + 1);
            let meta = *self.blocks.meta(block);
            let Some(class) = meta.class().filter(|class| !class.is_part()) else {
                continue;
            };
            for slot in self.used_slots(block, class) {
                let entry = slot.entry();
                let header = self.header_mut(entry);
                if header.is_pinned() {
                    detach(header);
                } else {
                    self.remove(entry);
                }
            }
        }
    }

    /// Returns the slots of a block that are currently in use.
    fn used_slots(&self, block: BlockId, class: Class) -> impl Iterator<Item = SlotAddr> + use<> {
        let free = self.blocks.block(block).free_slots(class);
        let bump = usize::from(self.blocks.meta(block).bump());
        let used = (0..bump).filter(move |slot| free >> slot & 1 == 0);
        used.map(move |slot| block.slot(slot * class.words()))
    }

    /// Returns the total size of the slots of an entry, in bytes.
    pub(crate) fn bytes_of(&self, entry: EntryAddr) -> u64 {
        self.layout(entry).bytes()
    }

    /// Returns the class of a slot that is in use.
    fn class(&self, slot: SlotAddr) -> Class {
        self.blocks.of(slot).class()
    }

    /// Allocates a slot. Returns `None` if there is no free slot and no free block.
    fn take(&mut self, class: Class) -> Option<SlotAddr> {
        let block = match self.slabs[class.index()].open.first() {
            Some(block) => block,
            None => {
                let block = self.blocks.take(class)?;
                self.slabs[class.index()].free += class.slots() as u32;
                self.open(block, class);
                block
            }
        };
        let (slot, full) = self.blocks.take_slot(block, class);
        self.slabs[class.index()].free -= 1;
        if let Some(links) = full {
            let open = &mut self.slabs[class.index()].open;
            open.remove(&mut self.blocks, links);
        }
        Some(slot)
    }

    /// Frees a slot.
    fn give(&mut self, slot: SlotAddr) {
        let slabs = &mut self.slabs;
        let first_open = |class: Class| slabs[class.index()].open.first();
        let given = self.blocks.give_slot(slot, first_open);
        let (block, class) = (given.block, given.class);
        if given.is_empty {
            if !given.was_full {
                self.close(block, class);
                self.slabs[class.index()].free -= class.slots() as u32 - 1;
            }
            return self.blocks.give(block);
        }
        let slabs = &mut self.slabs[class.index()];
        slabs.free += 1;
        if given.was_full {
            let _known = slabs.open.push(&mut self.blocks, block);
        }
    }

    /// Adds a block to those that have a free slot.
    fn open(&mut self, block: BlockId, class: Class) {
        let open = &mut self.slabs[class.index()].open;
        self.blocks.push(open, block);
    }

    fn close(&mut self, block: BlockId, class: Class) {
        let open = &mut self.slabs[class.index()].open;
        self.blocks.remove(open, block);
    }
}
