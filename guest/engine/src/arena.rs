//! Where entries live: slots with fixed numbers, a list of the free ones, and the
//! account of what all of it costs.

use alloc::{boxed::Box, vec::Vec};

use crate::error::NoRoom;

/// No slot, or no place. A map holds fewer than 2^32 entries, so that no slot has
/// this number.
pub(crate) const NONE: u32 = u32::MAX;

/// What an entry costs beside its block, in bytes, in wasm32: a slot (40), its
/// share of the index (5 for each bucket, of which hashbrown keeps up to 32/7 for
/// an entry under churn: 23) and its place among the deadlines (4, at most
/// doubled: 8), rounded up.
pub const ENTRY_BYTES: u64 = 72;

#[cfg(target_pointer_width = "32")]
const _: () = assert!(size_of::<Slot>() == 40);

/// Slots on a page. Pages do not move when their number grows: no copy, and no
/// moment at which the slots are there twice.
const PAGE: usize = 512;

/// What the entry of a key and a value of these lengths costs, as
/// [`Limits::max_bytes`](crate::Limits::max_bytes) counts.
pub(crate) const fn cost(key_len: usize, value_len: usize) -> u64 {
    ENTRY_BYTES + (key_len as u64 + value_len as u64 + 4).next_multiple_of(16)
}

/// A place for an entry.
#[derive(Default)]
pub(crate) struct Slot {
    /// The value, then the key, so that `take` gives the value without a copy.
    block: Box<[u8]>,
    /// The version of the value.
    pub(crate) version: u64,
    /// When the entry is gone, where `place` is not `NONE`.
    pub(crate) deadline: u64,
    /// The hash of the key.
    pub(crate) hash: u32,
    /// Where the entry stands among the deadlines; `NONE`: it never expires.
    pub(crate) place: u32,
    /// The free slot after this one, where it is free.
    next_free: u32,
    /// 0 in a free slot.
    key_len: u8,
}

impl Slot {
    pub(crate) const fn key_len(&self) -> usize {
        self.key_len as usize
    }

    pub(crate) const fn value_len(&self) -> usize {
        self.block.len() - self.key_len()
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.block[..self.value_len()]
    }

    pub(crate) fn value_mut(&mut self) -> &mut [u8] {
        let len = self.value_len();
        &mut self.block[..len]
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.block[self.value_len()..]
    }

    pub(crate) const fn is_free(&self) -> bool {
        self.key_len == 0
    }

    /// `None`: it never expires.
    pub(crate) fn deadline(&self) -> Option<u64> {
        (self.place != NONE).then_some(self.deadline)
    }

    const fn cost(&self) -> u64 {
        cost(self.key_len(), self.value_len())
    }
}

