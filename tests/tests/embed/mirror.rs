//! Guests that read mirrors, in stores of an embedder and behind the HTTP server. The mirrors have no etcd:
//! the tests drive them, with a clock of their own.

mod fits;
mod flags;
mod hostile;
mod limits;
mod reads;
mod relay;

use localmap::{Host, Limits, ManualClock};
use localmap_mirror::{Event, Feed, MirrorOptions, MirrorState, Mirrors};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// A mirror, and what drives it.
struct Driven {
    feed: Feed,
    clock: ManualClock,
}

impl Driven {
    /// Creates a mirror without a copy, whose copy may be 5 s old and is fresh for 2 s.
    fn new() -> Self {
        Self::limited(Limits::default())
    }

    fn limited(limits: Limits) -> Self {
        let clock = ManualClock::new();
        let options = MirrorOptions::new().limits(limits).clock(clock.clone());
        let feed = Feed::new(&Host::new().expect("a host"), options).expect("in range");
        Self { feed, clock }
    }

    /// Replaces the copy by one of this revision, whose values were stored at its entries' own.
    fn list(&self, revision: u64, entries: &[(&[u8], &[u8], u64)]) {
        let sent = self.feed.now();
        let mut list = self.feed.list(revision).expect("a map");
        list.load(&events(entries)).expect("room");
        self.feed.install(list, sent);
        self.feed.enter(MirrorState::Live, None);
    }

    /// Applies a revision.
    fn apply(&self, revision: u64, entries: &[(&[u8], &[u8])]) {
        let entries = entries.iter().map(|(key, value)| (*key, *value, revision));
        let entries: Vec<_> = entries.collect();
        let applied = self.feed.apply(&events(&entries), revision);
        applied.expect("room");
    }

    /// Returns a set that has this mirror alone, as `flags`.
    fn alone(&self) -> Mirrors {
        Mirrors::new().mirror("flags", self.feed.reader())
    }
}

fn events<'a>(entries: &'a [(&[u8], &[u8], u64)]) -> Vec<Event<'a>> {
    let event = |&(key, value, revision): &(&'a [u8], &'a [u8], u64)| Event {
        key,
        value: Some(value),
        revision,
    };
    entries.iter().map(event).collect()
}
