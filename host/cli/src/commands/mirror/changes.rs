//! Decides which changes of a status are worth a line.

use localmap_mirror::{Connection, Freshness, MirrorState, MirrorStatus, ReadError};
use std::collections::{BTreeSet, VecDeque};
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most failures that are told apart while the mirror stays in one state. Those of a cluster that is
/// away alternate between its endpoints, without end.
const MAX_FAILURES: usize = 16;

/// The most lines in a span of time. A mirror that changes its state more often is told of once the span is
/// over.
const MAX_LINES: usize = 20;
const SPAN: Duration = Duration::from_secs(10);

/// The time until a list is worth a line, and then the time between two lines about it.
const LIST: Duration = Duration::from_secs(1);

/// What is worth a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct Change {
    /// The server that the mirror is connected to.
    pub(in crate::commands) connection: bool,
    /// The status.
    pub(in crate::commands) status: bool,
}

/// Compares each status with the one before.
pub(in crate::commands) struct Changes {
    /// Whether a list that takes long is worth lines.
    with_lists: bool,
    last: Option<Kind>,
    connection: Option<Connection>,
    /// The failures that have been told since the last change of the kind.
    failures: BTreeSet<Arc<str>>,
    /// When a list is next worth a line; `None` while there is no list.
    next_list: Option<Instant>,
    /// When the last lines were worth it.
    lines: VecDeque<Instant>,
}

/// What two statuses are compared by.
#[derive(PartialEq)]
struct Kind {
    class: Class,
    /// What the mirror does. A list is part of what it did before.
    state: MirrorState,
    lists: u64,
    omits: bool,
    differences: u64,
}

#[derive(PartialEq)]
enum Class {
    Fresh,
    Stale,
    Unreadable(Discriminant<ReadError>),
}

impl Changes {
    pub(in crate::commands) fn new(with_lists: bool) -> Self {
        Self {
            with_lists,
            last: None,
            connection: None,
            failures: BTreeSet::new(),
            next_list: None,
            lines: VecDeque::new(),
        }
    }

    /// Returns what is worth a line.
    pub(in crate::commands) fn next(&mut self, status: &MirrorStatus, now: Instant) -> Change {
        while self.lines.front().is_some_and(|line| *line + SPAN <= now) {
            self.lines.pop_front();
        }
        if self.lines.len() >= MAX_LINES {
            return Change::default();
        }
        let change = self.compare(status, now);
        let lines = usize::from(change.connection) + usize::from(change.status);
        self.lines.extend(std::iter::repeat_n(now, lines));
        change
    }

    fn compare(&mut self, status: &MirrorStatus, now: Instant) -> Change {
        let connection = status.connection.is_some() && self.connection != status.connection;
        if connection {
            self.connection.clone_from(&status.connection);
        }
        let kind = self.kind(status);
        let another = self.last.as_ref() != Some(&kind);
        if another {
            self.failures.clear();
        }
        self.last = Some(kind);
        let failure = match &status.why {
            Some(why) if self.failures.len() < MAX_FAILURES => {
                self.failures.insert(Arc::clone(why))
            }
            _ => false,
        };
        let list = self.is_list_due(status, now);
        Change {
            connection,
            status: another || failure || list,
        }
    }

    fn kind(&self, status: &MirrorStatus) -> Kind {
        let before = self
            .last
            .as_ref()
            .map_or(MirrorState::Starting, |last| last.state);
        Kind {
            class: match &status.freshness {
                Ok(Freshness::Fresh { .. }) => Class::Fresh,
                Ok(Freshness::Stale { .. }) => Class::Stale,
                Err(error) => Class::Unreadable(discriminant(error)),
            },
            state: match status.state {
                MirrorState::Listing => before,
                state => state,
            },
            lists: status.counts.lists,
            omits: status.omitted > 0,
            differences: status.counts.differences,
        }
    }

