//! `get` and `set` of the map, through the interface `blocks` if the key is short enough.

use crate::bindings::localmap::core::blocks::{self, Block, BytesParam, Key};
use crate::bindings::localmap::core::local_map::{self as map, Error, Ttl};
use alloc::vec::Vec;

/// The size of a block, and the maximum length of a key for `blocks`, in bytes.
const BLOCK: usize = 64;

/// Returns the value of `key`.
pub(crate) fn get(key: &[u8]) -> Option<Vec<u8>> {
    let Some(key) = to_key(key) else {
        return map::get(key);
    };
    let found = blocks::get(key)?;
    let mut value = Vec::with_capacity((found.blocks.len() + 1) * BLOCK);
    for block in found.blocks.iter().chain([&found.rest]) {
        value.extend_from_slice(localmap_abi::as_bytes(&<[u64; 8]>::from(*block)));
    }
    value.truncate(found.length as usize);
    Some(value)
}

/// Stores a value and returns its version.
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
    blocks::set(key, value, ttl)
}

/// Returns a key for `blocks`, or `None` if it is too long.
fn to_key(key: &[u8]) -> Option<Key> {
    let length = u32::try_from(key.len()).ok()?;
    let fits = key.len() <= BLOCK;
    fits.then(|| Key {
        length,
        bytes: to_block(key),
    })
}

/// Returns a block that contains `bytes`, at most 64, followed by zeros.
fn to_block(bytes: &[u8]) -> Block {
    localmap_abi::to_block(bytes).into()
}
