//! Scans of all entries or of those with a prefix, and their number.

use super::LocalMap;
use super::observed::{done, read};
use crate::contract::entry::{Page, Scanned};
use crate::contract::error::MapTerminated;
use crate::contract::limits::MAX_KEY_LEN;
use crate::contract::observer::{Asked, Operation};
use crate::runtime::core_instance::CoreInstance;
use std::ops::ControlFlow;

/// The number of entries that a page of [`LocalMap::visit`] visits.
const VISITED_PER_CALL: u32 = 256;

/// # Scans
impl LocalMap {
    /// Returns one page of the entries whose keys begin with `prefix` (all entries, if it is
    /// empty), in no particular order. [`visit`](Self::visit) reads all pages.
    ///
    /// Start with a `cursor` of 0 and continue with [`Page::next`] until there is none. Each
    /// entry that exists throughout the scan is returned exactly once. An entry that is created
    /// or removed during the scan may or may not be returned. A key that is deleted and set again
    /// is returned at most once.
    ///
    /// A page visits at most `limit` entries (0 counts as 1, more than 4,096 as 4,096). It can
    /// exceed that slightly, because keys with equal hashes are on the same page. It ends early
    /// rather than exceed 1 MiB of keys and values, and may be empty before the scan ends.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"user:1", b"alice", Ttl::Never)?;
    /// map.set(b"user:2", b"bob", Ttl::Never)?;
    /// let (mut found, mut cursor) = (0, 0);
    /// loop {
    ///     let page = map.scan(b"user:", cursor, 100)?;
    ///     found += page.entries.len();
    ///     let Some(next) = page.next else { break };
    ///     cursor = next;
    /// }
    /// assert_eq!(found, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Result<Page, MapTerminated> {
        self.observed(Asked::key(Operation::Scan, prefix), read, |map| {
            map.enter(|core| {
                if prefix.len() > MAX_KEY_LEN {
                    return Ok(Page {
                        entries: Vec::new(),
                        next: None,
                    });
                }
                Ok(core.scan(prefix, cursor, limit)?.into())
            })
        })
    }

    /// Calls `visit` with each entry whose key begins with `prefix` (all entries, if it is
    /// empty) until it breaks. This is a [`scan`](Self::scan) from the beginning, in pages of 256
    /// entries.
    ///
    /// Each value is copied once. The map cannot change during the scan. If you use another map
    /// component ([`Host::with_component`](crate::Host::with_component)), the scan may never end:
    /// break it, or [cancel](Self::cancel_handle) the map.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"user:1", b"alice", Ttl::Never)?;
    /// map.set(b"user:2", b"bob", Ttl::Never)?;
    /// let mut bytes = 0;
    /// map.visit(b"user:", |found| {
    ///     bytes += found.entry.value.len();
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(bytes, 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated, perhaps after some entries were
    /// visited.
    pub fn visit(
        &mut self,
        prefix: &[u8],
        mut visit: impl FnMut(Scanned) -> ControlFlow<()>,
    ) -> Result<(), MapTerminated> {
        let mut cursor = 0;
        loop {
            let page = self.scan(prefix, cursor, VISITED_PER_CALL)?;
            if page.entries.into_iter().try_for_each(&mut visit).is_break() {
                return Ok(());
            }
            match page.next {
                Some(next) => cursor = next,
                None => return Ok(()),
            }
        }
    }

    /// Returns the number of entries that have not expired. Visits every expired entry.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// assert!(map.is_empty()?);
    /// map.set(b"k", b"", Ttl::Never)?;
    /// assert_eq!(map.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn len(&mut self) -> Result<u64, MapTerminated> {
        self.observed(Asked::keys(Operation::Len, 0), done, |map| {
            map.enter(CoreInstance::len)
        })
    }

    /// Returns `true` if the map has no entry that has not expired. Visits every expired entry.
    /// See [`len`](Self::len) for an example.
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn is_empty(&mut self) -> Result<bool, MapTerminated> {
        Ok(self.len()? == 0)
    }
}
