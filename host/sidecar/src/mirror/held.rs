//! What a mirror says that it holds, while it is compared with the map.

use bytes::Bytes;
use localmap_sidecar_proto::Entry;
use localmap_sidecar_proto::mirror_request::HeldEntry;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that the held entries of a mirror may take, and those of all mirrors of a sidecar.
const MAX_BYTES: usize = 32 << 20;
const MAX_ALL_BYTES: usize = 128 << 20;

/// The bytes that an entry takes in addition to its key, rounded up.
const ENTRY_BYTES: usize = 96;

/// The keys that a mirror holds, with their versions.
pub(super) struct Held {
    entries: HashMap<Bytes, HeldVersion>,
    /// The keys that are not in the map.
    absent: Vec<Bytes>,
    bytes: usize,
    budget: Arc<HeldBudget>,
}

/// The bytes that the held entries of all mirrors take.
#[derive(Debug, Default)]
pub(crate) struct HeldBudget(AtomicUsize);

impl HeldBudget {
    /// Takes some bytes. Returns `false` if there are too few left.
    fn take(&self, bytes: usize) -> bool {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) <= MAX_ALL_BYTES
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy)]
struct HeldVersion {
    version: u64,
    never_expires: bool,
}

/// What a mirror needs to hold an entry as the map does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    Nothing,
    /// Its remaining time.
    Ttl,
    /// All of it.
    Value,
}

impl Held {
    /// Creates an empty list, which takes its bytes from a budget.
    pub(super) fn new(budget: &Arc<HeldBudget>) -> Self {
        Self {
            entries: HashMap::new(),
            absent: Vec::new(),
            bytes: 0,
            budget: Arc::clone(budget),
        }
    }

    /// Adds some entries. Returns `false` if there is no room for them.
    pub(super) fn add(&mut self, entries: Vec<HeldEntry>) -> bool {
        for entry in entries {
            let HeldEntry {
                key,
                version,
                never_expires,
            } = entry;
            let bytes = key.len() + ENTRY_BYTES;
            self.bytes += bytes;
            if !self.budget.take(bytes) || self.bytes > MAX_BYTES {
                return false;
            }
            // A copy, since the key would keep all of the message.
            let key = Bytes::copy_from_slice(&key);
            let held = HeldVersion {
                version,
                never_expires,
            };
            self.entries.insert(key, held);
        }
        true
    }

    /// Returns what the mirror needs of an entry of the map.
    pub(super) fn needs(&self, entry: &Entry) -> Needed {
        match self.entries.get(&entry.key) {
            Some(held) if held.version == entry.version => {
                match held.never_expires && entry.expires_in_nanos.is_none() {
                    true => Needed::Nothing,
                    false => Needed::Ttl,
                }
            }
            _ => Needed::Value,
        }
    }

    /// Takes out a key that is in the map.
    pub(super) fn remove(&mut self, key: &[u8]) {
        self.entries.remove(key);
    }

    /// Makes all keys absent that have not been taken out.
    pub(super) fn end(&mut self) {
        self.absent = std::mem::take(&mut self.entries).into_keys().collect();
    }

    /// Returns a key that is absent, until it is [popped](Self::pop_absent).
    pub(super) fn absent(&self) -> Option<&Bytes> {
        self.absent.last()
    }

    /// Takes out the key that [`absent`](Self::absent) returns.
    pub(super) fn pop_absent(&mut self) {
        self.absent.pop();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(key: &'static str, version: u64, never_expires: bool) -> HeldEntry {
        HeldEntry {
            key: key.into(),
            version,
            never_expires,
        }
    }

    fn entry(key: &'static str, version: u64, expires_in_nanos: Option<u64>) -> Entry {
        Entry {
            key: key.into(),
            value: "v".into(),
            version,
            expires_in_nanos,
        }
    }

    #[test]
    fn only_differences_are_needed() {
        let mut all = Held::new(&Arc::default());
        assert!(all.add(vec![
            held("a", 1, true),
            held("b", 2, false),
            held("c", 3, true)
        ]));
        assert_eq!(all.needs(&entry("a", 1, None)), Needed::Nothing);
        assert_eq!(all.needs(&entry("a", 1, Some(1))), Needed::Ttl);
        assert_eq!(all.needs(&entry("b", 2, None)), Needed::Ttl);
        assert_eq!(all.needs(&entry("b", 3, None)), Needed::Value);
        assert_eq!(all.needs(&entry("d", 1, None)), Needed::Value);
        all.remove(b"a");
        all.remove(b"b");
        all.end();
        assert_eq!(all.absent().map(|key| &key[..]), Some(&b"c"[..]));
        all.pop_absent();
        assert_eq!(all.absent(), None);
    }

    /// Adds entries until there is no room.
    fn fill(all: &mut Held) {
        let part = |at: u64| {
            let keys = (0..1_000).map(|key| at * 1_000 + key);
            let entries = keys.map(|key| HeldEntry {
                key: key.to_le_bytes().to_vec().into(),
                ..HeldEntry::default()
            });
            entries.collect::<Vec<_>>()
        };
        assert!((0..1_000).any(|at| !all.add(part(at))));
    }

    #[test]
    fn the_bytes_of_one_and_of_all_are_bounded() {
        let budget = Arc::default();
        let mut all: Vec<_> = (0..6).map(|_| Held::new(&budget)).collect();
        for held in &mut all {
            fill(held);
        }
        let taken: Vec<_> = all.iter().map(|held| held.entries.len() * 104).collect();
        assert!(taken.iter().all(|bytes| *bytes <= MAX_BYTES));
        assert!(taken[0] > MAX_BYTES - 104 && taken[5] == 0, "{taken:?}");
        drop(all);
        let mut held = Held::new(&budget);
        fill(&mut held);
        assert_eq!(held.entries.len() * 104, taken[0]);
    }
}
