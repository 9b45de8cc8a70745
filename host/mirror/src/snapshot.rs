//! Reading the published copy of a mirror, without its lock.

use crate::error::ReadError;
use crate::read::{EntryRef, Freshness, MirrorEntry, Read};
use crate::shared::Shared;
use crate::stored::entry;
use std::fmt;
use std::sync::Arc;

/// Reads the published copy of a mirror, from any number of threads at a time, and without entering the
/// sandbox. Clones are cheap. See [`MirrorReader::snapshot`](crate::MirrorReader::snapshot).
///
/// The copy is published [from time to time](crate::MirrorOptions::publish), so it is older than that of
/// [`MirrorReader`](crate::MirrorReader), and each read says by how much at most.
#[derive(Clone)]
pub struct MirrorSnapshot {
    shared: Arc<Shared>,
}

impl MirrorSnapshot {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Returns the entry of `key`, which is counted without the prefix; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`MirrorReader::get`](crate::MirrorReader::get).
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Read<Option<MirrorEntry>>, ReadError> {
        self.get_with(key, |entry| entry.map(EntryRef::to_entry))
    }

    /// Calls `read` with the entry of `key`, which is not copied, and returns its result.
    ///
    /// The next publication waits for `read`, and with it all snapshots do.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`get`](Self::get).
    pub fn get_with<R>(
        &self,
        key: impl AsRef<[u8]>,
        read: impl FnOnce(Option<EntryRef<'_>>) -> R,
    ) -> Result<Read<R>, ReadError> {
        let key = key.as_ref();
        let published = self.shared.published();
        let options = self.shared.options();
        let result = published.read(|current| {
            let age = self.shared.now().saturating_sub(current.fresh_at());
            if age > options.max_stale {
                return None;
            }
            if let Some(reason) = current.omitted(key) {
                return Some(Err(ReadError::Omitted { index: 0, reason }));
            }
            let found = current
                .snapshot
                .read(|view| read(view.get(key).and_then(|found| entry(found.value))));
            let is_fresh = published.is_live() && age < options.probe * 2;
            Some(found.map_err(|_| ReadError::Ended).map(|found| Read {
                found,
                as_of: current.revision,
                freshness: match is_fresh {
                    true => Freshness::Fresh { age },
                    false => Freshness::Stale { age },
                },
            }))
        });
        // The status of the mirror says why. If that is readable, the next publication is late.
        result.flatten().unwrap_or_else(|| Err(self.shared.late()))
    }
}

impl fmt::Debug for MirrorSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirrorSnapshot").finish_non_exhaustive()
    }
}
