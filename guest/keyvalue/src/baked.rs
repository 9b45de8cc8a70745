//! The times to live of buckets. The host writes them into the built component: see
//! `host/localmap/src/artifact/baked_buckets.rs`.

use alloc::vec::Vec;
use localmap_abi::Baked;

/// Bytes for the entries.
const ROOM: usize = 4096;

/// An entry for each bucket that has a TTL: nanoseconds, as 8 bytes, little-endian; the
/// length of its name, in one byte; its name. Zero nanoseconds mark the end.
#[used]
static TABLE: Baked<{ ROOM / 8 }> = Baked::new(b"localmap-buckets", [0; ROOM / 8]);

/// Returns the TTL of the bucket called `name`, in nanoseconds, or `None` if it has none of
/// its own.
pub(crate) fn ttl(name: &str) -> Option<u64> {
    let mut bytes = TABLE.iter().flat_map(u64::to_le_bytes);
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
