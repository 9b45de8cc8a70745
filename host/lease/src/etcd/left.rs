//! The key of a lock that nobody holds any more, until it is deleted.

use super::session::Session;
use crate::lock_name::LockName;
use crate::table::User;
use std::sync::Arc;

/// The maximum number of keys that a transaction deletes which does nothing else. etcd accepts 128 operations.
pub(super) const MAX_DELETES: usize = 100;

/// A key to delete. Until this is dropped, its lock stays in the table, and the next hold of it in this process
/// deletes the key too.
pub(super) struct Left {
    pub(super) session: Arc<Session>,
    pub(super) name: Arc<LockName>,
    /// Whether a transaction that creates it may still arrive.
    pub(super) unknown: bool,
    user: User,
}

impl Left {
    pub(super) fn new(
        session: Arc<Session>,
        name: Arc<LockName>,
        unknown: bool,
        user: User,
    ) -> Self {
        user.add_stale(&name);
        Self {
            session,
            name,
            unknown,
            user,
        }
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        self.user.remove_stale(&self.name);
    }
}
