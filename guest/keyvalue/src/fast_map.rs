//! `get` and `set` of the map: by words, where the key is short enough for it.

use crate::bindings::localmap::core::local_map::{self as map, Error, Ttl};
use crate::bindings::localmap::core::words::{self, Block, BytesParam, Key};
use alloc::vec::Vec;

/// Bytes of a block, and of the longest key that words carry.
const BLOCK: usize = 64;

/// The value of a key.
pub(crate) fn get(key: &[u8]) -> Option<Vec<u8>> {
    let Some(key) = to_key(key) else {
        return map::get(key);
    };
    let found = words::get(key)?;
    let mut value = Vec::with_capacity((found.blocks.len() + 1) * BLOCK);
    for block in found.blocks.iter().chain([&found.rest]) {
        value.extend_from_slice(to_bytes(*block).as_flattened());
    }
    value.truncate(found.length as usize);
    Some(value)
}

/// Stores a value.
pub(crate) fn set(key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
    let (Some(key), Ok(length)) = (to_key(key), u32::try_from(value.len())) else {
        return map::set(key, value, ttl);
    };
    let (blocks, rest) = value.split_at(value.len().saturating_sub(1) / BLOCK * BLOCK);
    let blocks: Vec<Block> = blocks.chunks(BLOCK).map(to_block).collect();
    let value = BytesParam {
        length,
        blocks: &blocks,
        rest: to_block(rest),
    };
    words::set(key, value, ttl)
}

fn to_key(key: &[u8]) -> Option<Key> {
    let length = u32::try_from(key.len()).ok()?;
    let fits = key.len() <= BLOCK;
    fits.then(|| Key {
        length,
        bytes: to_block(key),
    })
}

/// Returns a block with at most 64 bytes, followed by zeros.
fn to_block(bytes: &[u8]) -> Block {
    localmap_abi::to_block(bytes).into()
}

fn to_bytes(block: Block) -> [[u8; 8]; 8] {
    <[u64; 8]>::from(block).map(u64::to_le_bytes)
}
