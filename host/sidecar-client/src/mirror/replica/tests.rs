//! What the copy of a map holds after each response, and what it replies.

use super::{ENTRY_OVERHEAD, Replica, Reply, TooLarge};
use crate::entry::Entry;
use crate::mirror::options::Accept;
use crate::mirror::update::Update;
use localmap_sidecar_proto::{self as proto, MirrorResponse, mirror_response::Refresh};
use std::time::Duration;

const EPOCH: u64 = 7;

/// A copy, and the time of its clock in nanoseconds.
struct Case {
    replica: Replica,
    now: u64,
    accept: Option<Box<Accept>>,
}

impl Case {
    fn new() -> Self {
        Self {
            replica: Replica::new(1 << 20),
            now: 0,
            accept: None,
        }
    }

    /// A copy that refuses values that begin with `!`.
    fn picky() -> Self {
        let refuse = |_: &[u8], entry: &Entry| match entry.value.first() {
            Some(b'!') => Err("it begins with `!`".to_owned()),
            _ => Ok(()),
        };
        Self {
            accept: Some(Box::new(refuse)),
            ..Self::new()
        }
    }

    fn apply(&mut self, response: MirrorResponse) -> Result<Reply, TooLarge> {
        let now = Duration::from_nanos(self.now);
        let update = Update::new(response, now, self.accept.as_deref());
        self.replica.apply(update)
    }

    fn acknowledges(&mut self, response: MirrorResponse) {
        assert_eq!(self.apply(response), Ok(Reply::Ack));
    }

    fn asks_for_all(&mut self, response: MirrorResponse) {
        let reply = self.apply(response);
        assert!(matches!(reply, Ok(Reply::Resync { .. })), "{reply:?}");
        assert!(!self.replica.is_whole());
        assert_eq!(self.replica.revision(), 0);
    }

    fn entry(&self, key: &str) -> Option<Entry> {
        let now = || Duration::from_nanos(self.now);
        self.replica.get(key.as_bytes())?.entry(now)
    }

    fn value(&self, key: &str) -> Option<String> {
        let value = self.entry(key)?.value;
        Some(String::from_utf8_lossy(&value).into_owned())
    }
}

fn response(revision: u64) -> MirrorResponse {
    MirrorResponse {
        epoch: EPOCH,
        revision,
        ..MirrorResponse::default()
    }
}

fn entry(key: &'static str, value: &'static str, version: u64) -> proto::Entry {
    proto::Entry {
        key: key.into(),
        value: value.into(),
        version,
        expires_in_nanos: None,
    }
}

fn expiring(key: &'static str, value: &'static str, version: u64, nanos: u64) -> proto::Entry {
    proto::Entry {
        expires_in_nanos: Some(nanos),
        ..entry(key, value, version)
    }
}

fn refresh(key: &'static str, version: u64, nanos: Option<u64>) -> Refresh {
    Refresh {
        key: key.into(),
        version,
        expires_in_nanos: nanos,
    }
}

fn reset(entries: Vec<proto::Entry>) -> MirrorResponse {
    MirrorResponse {
        reset: true,
        entries,
        ..response(1)
    }
}

#[test]
fn a_new_copy_is_partial_until_nothing_more_follows() {
    let mut case = Case::new();
    assert!(!case.replica.is_whole());
    case.acknowledges(MirrorResponse {
        more: true,
        revision: 0,
        ..reset(vec![entry("a", "1", 1)])
    });
    assert!(!case.replica.is_whole());
    assert_eq!(case.replica.revision(), 0);
    case.acknowledges(MirrorResponse {
        entries: vec![entry("b", "2", 2)],
        ..response(2)
    });
    assert!(case.replica.is_whole());
    assert_eq!((case.replica.epoch(), case.replica.revision()), (EPOCH, 2));
    assert_eq!(case.value("a").as_deref(), Some("1"));
    assert_eq!(case.value("b").as_deref(), Some("2"));
}

#[test]
fn a_response_is_applied_in_the_order_of_the_protocol() {
    let mut case = Case::new();
    case.acknowledges(reset(vec![entry("old", "1", 1), entry("k", "1", 2)]));
    // `reset` before all others; `removed` before `entries`, so that the key is there.
    case.acknowledges(MirrorResponse {
        removed: vec!["k".into()],
        ..reset(vec![entry("k", "2", 3)])
    });
    assert_eq!(case.value("old"), None);
    assert_eq!(case.value("k").as_deref(), Some("2"));
    // `refreshed` before `entries`, whose deadline counts.
    case.acknowledges(MirrorResponse {
        refreshed: vec![refresh("k", 3, Some(5))],
        entries: vec![entry("k", "3", 4)],
        ..response(4)
    });
    assert_eq!(case.entry("k").and_then(|entry| entry.expires_in), None);
}

#[test]
fn an_entry_expires_at_its_deadline_counted_from_its_receipt() {
    let mut case = Case::new();
    case.now = 100;
    case.acknowledges(reset(vec![expiring("k", "v", 1, 10)]));
    case.now = 109;
    let left = case.entry("k").and_then(|entry| entry.expires_in);
    assert_eq!(left, Some(Duration::from_nanos(1)));
    case.now = 110;
    assert_eq!(case.entry("k"), None);
    // The sidecar may extend it all the same: it was extended in time there.
    case.acknowledges(MirrorResponse {
        refreshed: vec![refresh("k", 1, Some(10))],
        ..response(2)
    });
    assert_eq!(case.value("k").as_deref(), Some("v"));
    case.acknowledges(MirrorResponse {
        refreshed: vec![refresh("k", 1, None)],
        ..response(3)
    });
    case.now = u64::MAX;
    assert_eq!(case.value("k").as_deref(), Some("v"));
}

