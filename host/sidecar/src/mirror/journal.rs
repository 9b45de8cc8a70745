//! Which keys of a map have changed, in the order of their changes; one journal for all mirrors of the
//! map.
//!
//! It has keys and no values: a value is read when it is sent, so a mirror that stops costs nothing
//! more, and a value that is overwritten before that is never copied.
//!
//! A key is in the journal at most twice: where its value last changed, and where its TTL has changed
//! since. A mirror that has been sent all changes up to a revision therefore holds the value of each key
//! whose TTL alone comes after it, even if that revision lies between two parts of a batch.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

/// The bytes that a change takes in addition to its key, rounded up.
const CHANGE_BYTES: usize = 128;

/// What has changed of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its value: it was stored or removed.
    Value,
    /// Its TTL alone.
    Ttl,
}

/// A change of a key. There is no later change of the same kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noted {
    /// The number of the change.
    pub(super) revision: u64,
    pub(super) key: Arc<[u8]>,
    /// The number of the last change of the value, if the journal has it. With [`Kind::Value`], that
    /// of this change.
    pub(super) stored: Option<u64>,
}

/// The last changes of the keys of a map.
pub(super) struct Journal {
    /// The number of changes so far.
    revision: u64,
    /// The number of the last change that the journal has forgotten.
    floor: u64,
    order: BTreeMap<u64, (Arc<[u8]>, Kind)>,
    keys: HashMap<Arc<[u8]>, Places>,
    bytes: usize,
    max_bytes: usize,
}

/// The places of a key in the order, at least one.
#[derive(Default)]
struct Places {
    value: Option<u64>,
    ttl: Option<u64>,
}

impl Journal {
    /// Creates an empty journal that begins after `revision` changes, all of which are forgotten.
    pub(super) fn new(revision: u64, max_bytes: usize) -> Self {
        Self {
            revision,
            floor: revision,
            order: BTreeMap::new(),
            keys: HashMap::new(),
            bytes: 0,
            max_bytes,
        }
    }

    /// Returns the number of changes so far.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the bytes that the journal takes, of at most `max_bytes`.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns `true` if the journal has all keys that have changed after `revision`.
    pub(super) fn covers(&self, revision: u64) -> bool {
        (self.floor..=self.revision).contains(&revision)
    }

    /// Notes a change, and forgets the oldest ones if they take too many bytes.
    pub(super) fn note(&mut self, key: &[u8], kind: Kind) {
        self.revision += 1;
        let known = self.keys.get_key_value(key);
        let key = known.map_or_else(|| Arc::from(key), |(key, _)| Arc::clone(key));
        let places = self.keys.entry(Arc::clone(&key)).or_default();
        let ttl = places.ttl.take();
        let value = match kind {
            Kind::Value => places.value.replace(self.revision),
            Kind::Ttl => {
                places.ttl = Some(self.revision);
                None
            }
        };
        for before in [ttl, value].into_iter().flatten() {
            if self.order.remove(&before).is_some() {
                self.bytes -= cost(&key);
            }
        }
        self.bytes += cost(&key);
        self.order.insert(self.revision, (key, kind));
        self.trim();
    }

    /// Notes that an unknown number of keys have changed.
    pub(super) fn forget(&mut self) {
        self.revision += 1;
        self.floor = self.revision;
        self.order = BTreeMap::new();
        self.keys = HashMap::new();
        self.bytes = 0;
    }

    /// Returns the changes after `revision`, which the journal must [cover](Self::covers), in their
    /// order.
    pub(super) fn after(&self, revision: u64) -> impl Iterator<Item = Noted> {
        let later = self.order.range((Excluded(revision), Unbounded));
        later.map(|(revision, (key, _))| Noted {
            revision: *revision,
            key: Arc::clone(key),
            stored: self.keys.get(key).and_then(|places| places.value),
        })
    }

    fn trim(&mut self) {
        while self.bytes > self.max_bytes
            && let Some((revision, (key, kind))) = self.order.pop_first()
        {
            self.floor = revision;
            self.bytes -= cost(&key);
            if let Some(places) = self.keys.get_mut(&key) {
                match kind {
                    Kind::Value => places.value = None,
                    Kind::Ttl => places.ttl = None,
                }
                if places.value.is_none() && places.ttl.is_none() {
                    self.keys.remove(&key);
                }
            }
        }
    }
}

