//! A copy of a prefix as it was at one revision: a map, and the keys that it cannot hold.

use crate::error::{OmittedReason, OpenError, Unfit};
use crate::event::Event;
use crate::omitted::{self, Omitted};
use crate::options::MirrorOptions;
use crate::read::EntryRef;
use crate::stored::{REVISION_LEN, entry};
use localmap::{
    ApplyError, Change, Host, Limits, LocalMap, MapOptions, MapTerminated, Snapshot, Ttl,
};
use std::collections::HashMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::{mem, slice};

#[cfg(test)]
mod tests;

/// The most changes, and about the most bytes, of one batch. They are the limits of
/// [`LocalMap::apply`], which a single value may exceed.
const MAX_BATCH: usize = 1024;
const MAX_BATCH_BYTES: usize = 1 << 20;

/// Why a batch was not written.
#[derive(Debug)]
enum WriteError {
    /// The map has rejected it as a whole.
    Rejected(ApplyError),
    Unfit(Unfit),
}

impl From<Unfit> for WriteError {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

/// A copy of a prefix as it was at one revision.
///
/// It is changed by whole revisions, each of which its owner makes visible at once by holding a lock
/// meanwhile. After an error it is of no use, since it may hold a part of a revision.
#[derive(Debug)]
pub(crate) struct Replica {
    map: LocalMap,
    /// The limits of the source's keys and values.
    limits: Limits,
    omitted: Omitted,
    revision: u64,
    entries: u64,
    /// The last revision at which a key was stored, and that key, if it was not deleted since.
    last_put: u64,
    newest: Option<Box<[u8]>>,
    /// The values of a batch, each with its revision, one after the other.
    buffer: Vec<u8>,
}

impl Replica {
    /// Creates an empty copy of `revision`.
    pub(crate) fn new(
        host: &Host,
        options: &MirrorOptions,
        revision: u64,
    ) -> Result<Self, OpenError> {
        let limits = options.stored_limits();
        let memory = limits.recommended_memory();
        let options_of_map = MapOptions::new().limits(limits).max_memory(memory);
        Ok(Self {
            map: host.map(&options_of_map)?,
            limits: options.limits.clone(),
            omitted: Omitted::new(options.max_omitted),
            revision,
            entries: 0,
            last_put: 0,
            newest: None,
            buffer: Vec::new(),
        })
    }

    /// Returns the revision of the copy.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the number of entries.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Returns the keys that the map cannot hold.
    pub(crate) fn omitted(&self) -> &Omitted {
        &self.omitted
    }

    /// Returns the bytes of memory that the map holds.
    pub(crate) fn bytes(&mut self) -> Result<u64, MapTerminated> {
        Ok(self.map.stats()?.bytes)
    }

