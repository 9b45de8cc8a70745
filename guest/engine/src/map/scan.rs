//! Going through all entries, page by page, in the order of their slots. A slot
//! keeps its number while its entry lives, so a scan meets each one once.

use super::Map;
use crate::clock::Clock;
use crate::limits::{MAX_PAGE_BYTES, MAX_SCAN_LIMIT};

/// An entry that a scan came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
    /// The version of the value.
    pub version: u64,
    /// Nanoseconds that are left, at least 1; `None`: it does not expire.
    pub expires_in: Option<u64>,
}

impl<C: Clock> Map<C> {
    /// Gives a page of the entries whose keys begin with `prefix` (all, if it is
    /// empty) to `visit`, in no order that means anything, and tells where the
    /// next page starts; `None`: the scan is at its end.
    ///
    /// Begin with a `cursor` of 0. Each entry that is there throughout a scan is
    /// given exactly once. One that comes or goes meanwhile is given or not; a key
    /// that is deleted and set again may be given twice, with two versions.
    ///
    /// A page visits at most `limit` places of the map (0 counts as 1, more than
    /// [`MAX_SCAN_LIMIT`] as that) and may be empty although the scan goes on. It
    /// ends early rather than give more than [`MAX_PAGE_BYTES`] of keys and
    /// values, but gives at least one entry when it has come by one. A `cursor`
    /// that no page gave may skip entries and does no harm.
    pub fn scan(
        &mut self,
        prefix: &[u8],
        cursor: u64,
        limit: u32,
        mut visit: impl FnMut(Scanned<'_>),
    ) -> Option<u64> {
        self.clock.begin();
        let slots = u32::try_from(self.arena.slots()).unwrap_or(u32::MAX);
        let start = u32::try_from(cursor).unwrap_or(u32::MAX);
        let end = start
            .saturating_add(limit.clamp(1, MAX_SCAN_LIMIT))
            .min(slots);
        let mut bytes = 0;
        for number in start..end {
            let slot = self.arena.slot(number);
            if slot.is_free() || !slot.key().starts_with(prefix) {
                continue;
            }
            let deadline = slot.deadline();
            if deadline.is_some_and(|deadline| self.clock.reached(deadline)) {
                continue;
            }
            let before = bytes;
            bytes += slot.key().len() + slot.value().len();
            if bytes > MAX_PAGE_BYTES && before > 0 {
                return Some(number.into());
            }
            visit(Scanned {
                key: slot.key(),
                value: slot.value(),
                version: slot.version,
                expires_in: deadline.map(|deadline| deadline - self.clock.now()),
            });
        }
        (end < slots).then(|| end.into())
    }
}
