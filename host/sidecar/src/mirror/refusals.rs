//! The versions that a mirror has refused.

use bytes::Bytes;
use localmap_sidecar_proto::Entry;
use std::collections::HashMap;

/// The bytes that all refusals of a mirror may take.
const MAX_BYTES: usize = 8 << 20;

/// The bytes that a refusal takes in addition to its key, rounded up.
const REFUSAL_BYTES: usize = 128;

/// The versions that a mirror has refused, by their keys. Those that are no longer in the map are
/// dropped when the mirror is told so.
#[derive(Default)]
pub(super) struct Refusals {
    versions: HashMap<Bytes, u64>,
    bytes: usize,
}

/// The mirror has refused more than the server keeps in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the mirror has refused {entries} entries, more than the sidecar keeps: open another one, and let it \
     accept them"
)]
pub(super) struct TooManyRefused {
    entries: usize,
}

impl Refusals {
    /// Notes that a version was refused.
    pub(super) fn insert(&mut self, key: Bytes, version: u64) -> Result<(), TooManyRefused> {
        let cost = key.len() + REFUSAL_BYTES;
        if self.versions.insert(key, version).is_none() {
            self.bytes += cost;
        }
        match self.bytes > MAX_BYTES {
            true => Err(TooManyRefused {
                entries: self.versions.len(),
            }),
            false => Ok(()),
        }
    }

    /// Returns `true` if this version of the entry was refused. Forgets the refusal of another one.
    pub(super) fn has(&mut self, entry: &Entry) -> bool {
        match self.versions.get(&entry.key) {
            Some(refused) if *refused == entry.version => true,
            Some(_) => {
                self.remove(&entry.key);
                false
            }
            None => false,
        }
    }

    /// Forgets the refusal of a key.
    pub(super) fn remove(&mut self, key: &[u8]) {
        if self.versions.remove(key).is_some() {
            self.bytes -= key.len() + REFUSAL_BYTES;
        }
    }

    /// Forgets all refusals.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &'static str, version: u64) -> Entry {
        Entry {
            key: key.into(),
            version,
            ..Entry::default()
        }
    }

    #[test]
    fn a_refusal_is_of_one_version() {
        let mut refusals = Refusals::default();
        refusals.insert("a".into(), 3).expect("there is room");
        assert!(refusals.has(&entry("a", 3)) && refusals.has(&entry("a", 3)));
        assert!(!refusals.has(&entry("b", 3)));
        assert!(!refusals.has(&entry("a", 4)));
        // Version 3 never comes back.
        assert!(!refusals.has(&entry("a", 3)));
        assert_eq!(refusals.bytes, 0);
    }

    #[test]
    fn the_bytes_are_bounded() {
        let mut refusals = Refusals::default();
        let mut refuse = |key: u64| refusals.insert(key.to_le_bytes().to_vec().into(), key);
        let refused = (0..).find_map(|key| refuse(key).err()).expect("an end");
        assert!(refuse(0).is_err());
        assert_eq!(refused.entries, MAX_BYTES / (REFUSAL_BYTES + 8) + 1);
        refusals.clear();
        assert_eq!((refusals.bytes, refusals.versions.len()), (0, 0));
    }
}
