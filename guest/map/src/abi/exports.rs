//! `get` and `set`, whose exports are written by hand: they read and write where keys and
//! values lie, and what they answer nobody has to free. The linker checks their signatures
//! against the contract.

use super::answer::{self, Area};
use crate::{local_map, words};
use alloc::boxed::Box;
use alloc::vec::Vec;
use localmap_abi::Block;
use localmap_engine::Ttl;

/// `get` of `local-map`.
///
/// # Safety
///
/// As the canonical ABI calls it: the key comes from `cabi_realloc`.
#[unsafe(export_name = "localmap:core/local-map@0.1.0#get")]
unsafe extern "C" fn get(key: *mut u8, key_len: usize) -> *const Area {
    // SAFETY: it is ours now.
    let key = unsafe { Vec::from_raw_parts(key, key_len, key_len) };
    local_map::get(&key, answer::list)
}

/// `set` of `local-map`.
///
/// # Safety
///
/// As the canonical ABI calls it: key and value come from `cabi_realloc`.
#[unsafe(export_name = "localmap:core/local-map@0.1.0#set")]
unsafe extern "C" fn set(
    key: *mut u8,
    key_len: usize,
    value: *mut u8,
    value_len: usize,
    ttl: u32,
    nanos: u64,
) -> *const Area {
    // SAFETY: it is ours now.
    let key = unsafe { Vec::from_raw_parts(key, key_len, key_len) };
    // SAFETY: so is this.
    let value = unsafe { Vec::from_raw_parts(value, value_len, value_len) };
    answer::stored(local_map::set(&key, &value, to_ttl(ttl, nanos)))
}

/// `get` of `words`.
#[unsafe(export_name = "localmap:core/words@0.1.0#get")]
#[rustfmt::skip]
extern "C" fn get_words(
    key_len: u32, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64,
) -> *const Area {
    words::get(key_len, &[a, b, c, d, e, f, g, h], answer::words)
}

/// The parameters of `set` of `words`, which are too many to be passed one by one.
#[repr(C)]
struct SetWords {
    key_len: u32,
    key: Block,
    value_len: u32,
    blocks: *mut Block,
    block_count: usize,
    rest: Block,
    ttl: u8,
    nanos: u64,
}

/// As the canonical ABI lays them out.
const _: () = assert!(size_of::<SetWords>() == 168);

/// `set` of `words`.
///
/// # Safety
///
/// As the canonical ABI calls it: the parameters and the blocks come from `cabi_realloc`.
#[unsafe(export_name = "localmap:core/words@0.1.0#set")]
unsafe extern "C" fn set_words(parameters: *mut SetWords) -> *const Area {
    // SAFETY: they are ours now.
    let it = unsafe { Box::from_raw(parameters) };
    // SAFETY: so are these.
    let blocks = unsafe { Vec::from_raw_parts(it.blocks, it.block_count, it.block_count) };
    let ttl = to_ttl(it.ttl.into(), it.nanos);
    answer::stored(words::set(
        it.key_len,
        &it.key,
        it.value_len,
        blocks,
        &it.rest,
        ttl,
    ))
}

/// A TTL as it is passed.
const fn to_ttl(case: u32, nanos: u64) -> Ttl {
    match case {
        0 => Ttl::Default,
        1 => Ttl::Never,
        _ => Ttl::After(nanos),
    }
}
