//! Where entries live: slots of a few sizes, cut from blocks. An entry is named by the
//! address of its slot, which changes when the slot is needed elsewhere
//! ([`Arena::evacuate`]).

pub(crate) use crate::blocks::NONE;

use crate::blocks::{Blocks, NO_SLOT};
use crate::entry::{Header, copy};
use crate::error::NoRoom;
use crate::layout::{BLOCK_BYTES, BLOCK_WORDS, Class, HEADER_WORDS, Layout, PART_WORDS};
use crate::list::Links;
use crate::slot::{Slot, SlotMut};

use crate::value::Value;

const IN_A_SLOT: &str = "the smallest slot holds a header";

/// How many blocks of a class are looked at for the one that is least in use.
const LOOKED_AT: usize = 8;

/// The blocks of one class.
#[derive(Clone, Copy)]
struct Slabs {
    /// The first that has a free slot.
    open: u32,
    /// Free slots in all of them.
    free: u32,
}

/// Slots that are wanted, less those that are given back for them.
pub(crate) struct Demand {
    slots: [i64; Class::COUNT],
    /// Blocks that are given back.
    blocks: u64,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            slots: [0; Class::COUNT],
            blocks: 0,
        }
    }
}

impl Demand {
    /// The blocks that it takes where all blocks are free.
    pub(crate) fn blocks(&self) -> u64 {
        let slots = self.slots.iter().zip(Class::all());
        let blocks = slots.map(|(&slots, class)| {
            let slots = slots.max(0).cast_unsigned();
            slots.div_ceil(class.slots() as u64)
        });
        blocks.sum()
    }

