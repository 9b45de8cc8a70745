//! The published copy of a mirror, which snapshots read without the mirror's lock.

use crate::error::OmittedReason;
use crate::omitted::Omitted;
use crate::proof::Proof;
use crate::replica::Replica;
use crate::status::MirrorState;
use localmap::{MapTerminated, Snapshot, lock};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

/// A copy that was published.
pub(crate) struct Publication {
    /// Its entries.
    pub(crate) snapshot: Snapshot,
    /// The revision of the copy.
    pub(crate) revision: u64,
    omitted: Omitted,
    /// The time before which all commits are in it, in nanoseconds. It moves on with each proof, as long as
    /// nothing has been applied since.
    fresh_at: AtomicU64,
}

impl Publication {
    /// Returns the time before which all commits are in it.
    pub(crate) fn fresh_at(&self) -> Duration {
        Duration::from_nanos(self.fresh_at.load(Ordering::Acquire))
    }

    /// Returns why a key is omitted; `None` if it is not.
    pub(crate) fn omitted(&self, key: &[u8]) -> Option<OmittedReason> {
        self.omitted.get(key)
    }
}

/// What snapshots read, and when it is renewed.
pub(crate) struct Published {
    /// Whether a snapshot has been asked for.
    wanted: AtomicBool,
    live: AtomicBool,
    current: RwLock<Option<Publication>>,
    schedule: Mutex<Schedule>,
}

/// When to publish.
#[derive(Default)]
struct Schedule {
    /// Whether the copy has changed since the last publication.
    changed: bool,
    /// The earliest time of the next one.
    next: Duration,
}

impl Published {
    pub(crate) fn new() -> Self {
        Self {
            wanted: AtomicBool::new(false),
            live: AtomicBool::new(false),
            current: RwLock::new(None),
            schedule: Mutex::default(),
        }
    }

    /// Begins to publish.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Release);
    }

    /// Returns `true` if a snapshot has been asked for.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// Returns `true` if the mirror is live.
    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    /// Calls `read` with the published copy; `None` if there is none.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&Publication) -> R) -> Option<R> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(read)
    }

    /// Notes that the copy has changed.
    pub(crate) fn changed(&self) {
        if self.is_wanted() {
            lock(&self.schedule).changed = true;
        }
    }

    /// Notes what the mirror does, and what proves the age of its copy.
    pub(crate) fn follow(&self, proof: &Proof, state: MirrorState) {
        self.live
            .store(state == MirrorState::Live, Ordering::Release);
        match proof.fresh_at() {
            None => self.set(None),
            Some(fresh_at) if !lock(&self.schedule).changed => {
                self.read(|current| current.fresh_at.store(nanos(fresh_at), Ordering::Release));
            }
            // It has been published without the changes that this proof is about.
            Some(_) => {}
        }
    }

    /// Returns the earliest time of the next publication; `None` if there is nothing to publish.
    pub(crate) fn due(&self) -> Option<Duration> {
        let schedule = lock(&self.schedule);
        (self.is_wanted() && schedule.changed).then_some(schedule.next)
    }

    /// Publishes a copy which has all commits before `fresh_at`. The next publication is at `next` or
    /// later.
    pub(crate) fn publish(
        &self,
        replica: &mut Replica,
        fresh_at: Duration,
        next: Duration,
    ) -> Result<(), MapTerminated> {
        let publication = Publication {
            snapshot: replica.snapshot()?,
            revision: replica.revision(),
            omitted: replica.omitted().clone(),
            fresh_at: AtomicU64::new(nanos(fresh_at)),
        };
        self.set(Some(publication));
        *lock(&self.schedule) = Schedule {
            changed: false,
            next,
        };
        Ok(())
    }

    fn set(&self, publication: Option<Publication>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = publication;
    }
}

/// Returns nanoseconds, at most the end of the clock.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