/// Returns the bytes that a change of a key takes.
fn cost(key: &[u8]) -> usize {
    key.len() + CHANGE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(changes: &[(&str, Kind)]) -> Journal {
        let mut journal = Journal::new(10, 1 << 20);
        for (key, kind) in changes {
            journal.note(key.as_bytes(), *kind);
        }
        journal
    }

    /// Returns the revisions and keys after `revision`, and whether each is sent as a value to a mirror
    /// that has all up to `revision`.
    fn after(journal: &Journal, revision: u64) -> Vec<(u64, String, bool)> {
        let changes = journal.after(revision).map(|noted| {
            let key = String::from_utf8_lossy(&noted.key).into_owned();
            (noted.revision, key, noted.stored > Some(revision))
        });
        changes.collect()
    }

    fn listed(changes: &[(u64, &str, bool)]) -> Vec<(u64, String, bool)> {
        let changes = changes.iter();
        changes
            .map(|(revision, key, value)| (*revision, (*key).to_owned(), *value))
            .collect()
    }

    #[test]
    fn a_key_is_listed_where_its_value_last_changed() {
        let journal = journal(&[("a", Kind::Value), ("b", Kind::Value), ("a", Kind::Value)]);
        assert_eq!(journal.revision(), 13);
        assert_eq!(
            after(&journal, 10),
            listed(&[(12, "b", true), (13, "a", true)])
        );
        assert_eq!(after(&journal, 12), listed(&[(13, "a", true)]));
        assert_eq!(after(&journal, 13), []);
    }

    /// A mirror that was sent `b` alone still has to get the value of `a`, which was touched since.
    #[test]
    fn a_touch_does_not_hide_the_value_from_a_mirror_that_lags() {
        let journal = journal(&[
            ("a", Kind::Value),
            ("b", Kind::Value),
            ("a", Kind::Ttl),
            ("a", Kind::Ttl),
        ]);
        let all = [(11, "a", true), (12, "b", true), (14, "a", true)];
        assert_eq!(after(&journal, 10), listed(&all));
        assert_eq!(
            after(&journal, 11),
            listed(&[(12, "b", true), (14, "a", false)])
        );
    }

    #[test]
    fn a_new_value_replaces_the_touches_before_it() {
        let journal = journal(&[("a", Kind::Ttl), ("a", Kind::Value)]);
        assert_eq!(after(&journal, 10), listed(&[(12, "a", true)]));
    }

    #[test]
    fn the_bytes_are_bounded_and_what_is_forgotten_is_not_covered() {
        let most = 3 * cost(b"0");
        let mut journal = Journal::new(0, most);
        for change in 0..100_u64 {
            let kind = if change % 3 == 0 {
                Kind::Ttl
            } else {
                Kind::Value
            };
            journal.note(change.to_string().as_bytes(), kind);
            assert!(journal.bytes() <= most);
            assert_eq!(journal.keys.len(), journal.order.len());
        }
        assert!(journal.covers(98) && journal.covers(100));
        assert!(!journal.covers(97) && !journal.covers(101));
        assert_eq!(after(&journal, 98).len(), 2);
    }

    /// The value of `a` is forgotten, and its touch is not.
    #[test]
    fn a_touch_outlives_the_value_before_it() {
        let mut journal = Journal::new(0, 2 * cost(b"a"));
        journal.note(b"a", Kind::Value);
        journal.note(b"a", Kind::Ttl);
        journal.note(b"b", Kind::Value);
        assert!(!journal.covers(0));
        assert_eq!(
            after(&journal, 1),
            listed(&[(2, "a", false), (3, "b", true)])
        );
        journal.note(b"c", Kind::Value);
        assert_eq!((journal.keys.len(), journal.bytes()), (2, 2 * cost(b"b")));
    }

    #[test]
    fn lost_changes_leave_only_what_comes_after_them() {
        let mut journal = journal(&[("a", Kind::Value)]);
        journal.forget();
        assert!(!journal.covers(11) && journal.covers(12));
        assert_eq!(after(&journal, 12), []);
        assert_eq!(journal.bytes(), 0);
        journal.note(b"b", Kind::Ttl);
        assert_eq!(after(&journal, 12), listed(&[(13, "b", false)]));
    }

    #[test]
    fn a_journal_without_room_covers_nothing_but_the_present() {
        let mut journal = Journal::new(5, 0);
        journal.note(b"a", Kind::Value);
        assert!(journal.covers(6) && !journal.covers(5));
        assert!(journal.keys.is_empty() && journal.order.is_empty());
    }
}
