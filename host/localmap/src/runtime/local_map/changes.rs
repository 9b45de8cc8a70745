//! Watching a map: which keys have changed, and what they hold now.

use super::reads::KEYS_PER_CALL;
use super::{LocalMap, findable};
use crate::contract::changes::Changes;
use crate::contract::entry::Entry;
use crate::contract::error::WatchError;
use crate::runtime::core_instance::CoreInstance;

/// # Changes
///
/// A watched map keeps a list of the keys that change, for one owner who copies its changes to
/// somewhere else. It sees every write, wherever it comes from, every expiry and every eviction.
impl LocalMap {
    /// Begins to note each change of the map, for [`changes`](Self::changes), in a list of at most
    /// `max_bytes`. With 0, ends the list and frees it. A map begins unwatched.
    ///
    /// A change takes the bytes of its key and 2 more; more than 1 MiB counts as that. A change for
    /// which there is no room is [lost](Changes#structfield.lost), and with it all changes until the
    /// next call of `changes`. The list takes memory of the map's store, in addition to
    /// [`Limits::max_bytes`](crate::Limits#structfield.max_bytes).
    ///
    /// The list begins empty. If the map is watched already, changes that have not been returned are
    /// lost. So a copy of a map begins with `watch`, then reads all entries with
    /// [`scan`](Self::scan), and then follows the changes.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use localmap::Became;
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.watch(65_536)?;
    /// map.set(b"user", b"alice", Ttl::Never)?;
    /// map.delete(b"user")?;
    /// let changes = map.changes()?;
    /// let became: Vec<Became> = changes.changed.iter().map(|change| change.became).collect();
    /// assert_eq!(became, [Became::Stored, Became::Gone]);
    /// assert!(!changes.lost);
    /// assert_eq!(map.changes()?.changed, []);
    /// map.watch(0)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`WatchError::Unsupported`] if the map component does not tell what changes.
    /// - Returns [`WatchError::NoMemory`] if the map gets no memory for the list. It is not watched
    ///   then.
    /// - Returns [`WatchError::Terminated`] if the map has terminated.
    pub fn watch(&mut self, max_bytes: u32) -> Result<(), WatchError> {
        match self.enter(|core| core.watch(max_bytes))? {
            None => Err(WatchError::Unsupported),
            Some(false) => Err(WatchError::NoMemory),
            Some(true) => Ok(()),
        }
    }

    /// Returns the changes since the previous call, at most 4,096, and forgets them.
    ///
    /// First reclaims expired entries, as long as the list has room for them, so that expiries are
    /// changes too. Call again after [`due_in`](Changes#structfield.due_in) to be told of them soon.
    ///
    /// The changes have no values: read those with [`peek`](Self::peek), of the keys that are not
    /// [`Gone`](crate::Became::Gone).
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use localmap::{Became, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let mut map = Host::new()?.map(&MapOptions::new().clock(clock.clone()))?;
    /// map.watch(65_536)?;
    /// map.set(b"session", b"alice", Ttl::After(Duration::from_secs(60)))?;
    /// let due_in = map.changes()?.due_in.ok_or("no deadline")?;
    /// assert!(due_in <= Duration::from_secs(60));
    ///
    /// clock.advance(Duration::from_secs(60));
    /// let changes = map.changes()?;
    /// assert_eq!(changes.changed[0].key, b"session");
    /// assert_eq!(changes.changed[0].became, Became::Gone);
    /// assert_eq!(changes.due_in, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`WatchError::Unsupported`] if the map component does not tell what changes.
    /// - Returns [`WatchError::Terminated`] if the map has terminated.
    pub fn changes(&mut self) -> Result<Changes, WatchError> {
        let told = self.enter(|core| core.drain()?.map(Changes::try_from).transpose())?;
        told.ok_or(WatchError::Unsupported)
    }

    /// Returns the values of several keys with their versions and remaining times, in the order of
    /// `keys`. Counts neither hits nor misses, and does not count as a use of the entries, so it does
    /// not influence which of them are evicted.
    ///
    /// One call into the sandbox reads up to 256 keys or 1 MiB of values, all at the same instant.
    /// More keys or values take several calls, at different instants.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let version = map.set(b"a", b"1", Ttl::Never)?;
    /// let entries = map.peek(&[b"a", b"b"])?;
    /// assert_eq!(entries[0].as_ref().map(|entry| entry.version), Some(version));
    /// assert_eq!(entries[1], None);
    /// assert_eq!((map.stats()?.hits, map.stats()?.misses), (0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`WatchError::Unsupported`] if the map component does not tell what changes.
    /// - Returns [`WatchError::Terminated`] if the map has terminated.
    pub fn peek(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Entry>>, WatchError> {
        let entries = self.cell.enter(|live| {
            let max = usize::try_from(live.limits.max_value).unwrap_or(usize::MAX);
            let mut entries = Vec::with_capacity(keys.len());
            loop {
                let rest = keys.get(entries.len()..).unwrap_or_default();
                let asked: Vec<&[u8]> = rest
                    .iter()
                    .take(KEYS_PER_CALL)
                    .map(|key| findable(key))
                    .collect();
                let Some(found) = peek_some(&mut live.core, &asked, max)? else {
                    return Ok(None);
                };
                entries.extend(found);
                if entries.len() >= keys.len() {
                    return Ok(Some(entries));
                }
            }
        })?;
        entries.ok_or(WatchError::Unsupported)
    }
}

/// Reads as many of the keys as one call returns. `max` is the maximum length of a value.
fn peek_some(
    core: &mut CoreInstance,
    keys: &[&[u8]],
    max: usize,
) -> wasmtime::Result<Option<Vec<Option<Entry>>>> {
    let Some(found) = core.peek(keys)? else {
        return Ok(None);
    };
    let none_of_some = found.is_empty() && !keys.is_empty();
    // The fuel bounds each call, but a map could return a single entry in each.
    let too_long = found.iter().flatten().any(|entry| entry.value.len() > max);
    if none_of_some || too_long || found.len() > keys.len() {
        wasmtime::bail!("the map contradicts its contract: peek returned wrong entries");
    }
    let found = found.into_iter().map(|entry| entry.map(Entry::from));
    Ok(Some(found.collect()))
}
