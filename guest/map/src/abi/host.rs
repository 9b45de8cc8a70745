//! Exports of the core module that the component does not show. This crate's own host calls them
//! with a key and a value that it has written to [`ROOM`], so that a call needs no `cabi_realloc`.
//! Their results have the layouts of the contract's functions of the same names.

use super::answer::{self, Area};
use super::exports::to_ttl;
use crate::local_map;
use core::cell::UnsafeCell;

/// The size of the room in bytes: the longest key and a value of the usual size.
const ROOM_SIZE: usize = 2 << 10;

/// Bytes that the host writes between calls.
#[repr(C, align(16))]
struct Room(UnsafeCell<[u8; ROOM_SIZE]>);

// SAFETY: an instance has one thread, and the host writes only between calls.
unsafe impl Sync for Room {}

/// The key of a call, followed by its value.
static ROOM: Room = Room(UnsafeCell::new([0; ROOM_SIZE]));

impl Room {
    /// Returns the bytes that the host has written.
    fn bytes(&self) -> &[u8] {
        // SAFETY: nothing writes to the room during a call.
        unsafe { &*self.0.get() }
    }
}

/// Returns the address of the room in the lower half, and its size in bytes in the upper half. They
/// do not change.
#[unsafe(export_name = "localmap:host#room")]
extern "C" fn room() -> u64 {
    ROOM.0.get().addr() as u64 | (ROOM_SIZE as u64) << 32
}

/// `get` of `local-map`, with the key in the room. A key that does not fit is absent.
#[unsafe(export_name = "localmap:host#get")]
extern "C" fn get(key_len: usize) -> *const Area {
    let key = ROOM.bytes().get(..key_len).unwrap_or_default();
    local_map::get(key, answer::list)
}

/// `set` of `local-map`, with the key and the value in the room. A key and a value that do not fit
/// are empty.
#[unsafe(export_name = "localmap:host#set")]
extern "C" fn set(key_len: usize, value_len: usize, ttl: u32, nanos: u64) -> *const Area {
    let (key, rest) = ROOM.bytes().split_at_checked(key_len).unwrap_or_default();
    let value = rest.get(..value_len).unwrap_or_default();
    answer::stored(local_map::set(key, value, to_ttl(ttl, nanos)))
}
