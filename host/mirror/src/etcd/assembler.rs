//! Puts the events of a watch together to whole revisions.

use super::prefix::Prefix;
use crate::event::Event;
use etcd_client::proto::PbEvent;

/// The bytes of a revision that is not complete yet, from which on the prefix is listed instead.
const MAX_HELD: usize = 256 << 20;

/// What each event costs besides its key and its value.
const EVENT_BYTES: usize = 64;

/// Whole revisions: their events, in order.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    events: Vec<Owned>,
    /// The last of the revisions.
    pub(crate) last: u64,
}

/// An event that owns its key, which has the prefix still.
#[derive(Debug)]
struct Owned {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    revision: u64,
}

impl Owned {
    fn without(&self, prefix: &Prefix) -> Option<Event<'_>> {
        Some(Event {
            key: prefix.strip(&self.key)?,
            value: self.value.as_deref(),
            revision: self.revision,
        })
    }
}

impl Revisions {
    /// Returns the events, with their keys without the prefix. A key without it is none of the mirror.
    pub(crate) fn events(&self, prefix: &Prefix) -> Vec<Event<'_>> {
        let events = self.events.iter();
        events.filter_map(|event| event.without(prefix)).collect()
    }
}

/// Why a stream of events cannot be trusted. The prefix has to be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Disorder {
    #[error("etcd has sent an event of revision {revision} after one of revision {last}")]
    Backwards { revision: u64, last: u64 },
    #[error("etcd has sent an event without a key, or of an unknown kind")]
    Malformed,
    #[error("a revision has more than {} MiB", MAX_HELD >> 20)]
    TooLarge,
}

/// Puts the events of a watch together to whole revisions.
///
/// A message has all events of one or more revisions, unless it is a *fragment*: then the last revision may
/// go on in the next message. Revisions that the copy has already are dropped.
#[derive(Debug)]
pub(crate) struct Assembler {
    /// The revision up to which the copy has everything: earlier events are repeated ones.
    applied: u64,
    /// The revision of the last event.
    last: u64,
    events: Vec<Owned>,
    /// The number of leading events whose revisions are complete.
    whole: usize,
    /// The bytes of the events that are held.
    bytes: usize,
}

impl Assembler {
    /// Begins after the revision `applied`.
    pub(crate) fn new(applied: u64) -> Self {
        Self {
            applied,
            last: applied,
            events: Vec::new(),
            whole: 0,
            bytes: 0,
        }
    }

    /// Adds the events of a message.
    pub(crate) fn push(&mut self, events: Vec<PbEvent>, fragment: bool) -> Result<(), Disorder> {
        for event in events {
            let event = owned(event)?;
            if event.revision <= self.applied {
                continue;
            }
            if event.revision < self.last {
                let (revision, last) = (event.revision, self.last);
                return Err(Disorder::Backwards { revision, last });
            }
            if event.revision > self.last {
                self.last = event.revision;
                self.whole = self.events.len();
            }
            self.bytes += cost(&event);
            self.events.push(event);
        }
        if !fragment {
            self.whole = self.events.len();
        }
        match self.bytes > MAX_HELD && self.whole == 0 {
            true => Err(Disorder::TooLarge),
            false => Ok(()),
        }
    }

    /// Returns the number of events whose revisions are complete.
    pub(crate) fn whole(&self) -> usize {
        self.whole
    }

    /// Returns `true` if a part of a revision has come, and the rest has not.
    pub(crate) fn is_partial(&self) -> bool {
        self.whole < self.events.len()
    }

    /// Takes the complete revisions; `None` if there is none.
    pub(crate) fn take(&mut self) -> Option<Revisions> {
        let rest = self.events.split_off(self.whole);
        let events = std::mem::replace(&mut self.events, rest);
        self.whole = 0;
        self.bytes = self.events.iter().map(cost).sum();
        let last = events.last()?.revision;
        self.applied = self.applied.max(last);
        Some(Revisions { events, last })
    }

    /// Notes that the copy is that of `revision`, so that events up to it are not needed.
    ///
    /// This must have been proved by a read of all keys. A report of progress is no proof: servers send
    /// some before the events that they are about.
    pub(crate) fn skip_to(&mut self, revision: u64) {
        self.applied = self.applied.max(revision);
        self.last = self.last.max(revision);
    }
}

/// Returns the bytes that an event takes while it is held.
fn cost(event: &Owned) -> usize {
    event.key.len() + event.value.as_ref().map_or(0, Vec::len) + EVENT_BYTES
}