    /// Adds what an entry needs.
    pub(crate) fn take(&mut self, layout: &Layout) {
        for (class, count) in layout.slots() {
            self.slots[class.index()] += i64::from(count);
        }
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
                open: NONE,
                free: 0,
            }; Class::COUNT],
        }
    }

    /// Bytes of all blocks and of what is kept about them.
    pub(crate) fn bytes(&self) -> u64 {
        self.blocks.bytes()
    }

    /// Bytes that are held and free.
    pub(crate) fn free_bytes(&self) -> u64 {
        let slots = Class::all().map(|class| {
            let free = self.slabs[class.index()].free;
            u64::from(free) * 4 * class.words() as u64
        });
        u64::from(self.blocks.free()) * BLOCK_BYTES + slots.sum::<u64>()
    }

    /// Blocks, free or not.
    pub(crate) fn blocks(&self) -> u64 {
        self.blocks.held().into()
    }

    /// How many blocks are worth adding at a time.
    pub(crate) const fn worth_adding(&self) -> u32 {
        self.blocks.worth_adding()
    }

    /// The bytes that one block more takes.
    pub(crate) fn growth(&self) -> u64 {
        self.blocks.growth()
    }

    /// Adds a block.
    pub(crate) fn grow(&mut self) -> Result<(), NoRoom> {
        self.blocks.grow()
    }

    /// Gives up a block that is free, if there is one.
    pub(crate) fn shrink(&mut self) -> bool {
        self.blocks.shrink()
    }

    /// Gives up blocks where many are free.
    #[inline]
    pub(crate) fn trim(&mut self) {
        self.blocks.trim();
    }

    /// The header of an entry, and the words behind it.
    #[inline(always)]
    fn split(&self, entry: u32) -> (&Header, &[u32]) {
        let words = self.blocks.words(entry).split_first_chunk();
        let (header, rest): (&[u32; HEADER_WORDS], _) = words.expect(IN_A_SLOT);
        (bytemuck::must_cast_ref(header), rest)
    }

    #[inline(always)]
    fn split_mut(&mut self, entry: u32) -> (&mut Header, &mut [u32]) {
        let words = self.blocks.words_mut(entry).split_first_chunk_mut();
        let (header, rest): (&mut [u32; HEADER_WORDS], _) = words.expect(IN_A_SLOT);
        (bytemuck::must_cast_mut(header), rest)
    }

    #[inline(always)]
    pub(crate) fn header(&self, entry: u32) -> &Header {
        self.split(entry).0
    }

    #[inline(always)]
    pub(crate) fn header_mut(&mut self, entry: u32) -> &mut Header {
        self.split_mut(entry).0
    }

    /// The value of an entry.
    #[inline(always)]
    pub(crate) fn value(&self, entry: u32) -> Value<'_> {
        Value::new(self, self.slot(entry))
    }

    #[inline]
    pub(crate) fn key(&self, entry: u32) -> &[u8] {
        let (header, rest) = self.split(entry);
        &bytemuck::must_cast_slice::<u32, u8>(rest)[..header.key_len as usize]
    }

    /// An entry where it lies.
    #[inline(always)]
    pub(crate) fn slot(&self, entry: u32) -> Slot<'_> {
        Slot::new(self.blocks.words(entry))
    }

    /// An entry where it lies, to be changed.
    #[inline(always)]
    pub(crate) fn slot_mut(&mut self, entry: u32) -> SlotMut {
        SlotMut::new(self.blocks.words_mut(entry))
    }

    /// The part of a value that lies here, and where the next one does.
    pub(crate) fn part(&self, part: u32) -> (u32, &[u8]) {
        let words = &self.blocks.words(part)[..self.class(part).words()];
        (words[0], bytemuck::must_cast_slice(&words[PART_WORDS..]))
    }

    /// The layout of an entry that is there.
    pub(crate) fn layout(&self, entry: u32) -> Layout {
        let header = self.header(entry);
        Layout::new(header.key_len as usize, header.value_len as usize)
    }

    /// Whether there is room for one entry more.
    #[inline]
    pub(crate) fn fits(&self, layout: &Layout) -> bool {
        if layout.has_parts() {
            let mut demand = Demand::default();
            demand.take(layout);
            return self.fits_all(&demand);
        }
        self.slabs[layout.class.index()].free > 0 || self.blocks.free() > 0
    }

    /// Whether there is room for all of this.
    pub(crate) fn fits_all(&self, demand: &Demand) -> bool {
        let missing = demand.slots.iter().zip(&self.slabs).zip(Class::all());
        let blocks = missing.map(|((&slots, slabs), class)| {
            let missing = (slots - i64::from(slabs.free)).max(0);
            missing.cast_unsigned().div_ceil(class.slots() as u64)
        });
        blocks.sum::<u64>() <= demand.blocks + u64::from(self.blocks.free())
    }

    /// Counts what an entry would give back.
    pub(crate) fn give_back(&mut self, entry: u32, demand: &mut Demand) {
        let mut slot = entry;
        while slot != NONE {
            let class = self.class(slot);
            demand.slots[class.index()] -= 1;
            let info = self.blocks.info_mut(block_of(slot));
            info.given += 1;
            if info.given == info.used {
                // All of its block is free then, not only slots.
                demand.slots[class.index()] += class.slots() as i64;
                demand.blocks += 1;
            }
            slot = self.next_slot(entry, slot);
        }
    }

    /// Forgets what [`give_back`](Self::give_back) has counted.
    pub(crate) fn forget_given(&mut self, entry: u32) {
        let mut slot = entry;
        while slot != NONE {
            self.blocks.info_mut(block_of(slot)).given = 0;
            slot = self.next_slot(entry, slot);
        }
    }

    /// How many blocks these entries lie in.
    #[expect(clippy::needless_pass_by_value, reason = "an iterator is used up")]
    pub(crate) fn count_blocks(&mut self, entries: impl Iterator<Item = u32> + Clone) -> u64 {
        let mut blocks = 0;
        for (mark, entry) in [true, false]
            .into_iter()
            .flat_map(|mark| entries.clone().map(move |entry| (mark, entry)))
        {
            let mut slot = entry;
            while slot != NONE {
                let info = self.blocks.info_mut(block_of(slot));
                blocks += u64::from(mark && !info.marked);
                info.marked = mark;
                slot = self.next_slot(entry, slot);
            }
        }
        blocks
    }

    /// Stores an entry that never expires, for which there is [room](Self::fits), and
    /// tells where it lies.
    pub(crate) fn insert(
        &mut self,
        hash: u32,
        key: &[u8],
        value: &[u8],
        layout: &Layout,
    ) -> Option<u32> {
        let entry = self.take(layout.class)?;
        let has_parts = layout.has_parts();
        let flags = if has_parts { Header::PARTS } else { 0 };
        let (header, rest) = self.split_mut(entry);
        *header = Header::new(hash, key.len() as u16, value.len() as u32, flags);
        let bytes = bytemuck::must_cast_slice_mut(rest);
        copy(&mut bytes[..key.len()], key);
        if !has_parts {
            copy(&mut bytes[key.len()..key.len() + value.len()], value);
            return Some(entry);
        }
        // From the last part to the first, so that each one knows the next.
        let mut next = NONE;
        let mut parts = [(layout.class, 0); 3];
        for (part, of) in parts.iter_mut().zip(layout.parts()) {
            *part = of;
        }
        for (class, count) in parts.into_iter().rev() {
            for _ in 0..count {
                let part = self.take(class)?;
                self.blocks.words_mut(part)[..PART_WORDS].copy_from_slice(&[next, entry]);
                next = part;
            }
        }
        self.split_mut(entry).1[layout.class.parts_word()] = next;
        self.write(entry, value);
        Some(entry)
    }

    /// Writes a value in place of one of the same layout.
    pub(crate) fn write(&mut self, entry: u32, value: &[u8]) {
        let (header, rest) = self.split_mut(entry);
        let key_len = header.key_len as usize;
        header.value_len = value.len() as u32;
        if !header.has(Header::PARTS) {
            let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(rest);
            copy(&mut bytes[key_len..key_len + value.len()], value);
            return;
        }
        let layout = Layout::new(key_len, value.len());
        let tail_len = layout.tail as usize;
        let (mut in_parts, tail) = value.split_at(value.len() - tail_len);
        let mut part = rest[layout.class.parts_word()];
        let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(rest);
        copy(&mut bytes[key_len..key_len + tail_len], tail);
        while !in_parts.is_empty() {
            let class = self.class(part);
            let words = &mut self.blocks.words_mut(part)[..class.words()];
            let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(&mut words[PART_WORDS..]);
            let (here, behind) = in_parts.split_at(in_parts.len().min(bytes.len()));
            copy(&mut bytes[..here.len()], here);
            (part, in_parts) = (words[0], behind);
        }
    }

    /// The value of an entry, where it has 8 bytes.
    pub(crate) fn counter(&self, entry: u32) -> Option<[u8; 8]> {
        let value = self.value(entry).as_slice()?;
        value.try_into().ok()
    }

    /// Gives back all that an entry takes.
    pub(crate) fn remove(&mut self, entry: u32) {
        let mut part = self.next_slot(entry, entry);
        while part != NONE {
            let next = self.part(part).0;
            self.give(part);
            part = next;
        }
        self.give(entry);
    }

    /// Calls with each slot of an entry and its class.
    #[cfg(any(test, feature = "validate"))]
    pub(crate) fn for_each_slot(&self, entry: u32, mut visit: impl FnMut(u32, Class)) {
        let mut slot = entry;
        while slot != NONE {
            visit(slot, self.class(slot));
            slot = self.next_slot(entry, slot);
        }
    }

    /// The slot of an entry that follows this one.
    fn next_slot(&self, entry: u32, slot: u32) -> u32 {
        if slot != entry {
            return self.part(slot).0;
        }
        let (header, rest) = self.split(entry);
        if header.has(Header::PARTS) {
            rest[self.class(entry).parts_word()]
        } else {
            NONE
        }
    }

    /// Gives back all entries but those that are pinned, which become detached.
    pub(crate) fn detach_all_but_pinned(&mut self) {
        for block in 0..self.blocks.end() {
            if !self.blocks.is_held(block) {
                continue;
            }
            let info = *self.blocks.info(block);
            let Some(class) = info.class().filter(|class| !class.is_part()) else {
                continue;
            };
            let free = self.free_slots(block, class);
            for slot in (0..info.carved as usize).filter(|slot| free >> slot & 1 == 0) {
                let entry = address(block, slot * class.words());
                let header = self.header_mut(entry);
                if header.has(Header::PINNED) {
                    header.flags |= Header::DETACHED;
                    header.due = Links::NONE;
                } else {
                    self.remove(entry);
                }
            }
        }
    }

    /// The slots of a block that have been in use and are free, as bits.
    fn free_slots(&self, block: u32, class: Class) -> u128 {
        let mut free = 0;
        let mut next = self.blocks.info(block).free;
        while next != NO_SLOT {
            free |= 1 << (next as usize / class.words());
            next = self.blocks.words(address(block, next as usize))[0] as u16;
        }
        free
    }

    /// Bytes of all slots of an entry.
    pub(crate) fn bytes_of(&self, entry: u32) -> u64 {
        self.layout(entry).bytes()
    }

    /// Makes a free block of one that has few slots in use, where others of its class
    /// have room for them. Tells `moved` of each entry that lies elsewhere then: where
    /// it was and where it is. False: there is no such block.
    ///
    /// Moves fewer than 79 entries or parts.
    pub(crate) fn evacuate(&mut self, mut moved: impl FnMut(&mut Self, u32, u32)) -> bool {
        let sparse = Class::all().find_map(|class| self.sparse(class));
        let Some((block, class)) = sparse else {
            return false;
        };
        let info = *self.blocks.info(block);
        self.close(block, class);
        self.slabs[class.index()].free -= class.slots() as u32 - u32::from(info.used);
        let free = self.free_slots(block, class);
        for slot in (0..info.carved as usize).filter(|slot| free >> slot & 1 == 0) {
            let from = address(block, slot * class.words());
            // The others have room: see `sparse`.
            let Some(to) = self.take(class) else { break };
            let mut words = [0; BLOCK_WORDS / 2];
            let words = &mut words[..class.words()];
            words.copy_from_slice(&self.blocks.words(from)[..class.words()]);
            self.blocks.words_mut(to)[..class.words()].copy_from_slice(words);
            if class.is_part() {
                self.part_moved(from, to);
            } else {
                self.parts_follow(to);
                moved(self, from, to);
            }
        }
        self.blocks.give(block);
        true
    }

    /// A block of a class whose slots would fit into the others of that class.
    fn sparse(&self, class: Class) -> Option<(u32, Class)> {
        let slabs = self.slabs[class.index()];
        if class.slots() == 1 || slabs.free < class.slots() as u32 {
            return None;
        }
        let next = |&block: &u32| Some(self.blocks.info(block).next).filter(|&next| next != NONE);
        core::iter::successors(Some(slabs.open), next)
            .take(LOOKED_AT)
            .min_by_key(|&block| self.blocks.info(block).used)
            .map(|block| (block, class))
    }

    /// Whoever leads to a part learns where it is now.
    fn part_moved(&mut self, from: u32, to: u32) {
        let entry = self.blocks.words(to)[1];
        let parts_word = self.class(entry).parts_word();
        let first = &mut self.split_mut(entry).1[parts_word];
        if *first == from {
            *first = to;
            return;
        }
        let mut part = *first;
        while part != NONE {
            let words = self.blocks.words_mut(part);
            if words[0] == from {
                words[0] = to;
                return;
            }
            part = words[0];
        }
    }

    /// The parts of an entry that has moved learn where it is now.
    fn parts_follow(&mut self, entry: u32) {
        let mut part = self.next_slot(entry, entry);
        while part != NONE {
            let words = self.blocks.words_mut(part);
            words[1] = entry;
            part = words[0];
        }
    }

    /// The class of a slot that is in use.
    fn class(&self, slot: u32) -> Class {
        self.blocks
            .info(block_of(slot))
            .class()
            .unwrap_or(Class::LARGEST)
    }

    /// Takes a slot. `None`: there is none, and no free block.
    fn take(&mut self, class: Class) -> Option<u32> {
        let mut block = self.slabs[class.index()].open;
        if block == NONE {
            block = self.blocks.take()?;
            self.blocks.info_mut(block).set_class(class);
            self.slabs[class.index()].free += class.slots() as u32;
            self.open(block, class);
        }
        let info = self.blocks.info_mut(block);
        let full = usize::from(info.used) + 1 == class.slots();
        info.used += 1;
        let offset = if info.free == NO_SLOT {
            info.carved += 1;
            (info.carved as usize - 1) * class.words()
        } else {
            info.free as usize
        };
        let slot = address(block, offset);
        if info.free != NO_SLOT {
            let next = self.blocks.words(slot)[0] as u16;
            self.blocks.info_mut(block).free = next;
        }
        self.slabs[class.index()].free -= 1;
        if full {
            self.close(block, class);
        }
        Some(slot)
    }

    /// Gives a slot back.
    fn give(&mut self, slot: u32) {
        let (block, class) = (block_of(slot), self.class(slot));
        let info = self.blocks.info_mut(block);
        let was_full = usize::from(info.used) == class.slots();
        info.used -= 1;
        let (used, next) = (info.used, info.free);
        if used == 0 {
            if !was_full {
                self.close(block, class);
                self.slabs[class.index()].free -= class.slots() as u32 - 1;
            }
            return self.blocks.give(block);
        }
        info.free = (slot as usize % BLOCK_WORDS) as u16;
        self.blocks.words_mut(slot)[0] = next.into();
        self.slabs[class.index()].free += 1;
        if was_full {
            self.open(block, class);
        }
    }

    /// Puts a block among those that have a free slot.
    fn open(&mut self, block: u32, class: Class) {
        self.blocks.link(&mut self.slabs[class.index()].open, block);
    }

    fn close(&mut self, block: u32, class: Class) {
        self.blocks
            .unlink(&mut self.slabs[class.index()].open, block);
    }
}

