//! What a mirror reads: the map and its journal, both locked.

use super::journal::Journal;
use localmap_sidecar_proto::Entry;
use std::sync::Arc;

/// A locked map with its journal. All that is read between two changes of the map is of one instant.
pub(super) trait Source {
    /// The reason why the map cannot be read.
    type Error;

    /// Takes the changes of the map into the journal. Returns `false` if there are more to take.
    fn drain(&mut self) -> Result<bool, Self::Error>;

    /// Returns the journal.
    fn journal(&self) -> &Journal;

    /// Returns a page of all entries: at most 1 MiB of keys and values, or one entry. The first cursor
    /// is 0.
    fn scan(&mut self, cursor: u64) -> Result<Page, Self::Error>;

    /// Returns the entries of some keys, in the order of the keys, without a use of them.
    fn peek(&mut self, keys: &[Arc<[u8]>]) -> Result<Vec<Option<Entry>>, Self::Error>;
}

/// A page of a scan.
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    /// The cursor of the next page; `None` at the end.
    pub(super) next: Option<u64>,
}
