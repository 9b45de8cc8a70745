//! Exports of the core module that the component does not show. This crate's own host calls them
//! after it has written a key and a value to the room, so that a call needs no `cabi_realloc`. Their
//! results have the layouts of the contract's functions of the same names.

use super::answer::{self, Area};
use super::exports::to_ttl;
use crate::local_map;
use crate::memory::{room, with_room};

/// Returns the address of the room in the lower half, and its size in bytes in the upper half. They
/// do not change.
#[unsafe(export_name = "localmap:host#room")]
extern "C" fn room_of_host() -> u64 {
    let (start, size) = room();
    start as u64 | (size as u64) << 32
}

/// `get` of `local-map`, with the key in the room. A key that does not fit is absent.
#[unsafe(export_name = "localmap:host#get")]
extern "C" fn get(key_len: usize) -> *const Area {
    with_room(key_len, |key| local_map::get(key, answer::list))
}

/// `set` of `local-map`, with the key in the room, followed by the value. Both are empty if they do
/// not fit.
#[unsafe(export_name = "localmap:host#set")]
extern "C" fn set(key_len: usize, value_len: usize, ttl: u32, nanos: u64) -> *const Area {
    with_room(key_len.saturating_add(value_len), |both| {
        let (key, value) = both.split_at_checked(key_len).unwrap_or_default();
        answer::stored(local_map::set(key, value, to_ttl(ttl, nanos)))
    })
}
