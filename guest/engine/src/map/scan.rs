//! Going through all entries, page by page, in the order of the hashes of their keys,
//! which does not change while an entry lives.

use super::Map;
use crate::clock::Clock;
use crate::limits::{MAX_PAGE_BYTES, MAX_SCAN_LIMIT};
use crate::value::Value;

/// How many tables a page goes through at most which have nothing to give.
const TABLES: u32 = 64;

/// An entry that a scan came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: Value<'a>,
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
    /// that is deleted and set again is given at most once as well, before or after.
    ///
    /// A page visits at most `limit` entries (0 counts as 1, more than
    /// [`MAX_SCAN_LIMIT`] as that) but for those whose hashes are the same in 32 bits,
    /// and may be empty although the scan goes on. It looks at the hashes of up to 1,792
    /// more. It ends early rather than give more than [`MAX_PAGE_BYTES`] of keys and
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
        let Self {
            clock,
            arena,
            index,
            ..
        } = self;
        let limit = limit.clamp(1, MAX_SCAN_LIMIT);
        let mut from = u32::try_from(cursor).ok()?;
        let (mut visited, mut tables, mut bytes) = (0, 0, 0);
        loop {
            // Entries of the same rank are given on the same page, since a cursor cannot
            // tell them apart.
            let (mut last, mut stop) = (None, None);
            let next = index.scan_table(arena, from, |rank, entry| {
                let (key, value) = (arena.key(entry), arena.value(entry));
                let size = key.len() + value.len();
                let full = visited >= limit || bytes > 0 && bytes + size > MAX_PAGE_BYTES;
                if full && last != Some(rank) {
                    stop = Some(rank);
                    return false;
                }
                last = Some(rank);
                visited += 1;
                let header = arena.header(entry);
                let deadline = header.deadline();
                let gone = deadline.is_some_and(|deadline| clock.reached(deadline));
                if gone || !key.starts_with(prefix) {
                    return true;
                }
                bytes += size;
                visit(Scanned {
                    key,
                    value,
                    version: header.version,
                    expires_in: deadline.map(|deadline| deadline - clock.now()),
                });
                true
            });
            if let Some(rank) = stop {
                return Some(rank.into());
            }
            from = next?;
            tables += 1;
            if tables == TABLES {
                return Some(from.into());
            }
        }
    }
}