    fn is_list_due(&mut self, status: &MirrorStatus, now: Instant) -> bool {
        if status.state != MirrorState::Listing {
            self.next_list = None;
            return false;
        }
        let next = *self.next_list.get_or_insert(now + LIST);
        let is_due = now >= next;
        if is_due {
            self.next_list = Some(now + LIST);
        }
        is_due && self.with_lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::mirror::text;
    use localmap::{Host, ManualClock};
    use localmap_mirror::{Event, Feed, MirrorOptions, MirrorReader};

    /// A mirror with a clock that stands still, and what is written about it.
    struct Fixture {
        feed: Feed,
        reader: MirrorReader,
        clock: ManualClock,
        changes: Changes,
        began: Instant,
    }

    impl Fixture {
        fn new() -> Self {
            let clock = ManualClock::new();
            let host = Host::new().expect("a host");
            let options = MirrorOptions::new().clock(clock.clone());
            let feed = Feed::new(&host, options).expect("the options fit");
            Self {
                reader: feed.reader(),
                feed,
                clock,
                changes: Changes::new(true),
                began: Instant::now(),
            }
        }

        fn list(&self, revision: u64) {
            let sent = self.feed.now();
            let mut list = self.feed.list(revision).expect("a map");
            let event = Event {
                key: b"k",
                value: Some(b"v"),
                revision,
            };
            list.load(&[event]).expect("it fits");
            self.feed.install(list, sent);
        }

        /// Returns the line that is written now, so many milliseconds after the beginning.
        fn line(&mut self, millis: u64) -> Option<String> {
            let status = self.reader.status();
            let now = self.began + Duration::from_millis(millis);
            let line = text::status(&status);
            self.changes.next(&status, now).status.then_some(line)
        }
    }

    #[test]
    fn each_state_has_a_line_and_only_one() {
        let mut mirror = Fixture::new();
        assert_eq!(mirror.line(0).as_deref(), Some("connecting"));
        assert_eq!(mirror.line(1), None);
        mirror.list(7);
        mirror.feed.enter(MirrorState::Live, None);
        let line = mirror.line(2).expect("it is fresh");
        assert!(line.starts_with("fresh: revision 7, 1 entry, "), "{line}");
        assert_eq!(mirror.line(3), None);

        mirror
            .feed
            .enter(MirrorState::Reconnecting, Some("refused"));
        mirror.clock.advance(Duration::from_millis(1_500));
        let line = mirror.line(4).expect("it is stale");
        assert!(
            line.starts_with("stale (1.5s): reconnecting: refused; revision 7"),
            "{line}"
        );
        assert_eq!(mirror.line(5), None);
        // Another failure has a line, and one that was told has none.
        mirror
            .feed
            .enter(MirrorState::Reconnecting, Some("timed out"));
        assert!(
            mirror
                .line(6)
                .is_some_and(|line| line.contains("timed out"))
        );
        mirror
            .feed
            .enter(MirrorState::Reconnecting, Some("refused"));
        assert_eq!(mirror.line(7), None);

        mirror.clock.advance(Duration::from_secs(10));
        let line = mirror.line(8).expect("it is too old");
        assert!(
            line.starts_with("error: the mirror may be 11500 ms old"),
            "{line}"
        );
        mirror.list(9);
        mirror.feed.enter(MirrorState::Live, None);
        let line = mirror.line(9).expect("it is fresh again");
        assert!(
            line.starts_with("fresh: revision 9") && line.ends_with("listed 2 times"),
            "{line}"
        );
    }

    #[test]
    fn a_list_has_a_line_for_each_second() {
        let mut mirror = Fixture::new();
        assert!(mirror.line(0).is_some());
        mirror.feed.enter(MirrorState::Listing, None);
        for (millis, expected) in [
            (10, false),
            (900, false),
            (1_010, true),
            (1_500, false),
            (2_010, true),
        ] {
            assert_eq!(mirror.line(millis).is_some(), expected, "{millis}");
        }
        // A terminal shows it otherwise.
        mirror.changes.with_lists = false;
        assert_eq!(mirror.line(9_000), None);
    }

    #[test]
    fn a_state_that_flaps_has_few_lines_and_the_last_one_is_told() {
        let mut mirror = Fixture::new();
        mirror.list(1);
        let mut lines = 0;
        for number in 0..1_000 {
            let state = match number % 2 {
                0 => MirrorState::Live,
                _ => MirrorState::Reconnecting,
            };
            mirror.feed.enter(state, None);
            lines += usize::from(mirror.line(number).is_some());
        }
        assert_eq!(lines, MAX_LINES);
        mirror.feed.enter(MirrorState::DoesNotFit, Some("full"));
        assert_eq!(mirror.line(5_000), None);
        assert!(mirror.line(10_001).is_some());
        assert_eq!(mirror.line(10_002), None);
    }

    #[test]
    fn failures_without_end_have_few_lines() {
        let mut mirror = Fixture::new();
        let mut lines = 0;
        for number in 0..1_000 {
            let why = format!("failure {number}");
            mirror.feed.enter(MirrorState::Reconnecting, Some(&why));
            lines += usize::from(mirror.line(number).is_some());
        }
        assert!(
            (MAX_FAILURES..=MAX_FAILURES + 1).contains(&lines),
            "{lines}"
        );
    }
}
