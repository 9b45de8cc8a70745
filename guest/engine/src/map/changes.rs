//! Watching a map: which keys have changed, and what they hold now.

use super::{CallTime, Entry, Map};
use crate::changes::Changed;
use crate::clock::Clock;
use crate::error::Error;
use crate::limits::{MAX_PAGE_BYTES, MAX_TOLD_CHANGES};
use crate::value::Value;

/// What [`Map::changes`] returns, in addition to the changes that it visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// `true` if changes have been lost, because the list was full, the map was cleared or watched
    /// again, or it is not watched. A scan *after* this call shows what they led to.
    pub lost: bool,
    /// `true` if more changes wait: call again.
    pub more: bool,
    /// The time in nanoseconds before which no entry expires; `None` if none does. It may be less
    /// than the time until the first one does.
    pub due_in: Option<u64>,
}

impl<C: Clock> Map<C> {
    /// Begins to note the keys that change, for [`changes`](Self::changes), in a list of at most
    /// `max_bytes`. With 0, stops, and frees the list.
    ///
    /// A change takes the bytes of its key and 2 more. If the list is full, all changes in it are
    /// lost, and so are those until the next call of `changes`. More than
    /// [`MAX_WATCH_BYTES`](crate::MAX_WATCH_BYTES) counts as that. The list is allocated at once, and
    /// does not count towards [`Limits::max_bytes`](crate::Limits::max_bytes).
    ///
    /// The list starts empty. If the map is being watched, the changes that have not been visited
    /// are lost.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Full`] if the list could not be allocated. The map is not watched then.
    pub fn watch(&mut self, max_bytes: u32) -> Result<(), Error> {
        let watched = self.changes.watch(max_bytes as usize);
        watched.map_err(|_| Error::Full)
    }

    /// Calls `visit` with each key that has changed since the last call, in the order of the
    /// changes, at most [`MAX_TOLD_CHANGES`] of them. A key can be visited several times.
    ///
    /// First frees the entries that have expired, as long as there is room for them in the list, so
    /// that they are visited too.
    ///
    /// ```
    /// use localmap_engine::{Became, Limits, Map, Ttl};
    /// use std::cell::Cell;
    ///
    /// let now = Cell::new(0);
    /// let mut map = Map::new(|| now.get(), 42, Limits::default());
    /// map.watch(65_536)?;
    /// map.set(b"a", b"1", Ttl::Never)?;
    /// map.set(b"b", b"2", Ttl::After(10))?;
    /// map.delete(b"a");
    /// let mut changes = Vec::new();
    /// let told = map.changes(|change| changes.push((change.key.to_vec(), change.became)));
    /// let (stored, gone) = (Became::Stored, Became::Gone);
    /// assert_eq!(changes, [(b"a".to_vec(), stored), (b"b".to_vec(), stored), (b"a".to_vec(), gone)]);
    /// assert!(!told.lost && !told.more && told.due_in.is_some_and(|left| left <= 10));
    ///
    /// now.set(10);
    /// changes.clear();
    /// map.changes(|change| changes.push((change.key.to_vec(), change.became)));
    /// assert_eq!(changes, [(b"b".to_vec(), gone)]);
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn changes(&mut self, visit: impl FnMut(Changed<'_>)) -> Told {
        let mut call = CallTime::begin();
        let mut due_in = None;
        let mut left = false;
        if !self.wheel.is_empty() {
            let now = self.clock.now(&mut call);
            left = !self.reap_while_there_is_room(now);
            due_in = self.wheel.wake().map(|wake| wake.saturating_sub(now));
        }
        let lost = self.changes.take_lost();
        let more = self.changes.tell(MAX_TOLD_CHANGES, visit) || left;
        Told { lost, more, due_in }
    }

    /// Frees entries that are due as long as there is room for them in the list of changes. Returns
    /// `false` if some may be left.
    fn reap_while_there_is_room(&mut self, now: u64) -> bool {
        let mut all = false;
        while !all && self.changes.has_room() {
            all = self.reap(now, 1, u64::MAX) == 0;
        }
        self.arena.trim();
        all
    }

    /// Calls `visit` with the entries of several keys in their order, all at the same instant.
    /// Counts neither hits nor misses, and does not count as a use of the entries.
    ///
    /// The values of one call have at most [`MAX_PAGE_BYTES`] in total, unless there is only one.
    /// `visit` may therefore be called fewer times than there are keys. Call `peek` again with the
    /// remaining keys.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// let version = map.set(b"a", b"1", Ttl::After(5))?;
    /// let keys: [&[u8]; 2] = [b"a", b"b"];
    /// let mut found = Vec::new();
    /// map.peek(keys.into_iter(), |entry| {
    ///     found.push(entry.map(|entry| (entry.version, entry.expires_in)));
    /// });
    /// assert_eq!(found, [Some((version, Some(5))), None]);
    /// assert_eq!((map.stats().hits, map.stats().misses), (0, 0));
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn peek<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        mut visit: impl FnMut(Option<Entry<'_>>),
    ) {
        let mut call = CallTime::begin();
        let mut bytes = 0;
        for (visited, key) in keys.enumerate() {
            let Some(entry) = self.find(&mut call, key) else {
                visit(None);
                continue;
            };
            let header = self.arena.header(entry);
            let version = header.version();
            bytes += header.value_len();
            if bytes > MAX_PAGE_BYTES && visited > 0 {
                return;
            }
            let expires_in = self.expires_in(&mut call, entry);
            visit(Some(Entry {
                value: Value::of(&self.arena, entry),
                version,
                expires_in,
            }));
        }
    }
}