/// Takes an event of etcd apart.
fn owned(event: PbEvent) -> Result<Owned, Disorder> {
    let kv = event.kv.ok_or(Disorder::Malformed)?;
    Ok(Owned {
        key: kv.key,
        value: match event.r#type {
            0 => Some(kv.value),
            1 => None,
            _ => return Err(Disorder::Malformed),
        },
        revision: u64::try_from(kv.mod_revision).map_err(|_| Disorder::Malformed)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use etcd_client::proto::PbKeyValue;

    fn put(key: &str, mod_revision: i64) -> PbEvent {
        event(0, key, mod_revision)
    }

    fn event(kind: i32, key: &str, mod_revision: i64) -> PbEvent {
        PbEvent {
            r#type: kind,
            kv: Some(PbKeyValue {
                key: format!("/p/{key}").into_bytes(),
                value: b"value".to_vec(),
                mod_revision,
                ..PbKeyValue::default()
            }),
            prev_kv: None,
        }
    }

    /// Returns the keys of the complete revisions, and the last of them.
    fn taken(assembler: &mut Assembler) -> Option<(Vec<String>, u64)> {
        let revisions = assembler.take()?;
        let events = revisions.events(&Prefix::new("/p/"));
        let key = |event: &Event<'_>| String::from_utf8_lossy(event.key).into_owned();
        Some((events.iter().map(key).collect(), revisions.last))
    }

    fn keys(keys: &[&str], last: u64) -> Option<(Vec<String>, u64)> {
        Some((keys.iter().map(|&key| key.to_owned()).collect(), last))
    }

    #[test]
    fn a_message_that_is_no_fragment_is_complete() {
        let mut assembler = Assembler::new(10);
        assert_eq!(taken(&mut assembler), None);
        let message = vec![put("a", 11), event(1, "b", 11), put("c", 15)];
        assembler.push(message, false).expect("in order");
        assert!(!assembler.is_partial());
        assert_eq!(assembler.whole(), 3);
        assert_eq!(taken(&mut assembler), keys(&["a", "b", "c"], 15));
        assert_eq!(taken(&mut assembler), None);
    }

    #[test]
    fn the_last_revision_of_a_fragment_waits_for_the_rest_of_it() {
        let mut assembler = Assembler::new(10);
        let first = vec![put("a", 11), put("b", 12), put("c", 12)];
        assembler.push(first, true).expect("in order");
        assert!(assembler.is_partial());
        assert_eq!(taken(&mut assembler), keys(&["a"], 11));
        assembler.push(vec![put("d", 12)], true).expect("in order");
        assert_eq!(taken(&mut assembler), None);
        let last = vec![put("e", 12), put("f", 13)];
        assembler.push(last, false).expect("in order");
        assert_eq!(taken(&mut assembler), keys(&["b", "c", "d", "e", "f"], 13));
        assert!(!assembler.is_partial());
    }

    #[test]
    fn a_fragment_that_begins_a_revision_completes_the_one_before() {
        let mut assembler = Assembler::new(0);
        assembler.push(vec![put("a", 1)], true).expect("in order");
        assert_eq!(taken(&mut assembler), None);
        assembler.push(vec![put("b", 2)], true).expect("in order");
        assert_eq!(taken(&mut assembler), keys(&["a"], 1));
        assembler.push(Vec::new(), false).expect("in order");
        assert_eq!(taken(&mut assembler), keys(&["b"], 2));
    }

    #[test]
    fn what_the_copy_has_is_dropped() {
        let mut assembler = Assembler::new(10);
        let message = vec![put("a", 9), put("b", 10), put("c", 11)];
        assembler.push(message, false).expect("in order");
        assert_eq!(taken(&mut assembler), keys(&["c"], 11));
        assembler.push(vec![put("c", 11)], false).expect("repeated");
        assert_eq!(taken(&mut assembler), None);
        assembler.skip_to(20);
        let message = vec![put("d", 12), put("e", 20), put("f", 21)];
        assembler.push(message, false).expect("in order");
        assert_eq!(taken(&mut assembler), keys(&["f"], 21));
    }

    #[test]
    fn a_deleted_key_has_no_value() {
        let mut assembler = Assembler::new(0);
        let message = vec![put("a", 1), event(1, "a", 2)];
        assembler.push(message, false).expect("in order");
        let revisions = assembler.take().expect("complete");
        let values: Vec<_> = revisions
            .events(&Prefix::new("/p/"))
            .iter()
            .map(|event| event.value)
            .collect();
        assert_eq!(values, [Some(&b"value"[..]), None]);
    }

    #[test]
    fn streams_that_cannot_be_trusted_are_refused() {
        let refused = |events| Assembler::new(10).push(events, false);
        let backwards = Disorder::Backwards {
            revision: 12,
            last: 13,
        };
        assert_eq!(refused(vec![put("a", 13), put("b", 12)]), Err(backwards));
        assert_eq!(refused(vec![put("a", -1)]), Err(Disorder::Malformed));
        assert_eq!(refused(vec![event(2, "a", 12)]), Err(Disorder::Malformed));
        assert_eq!(refused(vec![PbEvent::default()]), Err(Disorder::Malformed));
    }

    #[test]
    fn a_revision_without_an_end_is_refused() {
        let mut assembler = Assembler::new(0);
        let mut large = put("a", 1);
        if let Some(kv) = &mut large.kv {
            kv.value = vec![0; MAX_HELD / 4];
        }
        let results: Vec<_> = (0..5)
            .map(|_| assembler.push(vec![large.clone()], true))
            .collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
        assert_eq!(results[4], Err(Disorder::TooLarge));
    }
}
