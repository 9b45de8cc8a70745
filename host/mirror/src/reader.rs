//! Reading a mirror.

use crate::block_on::block_on;
use crate::error::ReadError;
use crate::read::{EntryRef, MirrorEntry, OmittedKey, Read};
use crate::replica::Replica;
use crate::shared::{ENDED, Shared};
use crate::snapshot::MirrorSnapshot;
use crate::status::MirrorStatus;
use localmap::MapTerminated;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// Reads a mirror, from any thread. Clones are cheap and read the same mirror.
///
/// Each read sees the prefix as it was at one revision, and says [how old](crate::Freshness) that is at
/// most. A read never returns a value that is older than
/// [`max_stale`](crate::MirrorOptions::max_stale): it returns an error instead.
///
/// A read takes the lock of the mirror for as long as it lasts, and waits while a revision is applied.
#[derive(Clone)]
pub struct MirrorReader {
    shared: Arc<Shared>,
}

impl MirrorReader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Returns the entry of `key`, which is counted without the prefix; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// Returns [`ReadError`] if the copy is too old or if there is none, and [`ReadError::Omitted`] if the
    /// source has a value that the map cannot hold.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Read<Option<MirrorEntry>>, ReadError> {
        self.get_with(key, |entry| entry.map(EntryRef::to_entry))
    }

    /// Calls `read` with the entry of `key`, which is not copied, and returns its result.
    ///
    /// `read` runs under the lock of the mirror, so it must be brief and must not read the mirror.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`get`](Self::get). `read` may have been called before
    /// [`ReadError::Ended`].
    pub fn get_with<R>(
        &self,
        key: impl AsRef<[u8]>,
        read: impl FnOnce(Option<EntryRef<'_>>) -> R,
    ) -> Result<Read<R>, ReadError> {
        let key = key.as_ref();
        self.shared.read(|replica| {
            held(replica, 0, key)?;
            replica.get_with(key, read).map_err(ended)
        })
    }

    /// Returns the entries of several keys at one revision, in the order of the keys; `None` for each that
    /// is absent.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`get`](Self::get). With [`ReadError::Omitted`] there is the index of the first
    /// such key.
    pub fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
    ) -> Result<Read<Vec<Option<MirrorEntry>>>, ReadError> {
        self.shared.read(|replica| {
            let get = |(index, key): (usize, &K)| {
                let key = key.as_ref();
                held(replica, index, key)?;
                replica
                    .get_with(key, |entry| entry.map(EntryRef::to_entry))
                    .map_err(ended)
            };
            keys.iter().enumerate().map(get).collect()
        })
    }

    /// Returns the entries of the first of these keys, at one revision: of as many as have values of at most
    /// `max_bytes` together, and at least of one.
    pub(crate) fn get_some(
        &self,
        keys: &[&[u8]],
        max_bytes: usize,
    ) -> Result<Read<Vec<Option<MirrorEntry>>>, ReadError> {
        self.shared.read(|replica| {
            let (mut some, mut room) = (Vec::with_capacity(keys.len()), max_bytes);
            for (index, key) in keys.iter().enumerate() {
                held(replica, index, key)?;
                let fitting = |entry: Option<EntryRef<'_>>| {
                    let len = entry.map_or(0, |entry| entry.value.len());
                    let fits = index == 0 || len <= room;
                    room = room.saturating_sub(len);
                    fits.then(|| entry.map(EntryRef::to_entry))
                };
                match replica.get_with(key, fitting).map_err(ended)? {
                    Some(entry) => some.push(entry),
                    None => break,
                }
            }
            Ok(some)
        })
    }

    /// Calls `visit` with each key and its entry, in no order, until it breaks.
    ///
    /// All are of one revision. `visit` runs under the lock of the mirror, so nothing is applied meanwhile:
    /// for thousands of keys this takes milliseconds.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`get`](Self::get), except for [`ReadError::Omitted`]: omitted keys are not
    /// visited.
    pub fn visit(
        &self,
        visit: impl FnMut(&[u8], EntryRef<'_>) -> ControlFlow<()>,
    ) -> Result<Read<()>, ReadError> {
        self.shared
            .read(|replica| replica.visit(visit).map_err(ended))
    }

    /// Returns the keys that the source has and the map cannot hold, with the reasons, in no order.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`visit`](Self::visit).
    pub fn omitted(&self) -> Result<Read<Vec<OmittedKey>>, ReadError> {
        self.shared.read(|replica| {
            let keys = replica.omitted().iter();
            let omitted = |(key, reason): (&[u8], _)| OmittedKey {
                key: key.to_vec(),
                reason,
            };
            Ok(keys.map(omitted).collect())
        })
    }

    /// Returns what the mirror does, how old its copy is, and what has happened.
    #[must_use]
    pub fn status(&self) -> MirrorStatus {
        self.shared.status()
    }

    /// Waits until the mirror can be read: until its first list is complete, or until it is not too old any
    /// more. Blocks the thread, and needs no runtime.
    ///
    /// # Errors
    ///
    /// Returns [`ReadError::NotReady`] or [`ReadError::TooStale`] if that takes longer than `timeout`, and
    /// the errors of [`until_ready`](Self::until_ready).
    pub fn ready(&self, timeout: Duration) -> Result<(), ReadError> {
        match block_on(self.until_ready(), timeout) {
            Some(result) => result,
            None => self.shared.readable().map(|_| ()),
        }
    }

    /// Waits until the mirror can be read.
    ///
    /// # Errors
    ///
    /// Returns [`ReadError::DoesNotFit`] and [`ReadError::OtherCluster`], which may last until somebody
    /// changes something, and [`ReadError::Ended`].
    pub async fn until_ready(&self) -> Result<(), ReadError> {
        let mut revisions = self.shared.revisions();
        loop {
            revisions.mark_unchanged();
            match self.shared.readable() {
                Err(ReadError::NotReady { .. } | ReadError::TooStale { .. }) => {}
                result => return result.map(|_| ()),
            }
            // The sender is a part of what this reader shares.
            let _ = revisions.changed().await;
        }
    }

    /// Waits until the copy has `revision` or a later one, and returns the revision that it has.
    ///
    /// # Errors
    ///
    /// Returns [`ReadError::Ended`] if the mirror ends before.
    pub async fn changed(&self, revision: u64) -> Result<u64, ReadError> {
        let mut revisions = self.shared.revisions();
        match revisions.wait_for(|&now| now >= revision).await {
            Ok(now) if *now != ENDED => Ok(*now),
            _ => Err(ReadError::Ended),
        }
    }

    /// Publishes the copy, and returns a reader that needs no lock of the mirror. From now on the mirror
    /// publishes its copy [from time to time](crate::MirrorOptions::publish), which costs a copy of all
    /// entries each time, and their memory.
    ///
    /// Use it where many threads read a small prefix that changes seldom.
    ///
    /// # Errors
    ///
    /// Returns [`ReadError::Ended`] if the mirror has ended.
    pub fn snapshot(&self) -> Result<MirrorSnapshot, ReadError> {
        self.shared.published().want();
        self.shared.publish_now().map_err(ended)?;
        Ok(MirrorSnapshot::new(Arc::clone(&self.shared)))
    }
}

impl fmt::Debug for MirrorReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirrorReader")
            .field("status", &self.status())
            .finish()
    }
}

/// Checks that a key is not omitted.
fn held(replica: &Replica, index: usize, key: &[u8]) -> Result<(), ReadError> {
    match replica.omitted().get(key) {
        None => Ok(()),
        Some(reason) => Err(ReadError::Omitted { index, reason }),
    }
}

/// A map that has terminated is one that was dropped: nobody else has it.
fn ended(_: MapTerminated) -> ReadError {
    ReadError::Ended
}
