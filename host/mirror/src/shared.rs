//! What the readers of a mirror and its driver share: the copy, and what is known of it, under one lock.

use crate::error::{ReadError, Unfit};
use crate::event::Event;
use crate::options::MirrorOptions;
use crate::proof::Proof;
use crate::published::Published;
use crate::read::{Freshness, Read};
use crate::replica::Replica;
use crate::status::{Connection, Listing, MirrorCounts, MirrorState, MirrorStatus};
use localmap::{MapTerminated, lock};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

/// The revision that those who wait for one see when the mirror has ended.
pub(crate) const ENDED: u64 = u64::MAX;

/// What the readers of a mirror and its driver share.
///
/// The driver is the only one that changes it: it lists into a [`Replica`] of its own and
/// [installs](Self::install) it, [applies](Self::apply) whole revisions, and reports what proves the age of
/// the copy.
pub(crate) struct Shared {
    options: MirrorOptions,
    copy: Mutex<Copy>,
    /// The revision up to which the copy is complete; 0 if there is none. It is sent again with each change
    /// of the state.
    revision: watch::Sender<u64>,
    published: Published,
}

/// The copy, and what is known of it.
struct Copy {
    replica: Option<Replica>,
    proof: Proof,
    state: MirrorState,
    /// The last failure; `None` while the mirror is live.
    why: Option<Arc<str>>,
    connection: Option<Connection>,
    listing: Option<Listing>,
    counts: MirrorCounts,
}

impl Shared {
    pub(crate) fn new(options: MirrorOptions) -> Self {
        Self {
            options,
            copy: Mutex::new(Copy {
                replica: None,
                proof: Proof::default(),
                state: MirrorState::default(),
                why: None,
                connection: None,
                listing: None,
                counts: MirrorCounts::default(),
            }),
            revision: watch::Sender::new(0),
            published: Published::new(),
        }
    }