#[cfg(any(test, feature = "validate"))]
impl Arena {
    pub(crate) fn class_of(&self, slot: u32) -> Class {
        self.class(slot)
    }

    /// Blocks and lists must agree with the slots that are in use.
    pub(crate) fn validate_blocks(&self, slots: &alloc::collections::BTreeSet<u32>) {
        let mut free = [0; Class::COUNT];
        let (mut free_blocks, mut used, mut listed) = (0, 0, 0);
        for block in self.blocks.numbers() {
            let info = self.blocks.info(block);
            let Some(class) = info.class() else {
                free_blocks += 1;
                continue;
            };
            let here = slots.range(address(block, 0)..=address(block, BLOCK_WORDS - 1));
            let freed = self.free_slots(block, class);
            let mut count = 0;
            for slot in here {
                let at = *slot as usize % BLOCK_WORDS;
                assert_eq!(at % class.words(), 0, "a slot that lies between two");
                let at = at / class.words();
                assert!(at < info.carved.into() && freed >> at & 1 == 0);
                count += 1;
            }
            assert_eq!(count, info.used, "a slot that leaks");
            assert_eq!(info.carved, info.used + freed.count_ones() as u8);
            assert!(info.used > 0, "a block that is empty and not free");
            used += usize::from(info.used);
            free[class.index()] += class.slots() as u32 - u32::from(info.used);
            listed += usize::from(usize::from(info.used) < class.slots());
        }
        assert_eq!(used, slots.len());
        assert_eq!(free_blocks, self.blocks.free());
        for class in Class::all() {
            let slabs = self.slabs[class.index()];
            assert_eq!(slabs.free, free[class.index()]);
            let mut block = slabs.open;
            while block != NONE {
                let info = self.blocks.info(block);
                assert_eq!(info.class(), Some(class));
                assert!(usize::from(info.used) < class.slots());
                listed -= 1;
                block = info.next;
            }
        }
        assert_eq!(listed, 0, "a block with a free slot that is not listed");
    }
}

/// The block that a slot lies in.
pub(crate) const fn block_of(slot: u32) -> u32 {
    slot / BLOCK_WORDS as u32
}

const fn address(block: u32, offset: usize) -> u32 {
    block * BLOCK_WORDS as u32 + offset as u32
}
