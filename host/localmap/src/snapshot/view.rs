//! What one read of a snapshot sees.

use crate::contract::entry::Version;
use crate::snapshot::table::{Record, Table};
use crate::snapshot::time::SharedTime;
use std::cell::Cell;
use std::fmt;
use std::time::Duration;

/// The entries of one publication at one instant: see
/// [`Snapshot::read`](crate::Snapshot::read), which has an example.
///
/// The clock is read once, when the first entry with a deadline is found.
pub struct SnapshotView<'a> {
    table: &'a Table,
    time: &'a SharedTime,
    now: Cell<Option<u64>>,
}

/// An entry of a snapshot, read in place: see [`Snapshot::read`](crate::Snapshot::read).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotEntry<'a> {
    /// The value.
    pub value: &'a [u8],
    /// Its version.
    pub version: Version,
    /// The time until it expires, at least 1 ns; `None` if it does not expire.
    pub expires_in: Option<Duration>,
}

impl<'a> SnapshotView<'a> {
    /// Creates a view of the entries in a table.
    #[inline]
    pub(crate) fn new(table: &'a Table, time: &'a SharedTime) -> Self {
        let now = Cell::new(None);
        Self { table, time, now }
    }

    /// Returns the entry of `key`; `None` if it is absent. See
    /// [`Snapshot::read`](crate::Snapshot::read) for an example.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<SnapshotEntry<'_>> {
        self.unexpired(self.table.get(key)?)
    }

    /// Returns all entries with their keys, in no particular order.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"user:1", b"alice", Ttl::Never)?;
    /// map.set(b"user:2", b"bob", Ttl::Never)?;
    /// let users = map.snapshot()?.read(|view| {
    ///     view.iter().filter(|(key, _)| key.starts_with(b"user:")).count()
    /// })?;
    /// assert_eq!(users, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], SnapshotEntry<'_>)> {
        self.table
            .iter()
            .filter_map(|record| Some((record.key, self.unexpired(record)?)))
    }

    /// Returns the entry, unless it has expired.
    #[inline]
    fn unexpired<'b>(&self, record: Record<'b>) -> Option<SnapshotEntry<'b>> {
        let expires_in = match record.deadline {
            Some(deadline) => {
                let left = deadline.get().saturating_sub(self.now());
                if left == 0 {
                    // Once for each deadline at most, so that readers do not hinder each other.
                    self.time.record(deadline.get());
                    return None;
                }
                Some(Duration::from_nanos(left))
            }
            None => None,
        };
        Some(SnapshotEntry {
            value: record.value,
            version: record.version,
            expires_in,
        })
    }

    /// Returns the time in nanoseconds, which is the same for all reads through this view.
    fn now(&self) -> u64 {
        if let Some(now) = self.now.get() {
            return now;
        }
        let now = self.time.now();
        self.now.set(Some(now));
        now
    }
}

impl fmt::Debug for SnapshotView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotView").finish_non_exhaustive()
    }
}
