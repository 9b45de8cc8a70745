//! `localmap:core/blocks`: `get` and `set` with bytes in blocks.

use crate::local_map;
use crate::state::with_map;
use alloc::vec::Vec;
use localmap_abi::{Block, as_bytes, block_count};
use localmap_engine::{Error, KeyFault, Ttl, Value};

/// Reads the value of a key. A key that is longer than its block is absent.
pub(crate) fn get<R>(key_len: u32, key: &Block, read: impl FnOnce(Option<Value<'_>>) -> R) -> R {
    let key = as_bytes(key).get(..key_len as usize).unwrap_or_default();
    local_map::get(key, read)
}

/// Stores a value: its `blocks`, followed by its `rest`.
pub(crate) fn set(
    key_len: u32,
    key: &Block,
    value_len: u32,
    mut blocks: Vec<Block>,
    rest: &Block,
    ttl: Ttl,
) -> Result<u64, Error> {
    let key = as_bytes(key)
        .get(..key_len as usize)
        .ok_or(Error::InvalidKey(KeyFault::TooLong(key_len.into())))?;
    let len = value_len as usize;
    if block_count(len) != blocks.len() {
        return Err(Error::ValueTooLarge(with_map(|map| map.limits().max_value)));
    }
    let value = if blocks.is_empty() {
        as_bytes(rest)
    } else {
        // The list is the last parameter in the scratch memory, so it grows in place.
        blocks.try_reserve_exact(1).map_err(|_| Error::Full)?;
        blocks.push(*rest);
        as_bytes(blocks.as_flattened())
    };
    local_map::set(key, value.get(..len).unwrap_or_default(), ttl)
}
