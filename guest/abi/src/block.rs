//! Blocks, the units in which the contract's interface `blocks` passes keys and values.

/// 64 bytes: eight little-endian 64-bit words.
pub type Block = [u64; 8];

/// Returns the number of whole blocks before a value's `rest`, which holds the last 1 to 64
/// bytes (none, if the value is empty).
pub const fn block_count(len: usize) -> usize {
    len.saturating_sub(1) / size_of::<Block>()
}

/// Returns the bytes of `words`. WebAssembly is little-endian.
pub const fn as_bytes(words: &[u64]) -> &[u8] {
    bytemuck::must_cast_slice(words)
}

/// Returns a block that contains `bytes`, at most 64, followed by zeros.
pub fn to_block(mut bytes: &[u8]) -> Block {
    let mut padded = [0; size_of::<Block>()];
    let mut room = &mut padded[..];
    // The compiler knows the length of each step, so a step takes a few instructions and
    // no call of `memcpy`.
    macro_rules! steps {
        ($($len:literal)*) => {
            $(if let Some(from) = bytes.split_off(..$len)
                && let Some(to) = room.split_off_mut(..$len)
            {
                to.copy_from_slice(from);
            })*
        };
    }
    steps!(64 32 16 8 4 2 1);
    let mut block = [0; 8];
    for (word, bytes) in block.iter_mut().zip(padded.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    block
}
