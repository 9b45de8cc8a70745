//! The operations that look.

use super::{Entry, Map};
use crate::clock::Clock;
use crate::entry::Wanted;
use crate::limits::{LONGEST_KEY, MAX_PAGE_BYTES};
use crate::slot::SlotMut;
use crate::value::Value;

impl<C: Clock> Map<C> {
    /// The value of `key`.
    #[inline(always)]
    pub fn get(&mut self, key: &[u8]) -> Option<Value<'_>> {
        let (_, slot) = self.read(key)?;
        Some(Value::new(&self.arena, slot.share(&self.arena)))
    }

    /// The value of `key` with its version and the time it has left.
    pub fn get_entry(&mut self, key: &[u8]) -> Option<Entry<'_>> {
        let (entry, _) = self.read(key)?;
        let expires_in = self.expires_in(entry);
        Some(Entry {
            value: self.arena.value(entry),
            version: self.arena.header(entry).version,
            expires_in,
        })
    }

    /// Gives the values of several keys to `visit`, all as of one instant, in
    /// their order.
    ///
    /// The answer holds at most [`MAX_PAGE_BYTES`] of values, but at least one
    /// answer: `visit` may be called fewer times than there are keys. Ask again
    /// for the rest.
    pub fn get_many<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        mut visit: impl FnMut(Option<Value<'_>>),
    ) {
        self.clock.begin();
        let mut bytes = 0;
        for (answers, key) in keys.enumerate() {
            let found = self.find(key);
            let value = found.map(|entry| self.arena.value(entry));
            bytes += value.map_or(0, |value| value.len());
            if bytes > MAX_PAGE_BYTES && answers > 0 {
                return;
            }
            visit(value);
            match found {
                Some(entry) => {
                    self.counts.hits += 1;
                    self.eviction.used(&mut self.arena, entry);
                }
                None => self.counts.misses += 1,
            }
        }
    }

    /// Whether `key` is there. Counts as neither hit nor miss, and is no use of it.
    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.clock.begin();
        self.find(key).is_some()
    }

    /// Finds a living entry, and counts. Goes to the entry once, and does all there that
    /// a read does: this is what a map is asked for most.
    #[inline(always)]
    pub(super) fn read(&mut self, key: &[u8]) -> Option<(u32, SlotMut)> {
        if key.len() <= LONGEST_KEY {
            let wanted = Wanted::new(key);
            let hash = self.hasher.hash(&wanted);
            for entry in self.index.candidates(hash) {
                let mut slot = self.arena.slot_mut(entry);
                if !slot.has_key(&wanted) {
                    continue;
                }
                if let Some(deadline) = slot.header_mut().deadline()
                    && self.clock.reached_first(deadline)
                {
                    self.expire(entry);
                    break;
                }
                self.counts.hits += 1;
                if self.eviction.use_moves(slot.header_mut()) {
                    slot = self.eviction.put_first(&mut self.arena, entry);
                }
                return Some((entry, slot));
            }
        }
        self.counts.misses += 1;
        None
    }
}
