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

/// Returns the ranks of these hashes, sorted, in a buffer that has room for them.
pub(crate) fn sorted(buffer: &mut [u32], hashes: impl Iterator<Item = u32>) -> &[u32] {
    let mut len = 0;
    for (to, hash) in buffer.iter_mut().zip(hashes) {
        *to = rank(hash);
        len += 1;
    }
    let ranks = &mut buffer[..len];
    ranks.sort_unstable();
    ranks
}
