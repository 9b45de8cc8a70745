//! The growth of a map whose limit on bytes is raised as it needs more, so that maps can share a
//! budget. The limit of a map can be raised, but never lowered.

use std::sync::Arc;

/// Decides how many bytes a map may hold.
pub(crate) trait Grants: Send + Sync {
    /// Returns the maximum that the map can be granted, in bytes.
    fn most(&self) -> u64;

    /// Returns a new limit of at least `needed` bytes for a map that may hold `max_bytes`; `None` if
    /// it gets no more now. It is called during a write, so it must not call the same map.
    fn raise(&self, max_bytes: u64, needed: u64) -> Option<u64>;
}

/// The number of bytes that an entry is estimated to take in addition to its key and its value.
pub(crate) const ENTRY: u64 = 128;

/// The part of its limit below which a map does not wait until it is full, so that one that evicts
/// gets its grant first. The limit is at least 128 KiB.
const MARGIN: u64 = 8;

/// How far a map may grow before it has to ask for more.
pub(crate) struct Growth {
    grants: Arc<dyn Grants>,
    /// The estimated bytes of writes that still fit.
    headroom: u64,
}

impl Growth {
    pub(crate) fn new(grants: Arc<dyn Grants>) -> Self {
        Self {
            grants,
            headroom: 0,
        }
    }

    /// Takes the bytes of a write from the headroom. Returns `false` if it has too little left.
    pub(crate) fn take(&mut self, bytes: u64) -> bool {
        match self.headroom.checked_sub(bytes) {
            Some(left) => {
                self.headroom = left;
                true
            }
            None => false,
        }
    }

    /// Returns the limit to set before a write of `bytes` to a map that holds `held` bytes and may
    /// hold `max_bytes`; `None` if the limit stays. Sets the headroom for the writes that follow.
    pub(crate) fn limit_for(&mut self, bytes: u64, held: u64, max_bytes: u64) -> Option<u64> {
        let needed = held
            .saturating_add(bytes)
            .saturating_add(max_bytes / MARGIN);
        let raised = (needed > max_bytes)
            .then(|| self.grants.raise(max_bytes, needed))
            .flatten();
        let limit = raised.unwrap_or(max_bytes);
        let margin = limit / MARGIN;
        // A map that got nothing asks again after a while.
        self.headroom = limit.saturating_sub(needed).max(margin);
        raised
    }

    /// Returns the limit to set for a write of `bytes` that the map has rejected as full, while it
    /// holds `held` bytes and may hold `max_bytes`; `None` if the rejection stands.
    pub(crate) fn limit_when_full(&self, bytes: u64, held: u64, max_bytes: u64) -> Option<u64> {
        // Far below its limit, a map is full for another reason, such as the memory of its store.
        let needed = held.saturating_add(bytes).saturating_add(max_bytes / 2);
        (needed > max_bytes)
            .then(|| {
                self.grants
                    .raise(max_bytes, max_bytes.saturating_add(bytes))
            })
            .flatten()
    }

    /// Returns `true` if a map that may hold `max_bytes` has got all that it can get.
    pub(crate) fn is_complete(&self, max_bytes: u64) -> bool {
        max_bytes >= self.grants.most()
    }
}
