//! The changes of a tenant's map, for its mirrors: the journal, and the bell that wakes them.
//!
//! A feed is attached to the tenant and ends with it. Without a mirror it costs a write the look at a
//! flag; the map lists its changes, and the journal keeps them, only while there are mirrors and for
//! [`LINGER`] after the last one.

use super::epoch;
use super::journal::{Journal, Kind};
use super::source::{Page, Source};
use crate::convert;
use bytes::Bytes;
use localmap::{Became, LocalMap, WatchError, lock};
use localmap_sidecar_proto::Entry;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// How long the journal is kept after the last mirror has gone, so that it can resume by revision.
pub(super) const LINGER: Duration = Duration::from_secs(60);

/// How often a mirrored map is asked for changes if nobody says that there are some. Writes that do not
/// come through the sidecar are noticed within this time.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// The shortest time between two questions for expiries.
const SOONEST: Duration = Duration::from_millis(1);

/// The bytes of the map's own list of changes, until the journal takes them.
const LIST_BYTES: u32 = 512 << 10;

/// The number of writes after which the journal takes the changes, even if no mirror waits for them, so
/// that the list does not overflow.
const UNTAKEN: u32 = 256;

/// The number of entries of a page of a scan, which bounds how long the map is locked.
const PAGE: u32 = 1_024;

/// The changes of a tenant's map.
pub(crate) struct Feed {
    epoch: u64,
    /// Whether changes are listed.
    active: AtomicBool,
    /// The writes since the journal last took the changes.
    untaken: AtomicU32,
    /// The entries that mirrors have refused.
    refused: AtomicU64,
    /// Rings after each change.
    bell: watch::Sender<()>,
    /// Wakes the task that waits for the next expiry, if that has become an earlier one.
    earlier: Notify,
    state: Mutex<FeedState>,
}

struct FeedState {
    /// `None` while changes are not listed.
    journal: Option<Journal>,
    /// The number of changes when there was last a journal.
    revision: u64,
    mirrors: usize,
    /// When the last mirror went, if there is none.
    idle_since: Option<Instant>,
    /// When the map is to be asked next.
    due: Instant,
}

/// What a mirrored map is, for its statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FeedStats {
    /// The epoch and the revision, if changes are listed.
    pub(crate) position: Option<(u64, u64)>,
    /// The number of open mirrors.
    pub(crate) mirrors: u32,
    /// The number of entries that mirrors have refused.
    pub(crate) refused: u64,
}

/// Why a map cannot be mirrored.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("the map has {max} mirrors, as many as it may have: close one, or raise --max-mirrors")]
    TooMany { max: usize },
    #[error(transparent)]
    Watch(#[from] WatchError),
}

/// An open mirror, until this is dropped.
pub(super) struct Mirroring {
    feed: Arc<Feed>,
    map: Arc<Mutex<LocalMap>>,
    /// The number of its call for telemetry.
    caller: u64,
}

/// A map and its journal, both locked.
pub(super) struct LockedFeed<'a> {
    map: MutexGuard<'a, LocalMap>,
    journal: &'a mut Journal,
    due: &'a mut Instant,
    /// Whether the map was asked for changes, and whether there were any.
    drained: bool,
    taken: bool,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            epoch: epoch::random(),
            active: AtomicBool::new(false),
            untaken: AtomicU32::new(0),
            refused: AtomicU64::new(0),
            bell: watch::Sender::new(()),
            earlier: Notify::new(),
            state: Mutex::new(FeedState {
                journal: None,
                revision: 0,
                mirrors: 0,
                idle_since: None,
                due: Instant::now(),
            }),
        }
    }
}

impl Feed {
    /// Returns `true` if the map is mirrored, or was a short time ago.
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Notes that `operations` may have changed the map, which must not be locked. Wakes the mirrors.
    pub(crate) fn changed(&self, map: &Mutex<LocalMap>, operations: u32) {
        self.bell.send_replace(());
        let before = self.untaken.fetch_add(operations, Ordering::Relaxed);
        if before.saturating_add(operations) >= UNTAKEN {
            // If it fails, the map has terminated, and each mirror finds out.
            let _ = self.read(map, |source| source.drain());
        }
    }

    /// Begins a mirror of a map, of at most `max`, with a journal of at most `journal_bytes`. Returns
    /// `true` with it if a [watcher](super::watcher) is to be started.
    pub(super) fn open(
        feed: &Arc<Self>,
        map: &Arc<Mutex<LocalMap>>,
        max: usize,
        journal_bytes: usize,
    ) -> Result<(Mirroring, bool), OpenError> {
        let mut locked = lock(map);
        let mut state = lock(&feed.state);
        if state.mirrors >= max {
            return Err(OpenError::TooMany { max });
        }
        let begins = state.journal.is_none();
        if begins {
            // Before the map lists changes, so that each write after that finds it.
            feed.active.store(true, Ordering::Release);
            if let Err(error) = locked.watch(LIST_BYTES) {
                feed.active.store(false, Ordering::Release);
                return Err(error.into());
            }
            // All that has changed before is one change, which the journal does not have.
            state.journal = Some(Journal::new(state.revision + 1, journal_bytes));
            state.due = Instant::now();
        }
        state.mirrors += 1;
        state.idle_since = None;
        let mirroring = Mirroring {
            feed: Arc::clone(feed),
            map: Arc::clone(map),
            caller: 0,
        };
        Ok((mirroring, begins))
    }

    /// Returns when the map is to be asked next, if nobody asks it before.
    pub(super) fn due(&self) -> Instant {
        lock(&self.state).due
    }

