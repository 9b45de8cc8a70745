//! Feeding a mirror from its source.

use crate::error::{OpenError, Unfit};
use crate::event::Event;
use crate::options::MirrorOptions;
use crate::reader::MirrorReader;
use crate::replica::Replica;
use crate::shared::Shared;
use crate::status::{Connection, Listing, MirrorState};
use localmap::Host;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// The side of a mirror that changes it, for sources of your own and for tests. A mirror of etcd is a
/// `Mirror`, with the feature `etcd`.
///
/// A source has a revision, a number that grows with each change. A feed first lists everything at one
/// revision, and then applies whole revisions in their order. What proves the age of the copy is a
/// linearizable read of the source: see [`answered`](Self::answered).
///
/// Dropping the feed ends the mirror.
///
/// ```
/// use localmap::{Host, ManualClock};
/// use localmap_mirror::{Event, Feed, MirrorOptions, MirrorState};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let feed = Feed::new(&Host::new()?, MirrorOptions::new().clock(clock.clone()))?;
/// let reader = feed.reader();
/// assert!(reader.get("color").is_err());
///
/// let sent = feed.now();
/// let mut list = feed.list(7)?;
/// list.load(&[Event { key: b"color", value: Some(b"blue"), revision: 5 }])?;
/// feed.install(list, sent);
/// feed.enter(MirrorState::Live, None);
///
/// clock.advance(Duration::from_millis(300));
/// let read = reader.get("color")?;
/// let entry = read.found.ok_or("absent")?;
/// assert_eq!((entry.value, entry.mod_revision, read.as_of), (b"blue".to_vec(), 5, 7));
/// assert_eq!(read.freshness.age(), Duration::from_millis(300));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Feed {
    host: Host,
    shared: Arc<Shared>,
}

/// A copy that is being listed: see [`Feed::list`].
#[derive(Debug)]
pub struct List {
    replica: Replica,
}

impl List {
    /// Stores listed entries. Each has a value, and the revision at which the source has stored it.
    ///
    /// # Errors
    ///
    /// Returns [`Unfit`] if the entries do not fit. Report it with [`Feed::unfit`].
    pub fn load(&mut self, entries: &[Event<'_>]) -> Result<(), Unfit> {
        self.replica.load(entries)
    }
}

impl Feed {
    /// Creates an empty mirror, whose state is [`MirrorState::Starting`]. See [`Feed`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`OpenError`] if an option is out of its range, or if the host does not create a map with the
    /// limits.
    pub fn new(host: &Host, options: MirrorOptions) -> Result<Self, OpenError> {
        options.check()?;
        // So that this is known now, and not with the first list.
        Replica::new(host, &options, 0)?;
        Ok(Self {
            host: host.clone(),
            shared: Arc::new(Shared::new(options)),
        })
    }

    /// Returns a reader of the mirror.
    #[must_use]
    pub fn reader(&self) -> MirrorReader {
        MirrorReader::new(Arc::clone(&self.shared))
    }

    /// Returns the options of the mirror.
    #[must_use]
    pub fn options(&self) -> &MirrorOptions {
        self.shared.options()
    }

    /// Returns the time by the clock of the mirror.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.shared.now()
    }

    /// Sets what the mirror does, and the failure that led to it.
    pub fn enter(&self, state: MirrorState, why: Option<&str>) {
        self.shared.enter(state, why);
    }

    /// Notes the server that the mirror is connected to.
    pub fn connected(&self, connection: Connection) {
        self.shared.connected(connection);
    }

    /// Begins a copy of `revision`, in a map of its own. Readers use the previous copy meanwhile.
    ///
    /// # Errors
    ///
    /// Returns [`OpenError::Map`] if the map cannot be created.
    pub fn list(&self, revision: u64) -> Result<List, OpenError> {
        let replica = Replica::new(&self.host, self.shared.options(), revision)?;
        Ok(List { replica })
    }

    /// Notes how far the list has come.
    pub fn listed(&self, listing: Listing) {
        self.shared.listed(listing);
    }

    /// Replaces the copy by a list that is complete. `sent` is the time at which the linearizable read was
    /// sent that has answered its revision.
    pub fn install(&self, list: List, sent: Duration) {
        self.shared.install(list.replica, sent);
    }

    /// Applies all changes from the revision of the copy to `revision`, in their order. Readers see all of
    /// them or none.
    ///
    /// # Errors
    ///
    /// Returns [`Unfit`] if the entries do not fit. The mirror has no copy then: list it again.
    pub fn apply(&self, events: &[Event<'_>], revision: u64) -> Result<(), Unfit> {
        self.shared.apply(events, revision)
    }

    /// Notes that a linearizable read, which was sent at the time `sent`, has answered `revision`: once the
    /// copy is complete up to it, it has all that was committed before `sent`.
    pub fn answered(&self, sent: Duration, revision: u64) {
        self.shared.answered(sent, revision);
    }

    /// Notes that nothing has changed from the revision of the copy to `revision`. It must be certain.
    pub fn complete_to(&self, revision: u64) {
        self.shared.complete_to(revision);
    }

    /// Returns the revision up to which the copy is complete.
    #[must_use]
    pub fn complete(&self) -> u64 {
        self.shared.complete()
    }

    /// Notes that the copy is followed again, and what proves its age.
    #[cfg(feature = "etcd")]
    pub(crate) fn live(&self, proof: Option<(Duration, u64)>) {
        self.shared.live(proof);
    }

    /// Notes that the connection was lost, or cannot be made.
    #[cfg(feature = "etcd")]
    pub(crate) fn lost(&self, why: &str) {
        self.shared.lost(why);
    }

    /// Returns the revision up to which the copy is complete, and the number of keys that the source has
    /// there.
    #[cfg(feature = "etcd")]
    pub(crate) fn extent(&self) -> (u64, u64) {
        self.shared.extent()
    }

    /// Returns what the mirror shares with its readers.
    #[cfg(feature = "etcd")]
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Notes that the entries do not fit. Drops the copy.
    pub fn unfit(&self, unfit: &Unfit) {
        self.shared.unfit(unfit);
    }

    /// Notes the result of an audit.
    pub fn audited(&self, equal: bool) {
        self.shared.audited(equal);
    }

    /// Publishes the copy for [snapshots](crate::MirrorSnapshot), if it has changed and if it is time.
    /// Returns how long it is until then; `None` if there is nothing to publish. Call it after changes.
    pub fn publish(&self) -> Option<Duration> {
        // A map that has terminated cannot be published. The next change reports it.
        self.shared.publish().ok().flatten()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.enter(MirrorState::Ended, None);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("reader", &self.reader())
            .finish_non_exhaustive()
    }
}