    fn copy(&self) -> MutexGuard<'_, Copy> {
        lock(&self.copy)
    }

    /// Returns the options of the mirror.
    pub(crate) fn options(&self) -> &MirrorOptions {
        &self.options
    }

    /// Returns the time by the clock of the mirror.
    pub(crate) fn now(&self) -> Duration {
        self.options.clock.now()
    }

    // Reads.

    /// Calls `read` with the copy, if it is not too old.
    pub(crate) fn read<R>(
        &self,
        read: impl FnOnce(&mut Replica) -> Result<R, ReadError>,
    ) -> Result<Read<R>, ReadError> {
        // The clock is read under the lock: a read that waits for it is not younger for that.
        let mut copy = self.copy();
        let freshness = copy.freshness(self.now(), &self.options)?;
        let replica = copy.replica.as_mut().ok_or(ReadError::Ended)?;
        let found = read(replica)?;
        Ok(Read {
            found,
            as_of: replica.revision(),
            freshness,
        })
    }

    /// Returns how fresh the copy is, or why it must not be read.
    pub(crate) fn readable(&self) -> Result<Freshness, ReadError> {
        self.copy().freshness(self.now(), &self.options)
    }

    /// Returns the status.
    pub(crate) fn status(&self) -> MirrorStatus {
        let mut copy = self.copy();
        let now = self.now();
        let bytes = copy.replica.as_mut().map(Replica::bytes);
        let replica = copy.replica.as_ref();
        MirrorStatus {
            state: copy.state,
            why: copy.why.clone(),
            freshness: copy.freshness(now, &self.options),
            revision: replica.map(Replica::revision),
            age: replica.and_then(|_| copy.age(now)),
            entries: replica.map_or(0, Replica::entries),
            bytes: bytes.and_then(Result::ok).unwrap_or(0),
            omitted: replica.map_or(0, |replica| replica.omitted().len() as u64),
            connection: copy.connection.clone(),
            listing: copy.listing,
            counts: copy.counts,
        }
    }

    /// Returns a receiver of the revisions of the copy.
    pub(crate) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Returns what snapshots read.
    pub(crate) fn published(&self) -> &Published {
        &self.published
    }

    /// Returns why snapshots have nothing to read: what the mirror says of its copy, or that the copy has
    /// not been published for too long.
    pub(crate) fn late(&self) -> ReadError {
        match self.readable() {
            Err(error) => error,
            Ok(_) => ReadError::NotReady {
                why: "the copy has not been published yet".into(),
            },
        }
    }

    // The driver.

    /// Sets what the mirror does. `why` is the failure that led to it.
    pub(crate) fn enter(&self, state: MirrorState, why: Option<&str>) {
        let mut copy = self.copy();
        if state == MirrorState::Reconnecting && copy.state == MirrorState::Live {
            copy.counts.disconnects += 1;
        }
        copy.state = state;
        copy.why = why.map(Arc::from);
        if state != MirrorState::Listing {
            copy.listing = None;
        }
        if state == MirrorState::Ended {
            copy.replica = None;
            copy.proof = Proof::default();
        }
        self.follow(&copy);
    }

    /// Notes that the copy is followed again. `proof` is the time at which a linearizable read was sent, and the
    /// revision that it has answered.
    #[cfg(feature = "etcd")]
    pub(crate) fn live(&self, proof: Option<(Duration, u64)>) {
        let mut copy = self.copy();
        copy.state = MirrorState::Live;
        copy.why = None;
        copy.listing = None;
        if let Some((sent, revision)) = proof {
            copy.counts.probes += 1;
            copy.proof.answered(sent, revision);
        }
        self.follow(&copy);
    }

    /// Notes that the connection was lost, or cannot be made. A state that needs more than a connection
    /// stays.
    #[cfg(feature = "etcd")]
    pub(crate) fn lost(&self, why: &str) {
        let copy = self.copy();
        let state = match copy.state {
            MirrorState::DoesNotFit | MirrorState::OtherCluster | MirrorState::Ended => return,
            _ if copy.replica.is_some() => MirrorState::Reconnecting,
            _ => MirrorState::Starting,
        };
        drop(copy);
        self.enter(state, Some(why));
    }

    /// Notes the server that the mirror is connected to.
    pub(crate) fn connected(&self, connection: Connection) {
        self.copy().connection = Some(connection);
    }

    /// Notes how far the list has come.
    pub(crate) fn listed(&self, listing: Listing) {
        self.copy().listing = Some(listing);
    }

    /// Replaces the copy by another one, which holds the revision that a linearizable read has answered
    /// that was sent at `sent`.
    pub(crate) fn install(&self, mut replica: Replica, sent: Duration) {
        let revision = replica.revision();
        // Before the old copy ends, whose snapshots end with it. Only a map that has terminated cannot be
        // published, and the next change reports it.
        let publish = |replica: &mut Replica| {
            let next = self.now() + self.options.publish;
            let _ = self.published.publish(replica, sent, next);
        };
        let was_wanted = self.published.is_wanted();
        if was_wanted {
            publish(&mut replica);
        }
        let mut copy = self.copy();
        // A snapshot that was asked for meanwhile has published the old copy.
        if !was_wanted && self.published.is_wanted() {
            publish(&mut replica);
        }
        let old = copy.replica.replace(replica);
        copy.proof.restart(sent, revision);
        copy.counts.lists += 1;
        copy.listing = None;
        self.follow(&copy);
        drop(copy);
        // It takes a while to drop a map. Readers need not wait for that.
        drop(old);
    }

    /// Makes all changes from the revision of the copy to `revision`, visible at the same instant.
    ///
    /// After an error the mirror has no copy, since this one may hold a part of a revision.
    pub(crate) fn apply(&self, events: &[Event<'_>], revision: u64) -> Result<(), Unfit> {
        let mut copy = self.copy();
        let copy = &mut *copy;
        let Some(replica) = &mut copy.replica else {
            return Ok(());
        };
        if let Err(unfit) = replica.apply(events, revision) {
            copy.drop_copy(&unfit);
            self.follow(copy);
            return Err(unfit);
        }
        copy.counts.events += events.len() as u64;
        copy.proof.complete_to(revision);
        self.published.changed();
        self.follow(copy);
        Ok(())
    }

    /// Notes that the prefix does not fit into a map. Drops the copy.
    pub(crate) fn unfit(&self, unfit: &Unfit) {
        let mut copy = self.copy();
        copy.drop_copy(unfit);
        self.follow(&copy);
    }

    /// Notes that a linearizable read which was sent at `sent` has answered `revision`.
    pub(crate) fn answered(&self, sent: Duration, revision: u64) {
        let mut copy = self.copy();
        copy.counts.probes += 1;
        copy.proof.answered(sent, revision);
        self.follow(&copy);
    }

    /// Notes that nothing has changed from the revision of the copy to `revision`.
    pub(crate) fn complete_to(&self, revision: u64) {
        let mut copy = self.copy();
        let Some(replica) = &mut copy.replica else {
            return;
        };
        replica.complete_to(revision);
        copy.proof.complete_to(revision);
        self.follow(&copy);
    }

    /// Returns the revision up to which the copy is complete; 0 if there is none.
    pub(crate) fn complete(&self) -> u64 {
        self.copy().complete()
    }

    /// Returns the revision up to which the copy is complete, and the number of its keys with those that
    /// are omitted; 0 and 0 if there is none.
    #[cfg(feature = "etcd")]
    pub(crate) fn extent(&self) -> (u64, u64) {
        let copy = self.copy();
        let keys = |replica: &Replica| replica.entries() + replica.omitted().len() as u64;
        (copy.complete(), copy.replica.as_ref().map_or(0, keys))
    }

    /// Returns the last revision at which a key of the copy was stored, and that key, if it was not deleted
    /// since.
    #[cfg(feature = "etcd")]
    pub(crate) fn newest(&self) -> (u64, Option<Vec<u8>>) {
        let copy = self.copy();
        let newest = copy.replica.as_ref().map(Replica::newest);
        newest.map_or((0, None), |(revision, key)| {
            (revision, key.map(<[u8]>::to_vec))
        })
    }

    /// Calls `read` with the copy, even if it is too old; `None` if there is none.
    #[cfg(feature = "etcd")]
    pub(crate) fn read_any<R>(&self, read: impl FnOnce(&mut Replica) -> R) -> Option<R> {
        self.copy().replica.as_mut().map(read)
    }

    /// Tells readers what has become of the copy.
    fn follow(&self, copy: &Copy) {
        self.published.follow(&copy.proof, copy.state);
        // Also when it has not changed: some wait for a state.
        self.revision.send_replace(match copy.state {
            MirrorState::Ended => ENDED,
            _ => copy.complete(),
        });
    }

    /// Notes the result of an audit.
    pub(crate) fn audited(&self, equal: bool) {
        let mut copy = self.copy();
        match equal {
            true => copy.counts.audits += 1,
            false => copy.counts.differences += 1,
        }
    }

    /// Publishes the copy for snapshots, if it has changed and if it is time. Returns how long it is until
    /// then; `None` if there is nothing to publish.
    pub(crate) fn publish(&self) -> Result<Option<Duration>, MapTerminated> {
        let Some(due) = self.published.due() else {
            return Ok(None);
        };
        let now = self.now();
        if due > now {
            return Ok(Some(due - now));
        }
        self.publish_now()?;
        Ok(None)
    }

    /// Publishes the copy for snapshots.
    pub(crate) fn publish_now(&self) -> Result<(), MapTerminated> {
        let mut copy = self.copy();
        let next = self.now() + self.options.publish;
        let fresh_at = copy.proof.fresh_at();
        match (&mut copy.replica, fresh_at) {
            (Some(replica), Some(fresh_at)) => self.published.publish(replica, fresh_at, next),
            _ => Ok(()),
        }
    }
}

