//! A lock in etcd that is held, or may be.

use super::cleanup::Left;
use super::handle::Etcd;
pub(crate) use super::session::Loss;
use super::session::Session;
use super::shared::Shared;
use crate::table::User;
use std::sync::Arc;

/// A lock that is held. Dropping it deletes its key.
pub(crate) struct Held {
    key: Key,
    /// Keeps the lease.
    _etcd: Arc<Etcd>,
}

impl Held {
    pub(super) fn new(key: Key, etcd: Arc<Etcd>) -> Self {
        Self { key, _etcd: etcd }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.key.session.is_lost()
    }

    pub(crate) fn loss(&self) -> Loss {
        Loss::of(&self.key.session)
    }
}

/// The key of a lock, which is deleted when this is dropped.
pub(super) struct Key {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Arc<Session>,
    pub(super) lock_key: Arc<[u8]>,
    pub(super) user: User,
    pub(super) state: State,
}

/// Whether a key is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is not, nor will be.
    Absent,
    /// A transaction that creates it has no answer.
    Unknown,
    /// It is.
    Present,
}

impl Drop for Key {
    fn drop(&mut self) {
        // The key of a lease that has ended goes with it, and not before: what its holder has sent may
        // still arrive.
        if self.state == State::Absent || self.session.is_lost() {
            return;
        }
        let left = Left {
            session: Arc::clone(&self.session),
            lock_key: Arc::clone(&self.lock_key),
            unknown: self.state == State::Unknown,
            user: self.user.clone(),
        };
        if left.unknown {
            return self.shared.cleanup.push(left);
        }
        left.user.add_stale(&left.lock_key);
        let shared = Arc::clone(&self.shared);
        self.shared.runtime.spawn(async move {
            match shared.endpoints.delete(&left.lock_key).await {
                Ok(()) => left.user.remove_stale(&left.lock_key),
                Err(_) => shared.cleanup.push(left),
            }
        });
    }
}
