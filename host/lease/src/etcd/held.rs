//! A lock in etcd that is held, or may be.

use super::handle::Etcd;
use super::left::Left;
pub(crate) use super::session::Loss;
use super::session::Session;
use super::shared::Shared;
use crate::lock_name::LockName;
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
    pub(super) name: Arc<LockName>,
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
        let unknown = self.state == State::Unknown;
        if unknown {
            self.name.spend();
        }
        let (session, name) = (Arc::clone(&self.session), Arc::clone(&self.name));
        let left = Left::new(session, name, unknown, self.user.clone());
        if unknown {
            self.shared.cleanup.extend([left]);
        } else {
            self.shared.release(left);
        }
    }
}
