//! A map, a mirror and random numbers.

use crate::mirror::journal::{Journal, Kind};
use crate::mirror::source::{Page, Source};
use bytes::Bytes;
use localmap_sidecar_proto::mirror_request::{HeldEntry, Nack};
use localmap_sidecar_proto::{Entry, MirrorResponse};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

pub(super) const EPOCH: u64 = 7;

/// The most changes that the map lists until it loses some.
const LISTED: usize = 40;

/// Random numbers (xorshift).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// A value, its version and its deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stored {
    value: Bytes,
    version: u64,
    deadline: Option<u64>,
}

/// A map that tells its changes as that of the library does.
pub(super) struct Map {
    entries: BTreeMap<Bytes, Stored>,
    now: u64,
    version: u64,
    listed: VecDeque<(Bytes, Kind)>,
    lost: bool,
    journal: Journal,
    /// The number of entries of a page.
    pub(super) page: usize,
}

impl Map {
    pub(super) fn new(journal_bytes: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            now: 0,
            version: 0,
            listed: VecDeque::new(),
            lost: false,
            journal: Journal::new(1, journal_bytes),
            page: 100,
        }
    }

    pub(super) fn set(&mut self, key: &str, value: &str, ttl: Option<u64>) {
        self.version += 1;
        let stored = Stored {
            value: Bytes::copy_from_slice(value.as_bytes()),
            version: self.version,
            deadline: ttl.map(|ttl| self.now + ttl),
        };
        let key = Bytes::copy_from_slice(key.as_bytes());
        self.entries.insert(key.clone(), stored);
        self.list(key, Kind::Value);
    }

    pub(super) fn touch(&mut self, key: &str, ttl: Option<u64>) {
        let (now, deadline) = (self.now, ttl.map(|ttl| self.now + ttl));
        if let Some((key, stored)) = self.entries.get_key_value(key.as_bytes())
            && stored.deadline.is_none_or(|deadline| deadline > now)
        {
            let (key, touched) = (key.clone(), stored.clone());
            self.entries.insert(
                key.clone(),
                Stored {
                    deadline,
                    ..touched
                },
            );
            self.list(key, Kind::Ttl);
        }
    }

    pub(super) fn delete(&mut self, key: &str) {
        if let Some((key, _)) = self.entries.remove_entry(key.as_bytes()) {
            self.list(key, Kind::Value);
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.lose();
    }

    /// Loses the changes that are listed.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    pub(super) fn advance(&mut self, by: u64) {
        self.now += by;
    }

    /// Makes a random change.
    pub(super) fn change(&mut self, random: &mut Random) {
        let key = format!("key {}", random.below(25));
        let ttl = random.one_in(2).then(|| 1 + random.below(30) as u64);
        match random.below(8) {
            0..=2 => {
                let len = [1, 10, 300_000]
                    [usize::from(random.one_in(2)) + usize::from(random.one_in(30))];
                self.set(&key, &"v".repeat(len), ttl);
            }
            3..=4 => self.touch(&key, ttl),
            5 => self.delete(&key),
            _ => self.advance(random.below(4) as u64),
        }
    }

    fn list(&mut self, key: Bytes, kind: Kind) {
        match self.listed.len() < LISTED && !self.lost {
            true => self.listed.push_back((key, kind)),
            false => self.lost = true,
        }
    }

    fn entry(&self, key: &Bytes) -> Option<Entry> {
        let stored = self.entries.get(key)?;
        let left = stored
            .deadline
            .map(|deadline| deadline.saturating_sub(self.now));
        (left != Some(0)).then(|| Entry {
            key: key.clone(),
            value: stored.value.clone(),
            version: stored.version,
            expires_in_nanos: left,
        })
    }
}

impl Source for Map {
    type Error = Infallible;

    fn drain(&mut self) -> Result<bool, Infallible> {
        let now = self.now;
        let is_due = |stored: &Stored| stored.deadline.is_some_and(|deadline| deadline <= now);
        let due = self.entries.iter().filter(|(_, stored)| is_due(stored));
        for key in due.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            if self.listed.len() < LISTED {
                self.entries.remove(&key);
                self.list(key, Kind::Value);
            }
        }
        for (key, kind) in self.listed.drain(..self.listed.len().min(9)) {
            self.journal.note(&key, kind);
        }
        let more = !self.listed.is_empty();
        if !more && std::mem::take(&mut self.lost) {
            self.journal.forget();
        }
        Ok(!more)
    }

    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn scan(&mut self, cursor: u64) -> Result<Page, Infallible> {
        // The place of a key stays the same while others come and go.
        let place = |key: &Bytes| {
            key.iter()
                .fold(1_u64, |sum, byte| sum * 31 % 65_537 + u64::from(*byte))
        };
        let mut keys: Vec<_> = self.entries.keys().map(|key| (place(key), key)).collect();
        keys.sort();
        let mut rest = keys.into_iter().filter(|(place, _)| *place >= cursor);
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for count in 0.. {
            let Some((place, key)) = rest.next() else {
                break;
            };
            let size = key.len() + self.entries[key].value.len();
            if count == self.page || count > 0 && bytes + size > 1 << 20 {
                let next = Some(place);
                return Ok(Page { entries, next });
            }
            bytes += size;
            entries.extend(self.entry(key));
        }
        let next = None;
        Ok(Page { entries, next })
    }

    fn peek(&mut self, keys: &[Arc<[u8]>]) -> Result<Vec<Option<Entry>>, Infallible> {
        let keys = keys.iter().map(|key| Bytes::copy_from_slice(key));
        Ok(keys.map(|key| self.entry(&key)).collect())
    }
}

