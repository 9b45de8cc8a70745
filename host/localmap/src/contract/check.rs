//! Checks that do not depend on the entries of a map. The host makes them before it copies
//! arguments into the map's memory.

use crate::contract::change::Change;
use crate::contract::entry::Ttl;
use crate::contract::error::{KeyFault, Refused};
use crate::contract::limits::Limits;
use std::time::Duration;

/// The maximum number of changes in a batch.
pub(crate) const MAX_BATCH: usize = 1024;

/// The maximum size of a batch in bytes, unless the largest value is larger.
const MAX_PAGE_BYTES: u64 = 1 << 20;

/// The number of bytes by which the keys and values of a batch may exceed that size.
const MAX_BATCH_EXTRA: u64 = 64 << 10;

/// Returns the reason to reject a key; `None` if a map with these limits accepts it.
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

/// Checks a write of a value of `len` bytes. Returns the same error as the map would, and checks in
/// the same order.
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

/// Checks the size of a batch. The error is the index of the first change beyond the limit.
pub(crate) fn check_batch(limits: &Limits, changes: &[Change<'_>]) -> Result<(), usize> {
    let max = limits.max_value.min(limits.max_bytes);
    let max = max.max(MAX_PAGE_BYTES).saturating_add(MAX_BATCH_EXTRA);
    let mut bytes = 0;
    for (index, change) in changes.iter().enumerate() {
        bytes += (change.key_len() + change.carried_value_len()) as u64;
        if index >= MAX_BATCH || bytes > max {
            return Err(index);
        }
    }
    Ok(())
}
