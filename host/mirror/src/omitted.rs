//! The keys that the map of a mirror cannot hold.

use crate::error::{OmittedReason, Unfit};
use localmap::Limits;
use std::collections::HashMap;

/// The maximum number of bytes of all omitted keys. A source may have keys that are far longer than those
/// of a map.
const MAX_BYTES: usize = 4 << 20;

/// The keys of the source that the map cannot hold, with the reasons.
#[derive(Debug, Clone)]
pub(crate) struct Omitted {
    reasons: HashMap<Box<[u8]>, OmittedReason>,
    bytes: usize,
    max: usize,
    /// The length of the longest key that has been added.
    longest: usize,
}

impl Omitted {
    /// Creates an empty set of at most `max` keys.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            reasons: HashMap::new(),
            bytes: 0,
            max,
            longest: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.reasons.len()
    }

    /// Returns why a key is omitted; `None` if it is not.
    pub(crate) fn get(&self, key: &[u8]) -> Option<OmittedReason> {
        // A guest may ask for a key of many megabytes, which is not worth hashing.
        match self.reasons.is_empty() || key.len() > self.longest {
            true => None,
            false => self.reasons.get(key).copied(),
        }
    }

    /// Adds a key.
    pub(crate) fn insert(&mut self, key: &[u8], reason: OmittedReason) -> Result<(), Unfit> {
        if let Some(old) = self.reasons.get_mut(key) {
            *old = reason;
            return Ok(());
        }
        if self.reasons.len() >= self.max || self.bytes + key.len() > MAX_BYTES {
            let max = self.reasons.len();
            return Err(Unfit::TooManyOmitted { max });
        }
        self.bytes += key.len();
        self.longest = self.longest.max(key.len());
        self.reasons.insert(key.into(), reason);
        Ok(())
    }

    /// Removes a key. Returns `true` if it was omitted.
    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        let there = !self.reasons.is_empty() && self.reasons.remove(key).is_some();
        if there {
            self.bytes -= key.len();
        }
        there
    }

    /// Returns all keys, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], OmittedReason)> {
        self.reasons.iter().map(|(key, reason)| (&**key, *reason))
    }
}

/// Returns why a map with these limits cannot hold an entry; `None` if it can.
pub(crate) fn reason(limits: &Limits, key: &[u8], value: &[u8]) -> Option<OmittedReason> {
    let (len, max) = (value.len() as u64, limits.max_value);
    if len > max {
        return Some(OmittedReason::ValueTooLarge { len, max });
    }
    key_reason(limits, key)
}

/// Returns why a map with these limits cannot hold a key; `None` if it can.
pub(crate) fn key_reason(limits: &Limits, key: &[u8]) -> Option<OmittedReason> {
    let (len, max) = (key.len(), limits.max_key as usize);
    if len == 0 {
        Some(OmittedReason::EmptyKey)
    } else if len > max {
        Some(OmittedReason::KeyTooLong { len, max })
    } else if limits.utf8_keys && std::str::from_utf8(key).is_err() {
        Some(OmittedReason::NotUtf8)
    } else {
        None
    }
}
