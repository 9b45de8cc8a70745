//! What a map rejects whatever it holds, checked before anything is copied into its memory.

use crate::contract::change::Change;
use crate::contract::entry::Ttl;
use crate::contract::error::{KeyFault, Refused};
use crate::contract::limits::Limits;
use std::time::Duration;

/// The most changes of a batch.
pub(crate) const MAX_BATCH: usize = 1024;

/// The most bytes of a batch, unless the largest value has more.
const MAX_PAGE_BYTES: u64 = 1 << 20;

/// What the keys and values of a batch may have beyond that.
const MAX_BATCH_EXTRA: u64 = 64 << 10;

/// Returns what is wrong with a key; `None` if a map with these limits accepts it.
pub(crate) fn key_fault(limits: &Limits, key: &[u8]) -> Option<KeyFault> {
    if key.is_empty() {
        return Some(KeyFault::Empty);
    }
    let len = key.len() as u64;
    if len > limits.max_key.into() {
        return Some(KeyFault::TooLong { len });
    }
    let fits = !limits.utf8_keys || std::str::from_utf8(key).is_ok();
    (!fits).then_some(KeyFault::NotUtf8)
}

/// Rejects a write of a value of `len` bytes as the map would, and in the same order.
pub(crate) fn check_write(
    limits: &Limits,
    key: &[u8],
    len: usize,
    ttl: Ttl,
) -> Result<(), Refused> {
    if let Some(fault) = key_fault(limits, key) {
        return Err(Refused::InvalidKey { fault });
    }
    if ttl == Ttl::After(Duration::ZERO) {
        return Err(Refused::InvalidTtl);
    }
    let (len, max) = (len as u64, limits.max_value);
    if len > max {
        return Err(Refused::ValueTooLarge { len, max });
    }
    Ok(())
}

/// Rejects a batch that is too large, with the index of the first change beyond the limit.
pub(crate) fn check_batch(limits: &Limits, changes: &[Change<'_>]) -> Result<(), usize> {
    let max = limits.max_value.min(limits.max_bytes);
    let max = max.max(MAX_PAGE_BYTES) + MAX_BATCH_EXTRA;
    let mut bytes = 0;
    for (index, change) in changes.iter().enumerate() {
        bytes += (change.key_len() + change.carried_value_len()) as u64;
        if index >= MAX_BATCH || bytes > max {
            return Err(index);
        }
    }
    Ok(())
}