#[test]
fn the_longest_time_does_not_overflow() {
    let mut case = Case::new();
    case.now = u64::MAX;
    case.acknowledges(reset(vec![expiring("k", "v", 1, u64::MAX)]));
    let left = case.entry("k").and_then(|entry| entry.expires_in);
    assert_eq!(left, Some(Duration::from_nanos(u64::MAX)));
}

#[test]
fn a_refused_entry_is_named_and_the_others_are_applied() {
    let mut case = Case::picky();
    case.acknowledges(reset(vec![entry("k", "old", 1)]));
    let reply = case.apply(MirrorResponse {
        entries: vec![entry("k", "!new", 2), entry("a", "1", 3)],
        ..response(3)
    });
    assert_eq!(
        reply,
        Ok(Reply::Refuse {
            keys: vec!["k".into()],
            message: "it begins with `!`".to_owned(),
        })
    );
    assert!(case.replica.is_whole());
    assert_eq!(case.value("k").as_deref(), Some("old"));
    assert_eq!(case.value("a").as_deref(), Some("1"));
    assert_eq!(case.replica.refused(), 1);
    // The sidecar may know no more of the refusal.
    case.acknowledges(MirrorResponse {
        refreshed: vec![refresh("k", 2, Some(5))],
        ..response(4)
    });
    assert_eq!(case.value("k").as_deref(), Some("old"));
    case.acknowledges(MirrorResponse {
        entries: vec![entry("k", "newer", 5)],
        ..response(5)
    });
    assert_eq!(case.value("k").as_deref(), Some("newer"));
    assert_eq!(case.replica.refused(), 0);
}

#[test]
fn a_removal_ends_a_refusal() {
    let mut case = Case::picky();
    let refused = case.apply(reset(vec![entry("k", "!", 1)]));
    assert!(matches!(refused, Ok(Reply::Refuse { .. })));
    case.acknowledges(MirrorResponse {
        removed: vec!["k".into()],
        ..response(2)
    });
    assert_eq!((case.replica.refused(), case.replica.bytes()), (0, 0));
}

#[test]
fn a_refreshed_version_that_is_not_held_means_divergence() {
    for unknown in [refresh("k", 2, None), refresh("other", 1, None)] {
        let mut case = Case::new();
        case.acknowledges(reset(vec![entry("k", "v", 1)]));
        case.asks_for_all(MirrorResponse {
            refreshed: vec![unknown],
            ..response(2)
        });
    }
}

#[test]
fn another_epoch_needs_a_reset() {
    let mut case = Case::new();
    case.acknowledges(reset(vec![entry("k", "v", 1)]));
    let other = MirrorResponse {
        epoch: EPOCH + 1,
        entries: vec![entry("k", "w", 1)],
        ..response(2)
    };
    case.asks_for_all(other.clone());
    assert_eq!(case.value("k").as_deref(), Some("v"));
    case.acknowledges(MirrorResponse {
        reset: true,
        ..other
    });
    assert_eq!(case.value("k").as_deref(), Some("w"));
    assert_eq!(case.replica.epoch(), EPOCH + 1);
}

#[test]
fn too_many_bytes_drop_the_copy() {
    let limit = 2 * (ENTRY_OVERHEAD + 2);
    let mut case = Case::new();
    case.replica = Replica::new(limit);
    case.acknowledges(reset(vec![entry("a", "1", 1), entry("b", "2", 2)]));
    assert_eq!(case.replica.bytes(), limit);
    // Replacing is no growth, and a removal gives back what the entry took.
    case.acknowledges(MirrorResponse {
        removed: vec!["a".into(), "nothing".into()],
        entries: vec![entry("b", "3", 3), entry("c", "4", 4)],
        ..response(4)
    });
    assert_eq!(case.replica.bytes(), limit);
    let longer = MirrorResponse {
        entries: vec![entry("c", "45", 5)],
        ..response(5)
    };
    assert_eq!(case.apply(longer), Err(TooLarge));
    assert_eq!((case.replica.len(), case.replica.bytes()), (0, 0));
    assert!(!case.replica.is_whole());
}

#[test]
fn refused_keys_count_too() {
    let mut case = Case::picky();
    case.replica = Replica::new(ENTRY_OVERHEAD + 1);
    let refused = case.apply(reset(vec![entry("a", "!", 1)]));
    assert!(matches!(refused, Ok(Reply::Refuse { .. })));
    let another = MirrorResponse {
        entries: vec![entry("b", "!", 2)],
        ..response(2)
    };
    assert_eq!(case.apply(another), Err(TooLarge));
}

#[test]
fn a_copy_keeps_no_message_in_memory() {
    let message = bytes::Bytes::from(b"a long message with `value` in it".to_vec());
    let mut case = Case::new();
    let mut response = reset(vec![entry("k", "", 1)]);
    response.entries[0].value = message.slice(21..26);
    case.acknowledges(response);
    assert_eq!(case.value("k").as_deref(), Some("value"));
    assert!(message.is_unique(), "the copy holds the message");
}

#[test]
fn what_is_held_can_be_compared() {
    let mut case = Case::new();
    case.acknowledges(reset(vec![entry("k", "v", 3), expiring("e", "x", 4, 1)]));
    case.now = 2;
    let mut held = case.replica.held_versions();
    held.sort_by_key(|held| held.version);
    let held: Vec<_> = held
        .iter()
        .map(|held| (&held.key[..], held.version, held.never_expires))
        .collect();
    // The sidecar says when an entry has expired, so that the versions agree.
    assert_eq!(held, [(&b"k"[..], 3, true), (&b"e"[..], 4, false)]);
}
