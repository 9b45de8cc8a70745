//! The times to live of buckets, in a block that the host can find in the built component
//! and overwrite: see `host/src/keyvalue/bake.rs`.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

/// A mark of two words, and an entry for each bucket that has a TTL: nanoseconds, as 8
/// bytes, little-endian; the length of its name, in one byte; its name. Zero nanoseconds
/// are the end.
///
/// `used` and atomic, so that the compiler takes neither the block away nor its
/// values for granted.
#[used]
static BLOCK: [AtomicU64; 2 + ROOM / 8] = {
    let mut block = [const { AtomicU64::new(0) }; 2 + ROOM / 8];
    block[0] = AtomicU64::new(u64::from_le_bytes(*b"localmap"));
    block[1] = AtomicU64::new(u64::from_le_bytes(*b"-buckets"));
    block
};

/// Bytes for the entries.
const ROOM: usize = 4096;

/// The TTL of the bucket of this name, in nanoseconds. `None`: it has none of its own.
pub(crate) fn ttl(name: &str) -> Option<u64> {
    let [_, _, words @ ..] = &BLOCK;
    let words = words.iter().map(|word| word.load(Ordering::Relaxed));
    let mut bytes = words.flat_map(u64::to_le_bytes);
    loop {
        let mut nanos = [0; 8];
        for byte in &mut nanos {
            *byte = bytes.next()?;
        }
        let nanos = u64::from_le_bytes(nanos);
        if nanos == 0 {
            return None;
        }
        let len = bytes.next()?.into();
        let entry: Vec<u8> = bytes.by_ref().take(len).collect();
        if entry == name.as_bytes() {
            return Some(nanos);
        }
    }
}
