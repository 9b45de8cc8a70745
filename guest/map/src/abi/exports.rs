//! The hand-written exports. They read arguments where the caller's adapter has stored them, and
//! return results that need not be freed. The linker checks their signatures against the contract.

use super::answer::{self, Area, ChangedList};
use crate::{blocks, changes, local_map, packed};
use alloc::boxed::Box;
use alloc::vec::Vec;
use localmap_abi::{Block, as_bytes};
use localmap_engine::Ttl;

/// `get` of `local-map`.
///
/// # Safety
///
/// `key` must be a block of `key_len` bytes from `cabi_realloc`, which this function takes
/// over.
#[unsafe(export_name = "localmap:core/local-map@0.1.0#get")]
unsafe extern "C" fn get(key: *mut u8, key_len: usize) -> *const Area {
    // SAFETY: the caller passes ownership of the key.
    let key = unsafe { Vec::from_raw_parts(key, key_len, key_len) };
    local_map::get(&key, answer::list)
}

/// `set` of `local-map`.
///
/// # Safety
///
/// `key` and `value` must be blocks of `key_len` and `value_len` bytes from `cabi_realloc`,
/// which this function takes over.
#[unsafe(export_name = "localmap:core/local-map@0.1.0#set")]
unsafe extern "C" fn set(
    key: *mut u8,
    key_len: usize,
    value: *mut u8,
    value_len: usize,
    ttl: u32,
    nanos: u64,
) -> *const Area {
    // SAFETY: the caller passes ownership of the key.
    let key = unsafe { Vec::from_raw_parts(key, key_len, key_len) };
    // SAFETY: the caller passes ownership of the value.
    let value = unsafe { Vec::from_raw_parts(value, value_len, value_len) };
    answer::stored(local_map::set(&key, &value, to_ttl(ttl, nanos)))
}

/// `get` of `blocks`.
#[unsafe(export_name = "localmap:core/blocks@0.1.0#get")]
#[rustfmt::skip]
extern "C" fn get_blocks(
    key_len: u32, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64,
) -> *const Area {
    blocks::get(key_len, &[a, b, c, d, e, f, g, h], answer::blocks)
}

/// The parameters of `set` of `blocks`, which are too many to pass one by one.
#[repr(C)]
struct SetBlocks {
    key_len: u32,
    key: Block,
    value_len: u32,
    blocks: *mut Block,
    block_count: usize,
    rest: Block,
    ttl: u8,
    nanos: u64,
}

/// Checks the size against the canonical ABI.
const _: () = assert!(size_of::<SetBlocks>() == 168);

/// `set` of `blocks`.
///
/// # Safety
///
/// `parameters` must come from `cabi_realloc`, and so must the blocks in it. This function
/// takes both over.
#[unsafe(export_name = "localmap:core/blocks@0.1.0#set")]
unsafe extern "C" fn set_blocks(parameters: *mut SetBlocks) -> *const Area {
    // SAFETY: the caller passes ownership of the parameters.
    let set = unsafe { Box::from_raw(parameters) };
    // SAFETY: the caller passes ownership of the blocks.
    let blocks = unsafe { Vec::from_raw_parts(set.blocks, set.block_count, set.block_count) };
    let ttl = to_ttl(set.ttl.into(), set.nanos);
    answer::stored(blocks::set(
        set.key_len,
        &set.key,
        set.value_len,
        blocks,
        &set.rest,
        ttl,
    ))
}

/// `get-packed` of `blocks`.
///
/// # Safety
///
/// `keys` must be `count` blocks from `cabi_realloc`, which this function takes over.
#[unsafe(export_name = "localmap:core/blocks@0.1.0#get-packed")]
unsafe extern "C" fn get_packed(keys: *mut Block, count: usize) -> *const Area {
    // SAFETY: the caller passes ownership of the keys.
    let keys = unsafe { Vec::from_raw_parts(keys, count, count) };
    answer::packed(packed::get(as_bytes(keys.as_flattened())))
}

/// `apply-packed` of `blocks`.
///
/// # Safety
///
/// `changes` must be `count` blocks from `cabi_realloc`, which this function takes over.
#[unsafe(export_name = "localmap:core/blocks@0.1.0#apply-packed")]
unsafe extern "C" fn apply_packed(changes: *mut Block, count: usize) -> *const Area {
    // SAFETY: the caller passes ownership of the changes.
    let changes = unsafe { Vec::from_raw_parts(changes, count, count) };
    answer::packed(packed::apply(as_bytes(changes.as_flattened())))
}

/// `drain` of `changes`.
#[unsafe(export_name = "localmap:core/changes@0.1.0#drain")]
extern "C" fn drain() -> *const Area {
    let mut changed = ChangedList::new();
    let told = changes::drain(|change| changed.push(change));
    answer::told(changed, told)
}

/// Converts a TTL from its case and payload.
pub(super) const fn to_ttl(case: u32, nanos: u64) -> Ttl {
    match case {
        0 => Ttl::Default,
        1 => Ttl::Never,
        _ => Ttl::After(nanos),
    }
}
