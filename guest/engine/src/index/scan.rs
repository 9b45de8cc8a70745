//! Going through all entries in the order of their hashes, which stays the same whatever
//! is added, removed or moved meanwhile.

use super::{BUCKET_BITS, Index, TABLE_ENTRIES, wide};
use crate::arena::Arena;

/// The rank of a hash in a scan: its bits from the lowest one that chooses a table
/// upwards, so that the entries of a table come one after another, whether it has been
/// split or not.
const fn rank(hash: u32) -> u32 {
    hash.rotate_right(BUCKET_BITS).reverse_bits()
}

/// The hash of a rank.
const fn hash_of(rank: u32) -> u32 {
    rank.reverse_bits().rotate_left(BUCKET_BITS)
}

impl Index {
    /// Calls with the entries of the table that has rank `from`, those of a lower rank
    /// left out, in the order of their ranks, as long as `visit` says so. Gives the rank
    /// at which the next table begins; `None`: this was the last.
    ///
    /// Entries of the same rank come in no order.
    #[inline(never)]
    pub(crate) fn scan_table(
        &self,
        arena: &Arena,
        from: u32,
        mut visit: impl FnMut(u32, u32) -> bool,
    ) -> Option<u32> {
        let table = self.whole_table(hash_of(from))?;
        let mut ranks = [0; TABLE_ENTRIES];
        let mut len = 0;
        for &entry in &table.entries {
            let rank = rank(arena.header(entry).hash);
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
            let entries = table.entries.iter_hash(wide(hash)).copied();
            for entry in entries.filter(|&entry| arena.header(entry).hash == hash) {
                if !visit(rank, entry) {
                    return Some(rank);
                }
            }
        }
        let width = 1u64 << (32 - u32::from(table.depth));
        u32::try_from((u64::from(from) | (width - 1)) + 1).ok()
    }
}
