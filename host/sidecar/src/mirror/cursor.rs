//! Where a mirror is on its way to the present state of the map, and what it gets next.

use super::held::{Held, Needed};
use super::journal::Noted;
use super::part::{Item, MAX_BYTES, Part};
use super::refusals::Refusals;
use super::source::Source;
use bytes::Bytes;
use std::sync::Arc;

/// A part of a scan with this many bytes is sent, although there may be room for another page.
const ENOUGH_BYTES: usize = MAX_BYTES / 2;

/// The most keys that are read at a time. Values for which there is no room are read again.
const KEYS_AT_ONCE: usize = 16;

/// Where a mirror is.
pub(super) enum Cursor {
    /// It gets all entries, or those that differ from what it holds.
    Scan {
        /// The cursor of the next page.
        next: u64,
        /// The revision at which the scan began.
        base: u64,
        /// What the mirror holds and the scan has not met; `None` if it holds nothing.
        held: Option<Held>,
    },
    /// After a scan: it drops the keys that it holds and that the scan has not met.
    Remove { held: Held, base: u64 },
    /// It has all changes up to this revision.
    Follow { revision: u64 },
}

/// What a step has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Another step is to add to the part.
    Unfinished,
    /// The part is to be sent, and more follows.
    Full,
    /// With the part, the mirror equals the map as it is now.
    Synced,
    /// The journal no longer has what the mirror needs.
    Lost,
}

impl Cursor {
    /// Begins a scan at the present revision. `held` is what the mirror holds, if it holds anything.
    pub(super) fn scan(base: u64, held: Option<Held>) -> Self {
        Self::Scan {
            next: 0,
            base,
            held,
        }
    }

    /// Returns the revision from which the mirror can go on later; 0 if it has to begin again.
    pub(super) fn revision(&self) -> u64 {
        match self {
            Self::Scan { .. } | Self::Remove { .. } => 0,
            Self::Follow { revision } => *revision,
        }
    }

    /// Adds to `part` what comes next. All changes of the map must be in the journal.
    pub(super) fn step<S: Source>(
        &mut self,
        source: &mut S,
        refusals: &mut Refusals,
        part: &mut Part,
    ) -> Result<Progress, S::Error> {
        match self {
            Self::Scan { .. } => self.scan_page(source, part),
            Self::Remove { .. } => Ok(self.remove(part)),
            Self::Follow { revision } => follow(revision, source, refusals, part),
        }
    }

    /// Adds a page of the scan, unless there is no room for it. In this case it is read again later,
    /// with the values and times of then.
    fn scan_page<S: Source>(
        &mut self,
        source: &mut S,
        part: &mut Part,
    ) -> Result<Progress, S::Error> {
        let Self::Scan { next, base, held } = self else {
            return Ok(Progress::Unfinished);
        };
        let page = source.scan(*next)?;
        let keys = match held {
            Some(_) => page.entries.iter().map(|entry| entry.key.clone()).collect(),
            None => Vec::new(),
        };
        let needed = page.entries.into_iter().filter_map(|entry| {
            match held
                .as_ref()
                .map_or(Needed::Value, |held| held.needs(&entry))
            {
                Needed::Nothing => None,
                Needed::Ttl => Some(Item::refresh(entry)),
                Needed::Value => Some(Item::Entry(entry)),
            }
        });
        if !part.add_all(needed.collect()) {
            return Ok(Progress::Full);
        }
        if let Some(held) = held {
            for key in keys {
                held.remove(&key);
            }
        }
        match page.next {
            Some(cursor) => *next = cursor,
            None => {
                let base = *base;
                *self = match held.take() {
                    Some(mut held) => {
                        held.end();
                        Self::Remove { held, base }
                    }
                    None => Self::Follow { revision: base },
                };
                return Ok(Progress::Unfinished);
            }
        }
        match part.room() < ENOUGH_BYTES {
            true => Ok(Progress::Full),
            false => Ok(Progress::Unfinished),
        }
    }

    fn remove(&mut self, part: &mut Part) -> Progress {
        let Self::Remove { held, base } = self else {
            return Progress::Unfinished;
        };
        while let Some(key) = held.absent() {
            if !part.add(Item::Removed(key.clone())) {
                return Progress::Full;
            }
            held.pop_absent();
        }
        *self = Self::Follow { revision: *base };
        Progress::Unfinished
    }
}

/// Adds the changes after `revision`, and moves it on.
fn follow<S: Source>(
    revision: &mut u64,
    source: &mut S,
    refusals: &mut Refusals,
    part: &mut Part,
) -> Result<Progress, S::Error> {
    if !source.journal().covers(*revision) {
        return Ok(match part.is_empty() {
            true => Progress::Lost,
            false => Progress::Full,
        });
    }
    // What a scan has added may have changed since. It comes in the next part, because no key may be
    // twice in one.
    if !part.is_empty() && *revision < source.journal().revision() {
        return Ok(Progress::Full);
    }
    let start = *revision;
    loop {
        let later = source.journal().after(*revision);
        let changes: Vec<Noted> = later.take(KEYS_AT_ONCE).collect();
        if changes.is_empty() {
            return Ok(Progress::Synced);
        }
        let keys: Vec<Arc<[u8]>> = changes.iter().map(|noted| Arc::clone(&noted.key)).collect();
        let entries = source.peek(&keys)?;
        for (noted, entry) in changes.into_iter().zip(entries) {
            let item = match entry {
                _ if in_part(&noted, start) => None,
                None => {
                    refusals.remove(&noted.key);
                    Some(Item::Removed(Bytes::copy_from_slice(&noted.key)))
                }
                Some(entry) if refusals.has(&entry) => None,
                Some(entry) if noted.stored == Some(noted.revision) => Some(Item::Entry(entry)),
                Some(entry) => Some(Item::refresh(entry)),
            };
            if item.is_some_and(|item| !part.add(item)) {
                return Ok(Progress::Full);
            }
            *revision = noted.revision;
        }
    }
}

/// Returns `true` if the part that began at revision `start` has the entry already: it was read with its
/// TTL of now when its value was added.
fn in_part(noted: &Noted, start: u64) -> bool {
    noted
        .stored
        .is_some_and(|stored| start < stored && stored < noted.revision)
}
