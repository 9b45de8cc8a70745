//! The copy of a map: applies what the sidecar sends, and says what to reply. Does no I/O.

use super::update::{Held, Update};
use crate::entry::Version;
use bytes::Bytes;
use localmap_sidecar_proto::mirror_request::HeldEntry;
use std::collections::HashMap;

/// The bytes that an entry takes in addition to its key and value, rounded up.
const ENTRY_OVERHEAD: usize = 192;

/// The copy of a map.
#[derive(Debug, Default)]
pub(super) struct Replica {
    entries: HashMap<Bytes, Held>,
    /// The versions that were not accepted, by key.
    refused: HashMap<Bytes, Version>,
    bytes: usize,
    max_bytes: usize,
    epoch: u64,
    revision: u64,
    more: bool,
}

/// The reply to a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// All of it was applied.
    Ack,
    /// All of it was applied except for some keys.
    Refuse {
        /// The keys.
        keys: Vec<Bytes>,
        /// The reason of the first.
        message: String,
    },
    /// The copy and the map have diverged. Everything is to be sent again.
    Resync {
        /// How that was seen.
        message: String,
    },
}

/// The copy would hold too much. It was dropped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Replica {
    /// Creates an empty copy that holds at most `max_bytes`.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            more: true,
            ..Self::default()
        }
    }

    /// Applies an update, and returns the reply.
    pub(super) fn apply(&mut self, update: Update) -> Result<Reply, TooLarge> {
        if update.reset || self.epoch == 0 {
            self.clear();
        } else if update.epoch != self.epoch {
            // Changes of a map that is not held mean nothing here.
            return Ok(self.resync("another epoch without a reset".to_owned()));
        }
        self.epoch = update.epoch;
        for key in &update.removed {
            self.remove(key);
        }
        let unknown = self.refresh(&update);
        let mut keys = Vec::with_capacity(update.refused.len());
        for (key, version) in update.refused {
            keys.push(key.clone());
            self.refuse(key, version)?;
        }
        for (key, held) in update.entries {
            self.store(key, held)?;
        }
        self.revision = update.revision;
        self.more = update.more;
        if unknown > 0 {
            return Ok(self.resync(format!("{unknown} refreshed versions that are not held")));
        }
        if keys.is_empty() {
            return Ok(Reply::Ack);
        }
        Ok(Reply::Refuse {
            keys,
            message: update.reason,
        })
    }

    /// Drops all entries, and forgets which map they were of.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_bytes);
    }

    /// Returns what is held of a key, even if it has expired.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Held> {
        self.entries.get(key)
    }

    /// Returns all that is held, even what has expired.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Held)> {
        self.entries.iter()
    }

    /// Returns the versions of all that is held, for a comparison.
    pub(super) fn held_versions(&self) -> Vec<HeldEntry> {
        let held = self.entries.iter();
        held.map(|(key, held)| HeldEntry {
            key: key.clone(),
            version: held.version,
            never_expires: held.deadline.is_none(),
        })
        .collect()
    }

    /// Returns the number of entries held.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of keys whose present value was refused.
    pub(super) fn refused(&self) -> usize {
        self.refused.len()
    }

    /// Returns the number of bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the epoch of the map; 0 if nothing is held.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the revision from which the sidecar can go on. It is 0 while the copy is partial.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns `true` if the last update had no more to follow.
    pub(super) fn is_whole(&self) -> bool {
        !self.more
    }

    /// Sets the new deadlines. Returns the number of refreshed versions that are neither held nor
    /// refused.
    fn refresh(&mut self, update: &Update) -> usize {
        let mut unknown = 0;
        for refreshed in &update.refreshed {
            match self.entries.get_mut(&refreshed.key) {
                Some(held) if held.version == refreshed.version => {
                    held.deadline = refreshed.deadline;
                }
                _ if self.refused.get(&refreshed.key) == Some(&refreshed.version) => {}
                _ => unknown += 1,
            }
        }
        unknown
    }

    /// Asks for everything. Until it comes, the copy is not that of any revision.
    fn resync(&mut self, message: String) -> Reply {
        self.revision = 0;
        self.more = true;
        Reply::Resync { message }
    }

    fn store(&mut self, key: Bytes, held: Held) -> Result<(), TooLarge> {
        self.forget_refusal(&key);
        let new = size(&key, held.value.len());
        let len = key.len();
        if let Some(old) = self.entries.insert(key, held) {
            self.bytes -= len + old.value.len() + ENTRY_OVERHEAD;
        }
        self.add(new)
    }

    fn refuse(&mut self, key: Bytes, version: Version) -> Result<(), TooLarge> {
        let new = size(&key, 0);
        match self.refused.insert(key, version) {
            Some(_) => Ok(()),
            None => self.add(new),
        }
    }

    fn remove(&mut self, key: &[u8]) {
        self.forget_refusal(key);
        if let Some(old) = self.entries.remove(key) {
            self.bytes -= size(key, old.value.len());
        }
    }

    fn forget_refusal(&mut self, key: &[u8]) {
        if self.refused.remove(key).is_some() {
            self.bytes -= size(key, 0);
        }
    }

    fn add(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.bytes += bytes;
        if self.bytes > self.max_bytes {
            self.clear();
            return Err(TooLarge);
        }
        Ok(())
    }
}

fn size(key: &[u8], value_len: usize) -> usize {
    key.len() + value_len + ENTRY_OVERHEAD
}

#[cfg(test)]
mod tests;
