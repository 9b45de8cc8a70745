//! The ranks of hashes: an order in which those of a table are consecutive, whether or not it has been
//! split.

use super::BUCKET_BITS;

/// Returns the rank of a hash: its bits in reverse order, beginning with the lowest bit that chooses a
/// table.
pub(super) const fn rank(hash: u32) -> u32 {
    hash.rotate_right(BUCKET_BITS).reverse_bits()
}

/// Returns the hash with this rank.
pub(crate) const fn hash_of(rank: u32) -> u32 {
    rank.reverse_bits().rotate_left(BUCKET_BITS)
}

/// The ranks of at most `MAX` entries that are about to be added, sorted.
pub(crate) struct Ranks<const MAX: usize> {
    ranks: [u32; MAX],
    len: usize,
}

impl<const MAX: usize> Ranks<MAX> {
    pub(crate) fn of(hashes: impl Iterator<Item = u32>) -> Self {
        let (mut ranks, mut len) = ([0; MAX], 0);
        for (to, hash) in ranks.iter_mut().zip(hashes) {
            *to = rank(hash);
            len += 1;
        }
        ranks[..len].sort_unstable();
        Self { ranks, len }
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        &self.ranks[..self.len]
    }
}