/// The entries of a map.
pub(crate) struct Arena {
    /// All full but the last.
    pages: Vec<Vec<Slot>>,
    /// The free slot to use next.
    first_free: u32,
    live: u32,
    bytes: u64,
}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self {
            pages: Vec::new(),
            first_free: NONE,
            live: 0,
            bytes: 0,
        }
    }

    /// How many slots hold an entry.
    pub(crate) const fn live(&self) -> u32 {
        self.live
    }

    /// What all entries cost.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many slots there are, free ones too.
    pub(crate) fn slots(&self) -> usize {
        match self.pages.last() {
            Some(last) => (self.pages.len() - 1) * PAGE + last.len(),
            None => 0,
        }
    }

    /// The slots that hold an entry.
    pub(crate) fn occupied(&self) -> impl Iterator<Item = u32> {
        let slots = self.pages.iter().flatten();
        let numbered = (0..NONE).zip(slots);
        numbered.filter_map(|(number, slot)| (!slot.is_free()).then_some(number))
    }

    pub(crate) fn slot(&self, number: u32) -> &Slot {
        &self.pages[number as usize / PAGE][number as usize % PAGE]
    }

    pub(crate) fn slot_mut(&mut self, number: u32) -> &mut Slot {
        &mut self.pages[number as usize / PAGE][number as usize % PAGE]
    }

    /// Stores a new entry, which never expires, and gives its slot. The key has
    /// 1 to 128 bytes.
    pub(crate) fn insert(&mut self, hash: u32, key: &[u8], value: &[u8]) -> Result<u32, NoRoom> {
        let key_len = u8::try_from(key.len()).map_err(|_| NoRoom)?;
        let number = self.reserve_slot()?;
        let block = new_block(value, key)?;
        // From here on nothing fails.
        if number == self.first_free {
            self.first_free = self.slot(number).next_free;
        } else if let Some(page) = self.pages.last_mut() {
            page.push(Slot::default());
        }
        *self.slot_mut(number) = Slot {
            block,
            version: 0,
            deadline: 0,
            hash,
            place: NONE,
            next_free: NONE,
            key_len,
        };
        self.live += 1;
        self.bytes += cost(key.len(), value.len());
        Ok(number)
    }

    /// Gives an entry another value: in place where the length is the same. On
    /// failure the old one stays.
    pub(crate) fn replace(&mut self, number: u32, value: &[u8]) -> Result<(), NoRoom> {
        let slot = self.slot_mut(number);
        if slot.value_len() == value.len() {
            slot.value_mut().copy_from_slice(value);
            return Ok(());
        }
        let before = slot.cost();
        slot.block = new_block(value, slot.key())?;
        let after = slot.cost();
        self.bytes = self.bytes - before + after;
        Ok(())
    }

    /// What all entries would cost if the value of this one had another length.
    pub(crate) fn bytes_after_replace(&self, number: u32, value_len: usize) -> u64 {
        let slot = self.slot(number);
        self.bytes - slot.cost() + cost(slot.key_len(), value_len)
    }

    /// Frees a slot and gives the value that was in it.
    pub(crate) fn remove(&mut self, number: u32) -> Vec<u8> {
        let first_free = self.first_free;
        let slot = self.slot_mut(number);
        let (cost, value_len) = (slot.cost(), slot.value_len());
        let mut block = core::mem::take(&mut slot.block).into_vec();
        slot.key_len = 0;
        slot.place = NONE;
        slot.next_free = first_free;
        self.first_free = number;
        self.live -= 1;
        self.bytes -= cost;
        block.truncate(value_len);
        block
    }

    /// The slot that the next entry gets: a free one, or one past the last for
    /// which there is room.
    fn reserve_slot(&mut self) -> Result<u32, NoRoom> {
        if self.first_free != NONE {
            return Ok(self.first_free);
        }
        let number = u32::try_from(self.slots()).map_err(|_| NoRoom)?;
        if number == NONE {
            return Err(NoRoom);
        }
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            let mut page = Vec::new();
            // The first page grows by and by: most maps are small.
            if !self.pages.is_empty() {
                page.try_reserve_exact(PAGE)?;
            }
            self.pages.try_reserve(1)?;
            self.pages.push(page);
        }
        if let Some(page) = self.pages.last_mut() {
            page.try_reserve(1)?;
        }
        Ok(number)
    }
}

/// A block of exactly the length that it needs.
fn new_block(value: &[u8], key: &[u8]) -> Result<Box<[u8]>, NoRoom> {
    let mut block = Vec::new();
    block.try_reserve_exact(value.len() + key.len())?;
    block.extend_from_slice(value);
    block.extend_from_slice(key);
    Ok(block.into_boxed_slice())
}

#[cfg(test)]
impl Arena {
    /// The free slots, as the list leads from one to the next. Endless where it
    /// goes in a circle.
    pub(crate) fn free_list(&self) -> impl Iterator<Item = u32> {
        let some = |number| (number != NONE).then_some(number);
        core::iter::successors(some(self.first_free), move |&number| {
            some(self.slot(number).next_free)
        })
    }
}
