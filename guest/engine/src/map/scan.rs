//! Scans of all entries, page by page, in the order of the hashes of their keys, which does not
//! change while an entry exists.

use super::{CallTime, Map};
use crate::clock::Clock;
use crate::limits::{MAX_PAGE_BYTES, MAX_SCAN_LIMIT};
use crate::slot::Slot;
use crate::value::Value;
use crate::wheel;

/// The maximum number of tables without matching entries that a page passes.
const TABLES: u32 = 64;

/// An entry visited by [`Map::scan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: Value<'a>,
    /// The version of the value.
    pub version: u64,
    /// The remaining time in nanoseconds, at least 1, or `None` if the entry does not expire.
    pub expires_in: Option<u64>,
}

impl<C: Clock> Map<C> {
    /// Calls `visit` with a page of the entries whose keys begin with `prefix`, in no particular
    /// order. An empty prefix matches all keys. Returns the cursor of the next page, or `None`
    /// at the end of the scan.
    ///
    /// Start with a `cursor` of 0. An entry that is present throughout a scan is visited exactly
    /// once. An entry that is added or removed during the scan may or may not be visited. A key
    /// that is deleted and set again is visited at most once, either before or after.
    ///
    /// A page examines at most `limit` entries, apart from entries with the same 32-bit hash, and
    /// may be empty although the scan is not finished. (A limit of 0 counts as 1, and a limit
    /// above [`MAX_SCAN_LIMIT`] as [`MAX_SCAN_LIMIT`].) It reads the hashes of up to 1,792 more
    /// entries. It ends early rather than exceed [`MAX_PAGE_BYTES`] of keys and values, but visits
    /// at least one entry if it has found one. A `cursor` that was not returned by a page may skip
    /// entries, but does no other harm.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// for key in [b"user:1", b"user:2", b"item:1"] {
    ///     map.set(key, b"", Ttl::Never)?;
    /// }
    /// let (mut keys, mut next) = (Vec::new(), Some(0));
    /// while let Some(cursor) = next {
    ///     next = map.scan(b"user:", cursor, 100, |entry| keys.push(entry.key.to_vec()));
    /// }
    /// keys.sort();
    /// assert_eq!(keys, [b"user:1", b"user:2"]);
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    #[expect(unsafe_code, reason = "a page visits hundreds of entries")]
    pub fn scan(
        &mut self,
        prefix: &[u8],
        cursor: u64,
        limit: u32,
        mut visit: impl FnMut(Scanned<'_>),
    ) -> Option<u64> {
        let mut call = CallTime::begin();
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
            // Entries of the same rank are on the same page, since a cursor cannot distinguish
            // them.
            let (mut last, mut stop) = (None, None);
            let visit = |rank, slot: Slot<'_>| {
                let (key, value) = (slot.key(), Value::new(arena, slot));
                let size = key.len() + value.len();
                let full = visited >= limit || bytes > 0 && bytes + size > MAX_PAGE_BYTES;
                if full && last != Some(rank) {
                    stop = Some(rank);
                    return false;
                }
                last = Some(rank);
                visited += 1;
                let header = slot.header();
                let deadline = wheel::deadline(header);
                if clock.expired(&mut call, deadline) || !key.starts_with(prefix) {
                    return true;
                }
                bytes += size;
                visit(Scanned {
                    key,
                    value,
                    version: header.version(),
                    expires_in: deadline.map(|deadline| deadline - clock.now(&mut call)),
                });
                true
            };
            // SAFETY: the rule in `lookup` holds.
            let next = unsafe { index.scan_table(arena, from, visit) };
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