impl Copy {
    /// Returns the revision up to which the copy is complete; 0 if there is none.
    fn complete(&self) -> u64 {
        self.replica.as_ref().map_or(0, Replica::revision)
    }

    /// Returns the age of the copy, at most; `None` if nothing has proved one.
    fn age(&self, now: Duration) -> Option<Duration> {
        Some(now.saturating_sub(self.proof.fresh_at()?))
    }

    /// Returns how fresh the copy is, or why it must not be read.
    fn freshness(&self, now: Duration, options: &MirrorOptions) -> Result<Freshness, ReadError> {
        let why = || match (&self.why, self.state) {
            (Some(why), _) => Arc::clone(why),
            (None, MirrorState::Live) => "its source has not confirmed it since".into(),
            (None, state) => Arc::from(state.to_string()),
        };
        let age = self.replica.as_ref().and_then(|_| self.age(now));
        match age {
            Some(age) if age <= options.max_stale => {
                let is_fresh = self.state == MirrorState::Live && age < options.probe * 2;
                Ok(match is_fresh {
                    true => Freshness::Fresh { age },
                    false => Freshness::Stale { age },
                })
            }
            _ if self.state == MirrorState::Ended => Err(ReadError::Ended),
            _ if self.state == MirrorState::DoesNotFit => Err(ReadError::DoesNotFit { why: why() }),
            _ if self.state == MirrorState::OtherCluster => {
                Err(ReadError::OtherCluster { why: why() })
            }
            Some(age) => Err(ReadError::TooStale { age, why: why() }),
            None => Err(ReadError::NotReady { why: why() }),
        }
    }

    /// Drops the copy, which the map could not hold.
    fn drop_copy(&mut self, unfit: &Unfit) {
        self.replica = None;
        self.proof = Proof::default();
        self.state = MirrorState::DoesNotFit;
        self.why = Some(unfit.to_string().into());
    }
}
