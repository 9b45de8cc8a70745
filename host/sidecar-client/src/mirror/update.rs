//! A response of the sidecar, made ready to be applied: checked, copied, and with deadlines.

use super::options::Accept;
use crate::entry::{Entry, Version};
use bytes::Bytes;
use localmap_sidecar_proto as proto;
use std::time::Duration;

/// An entry of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) value: Bytes,
    pub(super) version: Version,
    /// The time of the mirror's clock at which it expires.
    pub(super) deadline: Option<Duration>,
}

impl Held {
    /// Returns the entry as of `now`, a time that is read only if there is a deadline; `None` if it
    /// has expired.
    pub(super) fn entry(&self, now: impl FnOnce() -> Duration) -> Option<Entry> {
        let expires_in = match self.deadline {
            None => None,
            Some(deadline) => {
                let left = deadline.checked_sub(now()).filter(|left| !left.is_zero());
                Some(left?)
            }
        };
        Some(Entry::new(self.value.clone(), self.version, expires_in))
    }
}

/// A response, ready to be applied in the order of the fields.
#[derive(Debug, Default)]
pub(super) struct Update {
    pub(super) epoch: u64,
    pub(super) revision: u64,
    pub(super) more: bool,
    pub(super) reset: bool,
    pub(super) removed: Vec<Bytes>,
    pub(super) refreshed: Vec<Refreshed>,
    pub(super) entries: Vec<(Bytes, Held)>,
    pub(super) refused: Vec<(Bytes, Version)>,
    /// Why the first of the refused entries was refused.
    pub(super) reason: String,
}

/// An entry whose deadline alone has changed.
#[derive(Debug)]
pub(super) struct Refreshed {
    pub(super) key: Bytes,
    pub(super) version: Version,
    pub(super) deadline: Option<Duration>,
}

impl Update {
    /// Prepares a response that was received at `now`. The check of the entries and the copies are
    /// made here, where no reader waits.
    pub(super) fn new(
        response: proto::MirrorResponse,
        now: Duration,
        accept: Option<&Accept>,
    ) -> Self {
        let mut update = Self {
            epoch: response.epoch,
            revision: response.revision,
            more: response.more,
            reset: response.reset,
            removed: response.removed,
            ..Self::default()
        };
        update.refreshed = response
            .refreshed
            .into_iter()
            .map(|refresh| Refreshed {
                key: refresh.key,
                version: refresh.version,
                deadline: deadline(now, refresh.expires_in_nanos),
            })
            .collect();
        for entry in response.entries {
            update.add(entry, now, accept);
        }
        update
    }

    fn add(&mut self, entry: proto::Entry, now: Duration, accept: Option<&Accept>) {
        let deadline = deadline(now, entry.expires_in_nanos);
        // Copies, since a slice of the message would keep all of the message in memory.
        let key = Bytes::copy_from_slice(&entry.key);
        let held = Held {
            value: Bytes::copy_from_slice(&entry.value),
            version: entry.version,
            deadline,
        };
        match accept.map_or(Ok(()), |accept| accept(&key, &entry.into())) {
            Ok(()) => self.entries.push((key, held)),
            Err(reason) => {
                if self.refused.is_empty() {
                    self.reason = reason;
                }
                self.refused.push((key, held.version));
            }
        }
    }
}

/// Returns the time at which an entry expires. Spans are counted from the receipt, so the copy
/// never drops an entry before the map does.
fn deadline(now: Duration, expires_in_nanos: Option<u64>) -> Option<Duration> {
    expires_in_nanos.map(|nanos| now.saturating_add(Duration::from_nanos(nanos)))
}
