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

/// At most 64 bytes, and zeros behind.
fn to_block(bytes: &[u8]) -> Block {
    let mut words = [0; 8];
    let (whole, rest) = bytes.as_chunks();
    let mut last = [0; 8];
    if let Some(place) = last.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
    }
    for (word, bytes) in words.iter_mut().zip(whole.iter().chain([&last])) {
        *word = u64::from_le_bytes(*bytes);
    }
    let [a, b, c, d, e, f, g, h] = words;
    (a, b, c, d, e, f, g, h)
}

fn to_bytes((a, b, c, d, e, f, g, h): Block) -> [[u8; 8]; 8] {
    [a, b, c, d, e, f, g, h].map(u64::to_le_bytes)
}
