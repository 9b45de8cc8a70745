//! Scans of all entries in the order of their hashes, which does not change when entries are
//! added, removed or moved.

use super::ranks::{hash_of, rank};
use super::{Index, TABLE_ENTRIES, wide};
use crate::arena::Arena;
use crate::slot::Slot;

impl Index {
    /// Calls `visit` with the entries of the table for rank `from`, in the order of their ranks,
    /// for as long as `visit` returns `true`. Skips entries with a lower rank than `from`. Returns
    /// the rank at which the next table begins, or `None` if this was the last table.
    ///
    /// Entries of the same rank are in no particular order.
    ///
    /// # Safety
    ///
    /// As for [`find`](Self::find).
    #[inline(never)]
    #[expect(unsafe_code, reason = "a page visits hundreds of entries")]
    pub(crate) unsafe fn scan_table<'a>(
        &self,
        arena: &'a Arena,
        from: u32,
        mut visit: impl FnMut(u32, Slot<'a>) -> bool,
    ) -> Option<u32> {
        // SAFETY: guaranteed by the caller.
        let slot = |entry| unsafe { arena.slot(entry) };
        let table = self.whole_table(hash_of(from))?;
        let mut ranks = [0; TABLE_ENTRIES];
        let mut len = 0;
        for &entry in &table.entries {
            let rank = rank(slot(entry).header().hash());
            if rank >= from {
                ranks[len] = rank;
                len += 1;
            }
        }
        let ranks = &mut ranks[..len];
        ranks.sort_unstable();
        for ranks in ranks.chunk_by(|a, b| a == b) {
            let rank = ranks[0];
            let hash = hash_of(rank);
            let slots = table
                .entries
                .iter_hash(wide(hash))
                .map(|&entry| slot(entry));
            for slot in slots.filter(|slot| slot.header().hash() == hash) {
                if !visit(rank, slot) {
                    return Some(rank);
                }
            }
        }
        let width = 1u64 << (32 - u32::from(table.depth));
        u32::try_from((u64::from(from) | (width - 1)) + 1).ok()
    }
}