    /// Waits until it may be due earlier than [`due`](Self::due) said.
    pub(super) async fn earlier(&self) {
        self.earlier.notified().await;
    }

    /// Takes the changes that nobody has told of, such as expiries. Returns `false` if the feed has
    /// ended, because the map has terminated or has not been mirrored for [`LINGER`].
    pub(super) fn look(&self, map: &Mutex<LocalMap>) -> bool {
        if self.end_if_idle(map, Instant::now()) {
            return false;
        }
        let taken = self.read(map, |source| source.drain().map(|_| source.taken));
        if !matches!(taken, Some(Ok(false))) {
            self.bell.send_replace(());
        }
        matches!(taken, Some(Ok(_)))
    }

    /// Ends the journal if there has been no mirror for [`LINGER`]. Returns `true` if it has ended.
    fn end_if_idle(&self, map: &Mutex<LocalMap>, now: Instant) -> bool {
        let mut map = lock(map);
        let mut state = lock(&self.state);
        let idle = state
            .idle_since
            .is_some_and(|since| now.saturating_duration_since(since) >= LINGER);
        if idle && let Some(journal) = state.journal.take() {
            state.revision = journal.revision();
            self.active.store(false, Ordering::Release);
            // If it fails, the map has terminated.
            let _ = map.watch(0);
        }
        idle
    }

    /// Returns the statistics of a map, which must not be locked.
    pub(crate) fn stats(&self, map: &Mutex<LocalMap>) -> FeedStats {
        if self.is_active() {
            // If it fails, the map has terminated, and this is where it was.
            let _ = self.read(map, |source| while let Ok(false) = source.drain() {});
        }
        let state = lock(&self.state);
        let journal = state.journal.as_ref();
        FeedStats {
            position: journal.map(|journal| (self.epoch, journal.revision())),
            mirrors: u32::try_from(state.mirrors).unwrap_or(u32::MAX),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Locks the map and the journal, if there is one.
    fn read<R>(
        &self,
        map: &Mutex<LocalMap>,
        read: impl FnOnce(&mut LockedFeed<'_>) -> R,
    ) -> Option<R> {
        let map = lock(map);
        let mut state = lock(&self.state);
        let FeedState {
            journal,
            mirrors,
            due,
            ..
        } = &mut *state;
        let before = *due;
        let mut source = LockedFeed {
            map,
            journal: journal.as_mut()?,
            due,
            drained: false,
            taken: false,
        };
        let result = read(&mut source);
        let LockedFeed {
            due,
            drained,
            taken,
            ..
        } = source;
        if drained {
            self.untaken.store(0, Ordering::Relaxed);
        }
        // Only one of the mirrors has seen what was taken.
        if taken && *mirrors > 1 {
            self.bell.send_replace(());
        }
        if *due < before {
            self.earlier.notify_one();
        }
        Some(result)
    }
}

impl Mirroring {
    /// Sets the number of the call for telemetry.
    pub(super) fn with_caller(mut self, caller: u64) -> Self {
        self.caller = caller;
        self
    }

    /// Returns the number that identifies the map.
    pub(super) fn epoch(&self) -> u64 {
        self.feed.epoch
    }

    /// Returns a receiver that sees each later change of the map.
    pub(super) fn bell(&self) -> watch::Receiver<()> {
        self.feed.bell.subscribe()
    }

    /// Counts entries that the mirror has refused.
    pub(super) fn refused(&self, entries: u64) {
        self.feed.refused.fetch_add(entries, Ordering::Relaxed);
    }

    /// Locks the map and its journal, which there is while there is a mirror.
    pub(super) fn read<R>(&self, read: impl FnOnce(&mut LockedFeed<'_>) -> R) -> Option<R> {
        self.feed.read(&self.map, |locked| {
            locked.map.set_caller(self.caller);
            read(locked)
        })
    }
}

impl Drop for Mirroring {
    fn drop(&mut self) {
        let mut state = lock(&self.feed.state);
        state.mirrors -= 1;
        if state.mirrors == 0 {
            state.idle_since = Some(Instant::now());
        }
    }
}

impl Source for LockedFeed<'_> {
    type Error = WatchError;

    fn drain(&mut self) -> Result<bool, WatchError> {
        let changes = self.map.changes()?;
        for changed in &changes.changed {
            let kind = match changed.became {
                Became::Touched => Kind::Ttl,
                Became::Stored | Became::Gone => Kind::Value,
            };
            self.journal.note(&changed.key, kind);
        }
        if changes.lost {
            self.journal.forget();
        }
        self.drained = true;
        self.taken |= changes.lost || !changes.changed.is_empty();
        let due_in = match changes.more {
            true => Duration::ZERO,
            false => changes.due_in.unwrap_or(POLL).clamp(SOONEST, POLL),
        };
        *self.due = Instant::now() + due_in;
        Ok(!changes.more)
    }

    fn journal(&self) -> &Journal {
        self.journal
    }

    fn scan(&mut self, cursor: u64) -> Result<Page, WatchError> {
        let page = self.map.scan(b"", cursor, PAGE)?;
        let entries = page.entries.into_iter();
        Ok(Page {
            entries: entries
                .map(|found| convert::entry(found.key.into(), found.entry))
                .collect(),
            next: page.next,
        })
    }

    fn peek(&mut self, keys: &[Arc<[u8]>]) -> Result<Vec<Option<Entry>>, WatchError> {
        let asked: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        let found = self.map.peek(&asked)?.into_iter().zip(keys);
        let entries = found.map(|(entry, key)| {
            let key = Bytes::copy_from_slice(key);
            Some(convert::entry(key, entry?))
        });
        Ok(entries.collect())
    }
}

#[cfg(test)]
mod tests;