/// A mirror that applies responses, and checks what it can of each.
#[derive(Default)]
pub(super) struct Mirror {
    pub(super) epoch: u64,
    pub(super) revision: u64,
    entries: HashMap<Bytes, Stored>,
    /// What it has refused.
    pub(super) refused: HashMap<Bytes, u64>,
    /// Whether it is being sent everything, or what differs.
    scanned: bool,
    /// Whether keys may differ from the map, because their refusals were before the stream.
    unknown: BTreeSet<Bytes>,
}

impl Mirror {
    pub(super) fn apply(&mut self, response: &MirrorResponse, map: &Map) {
        self.apply_but(response, &BTreeSet::new(), map);
    }

    /// Applies a response but for the entries of some keys, and compares itself with the map.
    pub(super) fn apply_but(
        &mut self,
        response: &MirrorResponse,
        refused: &BTreeSet<Bytes>,
        map: &Map,
    ) {
        self.check(response);
        if response.reset {
            self.entries.clear();
            self.refused.clear();
            self.unknown.clear();
            self.scanned = true;
        }
        for key in &response.removed {
            self.entries.remove(key);
            self.refused.remove(key);
            self.unknown.remove(key);
        }
        let deadline = |left: Option<u64>| left.map(|left| map.now + left);
        for refresh in &response.refreshed {
            if refused.contains(&refresh.key) {
                self.refuse_one(&refresh.key, refresh.version);
            } else if let Some(held) = self.entries.get_mut(&refresh.key)
                && held.version == refresh.version
            {
                held.deadline = deadline(refresh.expires_in_nanos);
                self.unknown.remove(&refresh.key);
            } else {
                assert!(
                    self.unknown.contains(&refresh.key),
                    "{refresh:?} is not held"
                );
            }
        }
        for entry in &response.entries {
            if refused.contains(&entry.key) {
                self.refuse_one(&entry.key, entry.version);
                continue;
            }
            self.refused.remove(&entry.key);
            self.unknown.remove(&entry.key);
            let stored = Stored {
                value: entry.value.clone(),
                version: entry.version,
                deadline: deadline(entry.expires_in_nanos),
            };
            self.entries.insert(entry.key.clone(), stored);
        }
        self.epoch = response.epoch;
        self.revision = response.revision;
        if !response.more {
            self.scanned = false;
            self.assert_equals(map);
        }
    }

    fn refuse_one(&mut self, key: &Bytes, version: u64) {
        self.refused.insert(key.clone(), version);
        self.unknown.insert(key.clone());
    }

    /// Checks that a response is one, and sends no value that is held.
    fn check(&self, response: &MirrorResponse) {
        assert_eq!(response.epoch, EPOCH);
        let keys = response.entries.iter().map(|entry| &entry.key);
        let keys = keys.chain(response.refreshed.iter().map(|refresh| &refresh.key));
        let keys: Vec<_> = keys.chain(&response.removed).collect();
        let different: BTreeSet<_> = keys.iter().collect();
        assert_eq!(keys.len(), different.len(), "a key comes twice");
        let bytes = |entry: &Entry| entry.key.len() + entry.value.len();
        let bytes = response.entries.iter().map(bytes).sum::<usize>();
        assert!(bytes <= 1 << 20 || response.entries.len() == 1);
        for entry in &response.entries {
            let held = self.entries.get(&entry.key).map(|held| held.version);
            let scan = self.scanned && response.revision != 0;
            assert!(
                response.reset || scan || held != Some(entry.version),
                "a value that is held: {:?}",
                entry.key
            );
            let refused = self.refused.get(&entry.key) == Some(&entry.version);
            assert!(response.reset || !refused, "a version that was refused");
        }
    }

    /// Chooses entries of a response to refuse.
    pub(super) fn refuse(
        &self,
        response: &MirrorResponse,
        random: &mut Random,
    ) -> (BTreeSet<Bytes>, Nack) {
        let entries = response.entries.iter().map(|entry| &entry.key);
        let refreshed = response.refreshed.iter().map(|refresh| &refresh.key);
        let all = entries.chain(refreshed).cloned();
        let keys: BTreeSet<Bytes> = all.filter(|_| random.one_in(3)).collect();
        // Without keys, it would refuse all of it.
        let named = match keys.is_empty() {
            true => vec![Bytes::from("another")],
            false => keys.iter().cloned().collect(),
        };
        let nack = Nack {
            nonce: response.nonce,
            keys: named,
            message: String::new(),
            resync: random.one_in(4),
        };
        (keys, nack)
    }

    /// Notes that it is compared with the map.
    pub(super) fn compares(&mut self) {
        self.refused.clear();
        self.scanned = true;
    }

    pub(super) fn held(&self) -> Vec<HeldEntry> {
        let entries = self.entries.iter().map(|(key, stored)| HeldEntry {
            key: key.clone(),
            version: stored.version,
            never_expires: stored.deadline.is_none(),
        });
        entries.collect()
    }

    /// Checks that it holds what the map holds, but for what it has refused. It may hold an entry for
    /// longer, if time has passed since that was read, but not for less.
    pub(super) fn assert_equals(&self, map: &Map) {
        let there = map.entries.keys().filter(|key| map.entry(key).is_some());
        let keys: BTreeSet<_> = there.chain(self.entries.keys()).collect();
        for key in keys.into_iter().filter(|key| !self.unknown.contains(*key)) {
            let (here, there) = (&self.entries[key], &map.entries[key]);
            assert_eq!((&here.value, here.version), (&there.value, there.version));
            assert!(here.deadline >= there.deadline, "{here:?} {there:?}");
            assert_eq!(here.deadline.is_some(), there.deadline.is_some());
        }
    }
}