    /// Stores listed entries, which are those of the revision of the copy, although they were stored before
    /// it.
    pub(crate) fn load(&mut self, entries: &[Event<'_>]) -> Result<(), Unfit> {
        self.write(entries)
    }

    /// Makes changes, which must be all of those from the revision of the copy, without it, to `revision`,
    /// in their order.
    pub(crate) fn apply(&mut self, events: &[Event<'_>], revision: u64) -> Result<(), Unfit> {
        self.write(events)?;
        self.complete_to(revision);
        Ok(())
    }

    /// Notes that nothing has changed from the revision of the copy to a later one.
    pub(crate) fn complete_to(&mut self, revision: u64) {
        self.revision = self.revision.max(revision);
    }

    /// Returns the value of a key and its revision, to `read`; `None` if it is absent.
    pub(crate) fn get_with<R>(
        &mut self,
        key: &[u8],
        read: impl FnOnce(Option<EntryRef<'_>>) -> R,
    ) -> Result<R, MapTerminated> {
        self.map
            .get_with(key, |stored| read(stored.and_then(entry)))
    }

    /// Calls `visit` with each key and its entry, in no order, until it breaks. Changes its keys in no way.
    pub(crate) fn visit(
        &mut self,
        mut visit: impl FnMut(&[u8], EntryRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), MapTerminated> {
        self.map
            .visit(b"", |found| match entry(&found.entry.value) {
                Some(entry) => visit(&found.key, entry),
                None => ControlFlow::Continue(()),
            })
    }

    /// Publishes the entries, and returns a reader of them.
    pub(crate) fn snapshot(&mut self) -> Result<Snapshot, MapTerminated> {
        self.map.snapshot()
    }

    /// Returns the last revision at which a key was stored, and that key, if it was not deleted since. It may
    /// be one that is omitted.
    #[cfg(any(feature = "etcd", test))]
    pub(crate) fn newest(&self) -> (u64, Option<&[u8]>) {
        (self.last_put, self.newest.as_deref())
    }

    /// Finds the key that was stored last.
    fn note_newest(&mut self, events: &[Event<'_>]) {
        let mut newest = self.newest.as_deref();
        for event in events {
            match event.value {
                Some(_) if event.revision >= self.last_put => {
                    self.last_put = event.revision;
                    newest = Some(event.key);
                }
                None if newest == Some(event.key) => newest = None,
                _ => {}
            }
        }
        self.newest = newest.map(Box::from);
    }

    fn write(&mut self, events: &[Event<'_>]) -> Result<(), Unfit> {
        self.note_newest(events);
        let mut rest = events;
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(batch_len(rest));
            match self.write_batch(batch) {
                Ok(()) => rest = after,
                Err(WriteError::Unfit(unfit)) => return Err(unfit),
                Err(WriteError::Rejected(_)) => {
                    self.write_net(rest)?;
                    break;
                }
            }
        }
        self.entries = self.map.len()?;
        Ok(())
    }

    /// Makes what is left of the changes once each key has changed for the last time, one by one, and what
    /// makes room before what needs it.
    ///
    /// A batch needs room for all of its values before it frees any, and a revision may store keys before it
    /// deletes others. If only the result fits, it has to.
    fn write_net(&mut self, events: &[Event<'_>]) -> Result<(), Unfit> {
        let last: HashMap<&[u8], usize> = events
            .iter()
            .enumerate()
            .map(|(index, event)| (event.key, index))
            .collect();
        let net = events.iter().enumerate();
        let net = net.filter(|(index, event)| last.get(event.key) == Some(index));
        let makes_room = |event: &&Event<'_>| match event.value {
            None => true,
            Some(value) => self.reason(event.key, value).is_some(),
        };
        let (first, then): (Vec<_>, Vec<_>) = net.map(|(_, event)| event).partition(makes_room);
        for event in first.into_iter().chain(then) {
            match self.write_batch(slice::from_ref(event)) {
                Ok(()) => {}
                Err(WriteError::Unfit(unfit)) => return Err(unfit),
                Err(WriteError::Rejected(reason)) => return Err(self.full(&reason)),
            }
        }
        Ok(())
    }

    fn write_batch(&mut self, events: &[Event<'_>]) -> Result<(), WriteError> {
        let mut buffer = mem::take(&mut self.buffer);
        buffer.clear();
        // The keys that change in the map, each with the place of its new value in the buffer; `None` for
        // a key that is deleted.
        let mut plan = Vec::with_capacity(events.len());
        for event in events {
            let mut stored = None;
            match event
                .value
                .map(|value| (value, self.reason(event.key, value)))
            {
                Some((_, Some(reason))) => self.omitted.insert(event.key, reason)?,
                Some((value, None)) => {
                    self.omitted.remove(event.key);
                    let start = buffer.len();
                    buffer.extend_from_slice(&event.revision.to_le_bytes());
                    buffer.extend_from_slice(value);
                    stored = Some(start..buffer.len());
                }
                None => {
                    self.omitted.remove(event.key);
                }
            }
            // The map never has a key that it does not accept, nor does it accept to delete one.
            if omitted::key_reason(&self.limits, event.key).is_none() {
                plan.push((event.key, stored));
            }
        }
        let changes: Vec<Change<'_>> = plan
            .into_iter()
            .map(|(key, stored)| match stored {
                None => Change::Delete { key },
                Some(place) => Change::Set {
                    key,
                    value: &buffer[place],
                    ttl: Ttl::Never,
                },
            })
            .collect();
        match self.map.apply(&changes) {
            Ok(_) => {}
            Err(ApplyError::Terminated { source, .. }) => return Err(Unfit::from(source).into()),
            Err(rejected) => return Err(WriteError::Rejected(rejected)),
        }
        // A large value does not keep its memory.
        if buffer.capacity() <= 2 * MAX_BATCH_BYTES {
            self.buffer = buffer;
        }
        Ok(())
    }

    /// Returns why a change was rejected. Keys and values have been compared with the limits, so the map
    /// is full.
    fn full(&mut self, rejected: &ApplyError) -> Unfit {
        let reason = rejected.source().map(ToString::to_string);
        // What to do about a map of one's own does not apply to a copy: it has no TTLs, and nobody may delete
        // its entries.
        let reason = reason.map(|text| match text.split_once(": ") {
            Some((fault, _)) => fault.to_owned(),
            None => text,
        });
        match self.map.stats() {
            Err(terminated) => terminated.into(),
            Ok(stats) => Unfit::Full {
                entries: stats.entries,
                bytes: stats.bytes,
                max_entries: self.limits.max_entries,
                max_bytes: self.limits.max_bytes,
                rejected: reason.unwrap_or_else(|| rejected.to_string()).into(),
            },
        }
    }

    fn reason(&self, key: &[u8], value: &[u8]) -> Option<OmittedReason> {
        omitted::reason(&self.limits, key, value)
    }
}

/// Returns how many events the next batch has: at least one.
fn batch_len(events: &[Event<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |event: &&Event<'_>| {
        bytes += event.key.len() + event.value.map_or(0, |value| REVISION_LEN + value.len());
        bytes <= MAX_BATCH_BYTES
    };
    let fitting = events.iter().take(MAX_BATCH).take_while(fits).count();
    fitting.max(1)
}
