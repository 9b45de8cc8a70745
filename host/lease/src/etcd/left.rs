//! The keys of locks that nobody holds any more, until they are deleted.

use super::session::Session;
use crate::lock_name::LockName;
use crate::table::User;
use localmap::lock;
use std::mem;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// The maximum number of keys that a transaction deletes which does nothing else. etcd accepts 128 operations.
pub(super) const MAX_DELETES: usize = 100;

/// The number of keys from which on no more are created, until these are deleted.
const MAX_LEFT: usize = 1_000;

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

/// Those of locks that were released.
#[derive(Default)]
pub(super) struct Releases(Mutex<Vec<Left>>);

impl Releases {
    /// Adds a key. Returns `true` if it is the only one.
    pub(super) fn push(&self, key: Left) -> bool {
        let mut keys = lock(&self.0);
        keys.push(key);
        keys.len() == 1
    }

    /// Takes at most `max` keys.
    pub(super) fn take(&self, max: usize) -> Vec<Left> {
        let mut keys = lock(&self.0);
        let taken = keys.len().min(max);
        let rest = keys.split_off(taken);
        mem::replace(&mut *keys, rest)
    }
}

/// Those whose requests, to create or to delete them, have ended without an answer.
#[derive(Default)]
pub(super) struct Cleanup {
    left: Mutex<Vec<Left>>,
    more: Notify,
}

impl Cleanup {
    pub(super) fn extend(&self, left: impl IntoIterator<Item = Left>) {
        lock(&self.left).extend(left);
        self.more.notify_one();
    }

    /// Returns `true` if so many requests had no answer that it is no use to send more.
    pub(super) fn is_full(&self) -> bool {
        lock(&self.left).len() >= MAX_LEFT
    }

    /// Takes some keys of one session.
    pub(super) fn take(&self) -> Vec<Left> {
        let mut left = lock(&self.left);
        // Those of a lease that has ended are deleted with it.
        left.retain(|one| !one.session.is_lost());
        let Some(session) = left.first().map(|one| Arc::clone(&one.session)) else {
            return Vec::new();
        };
        let mut room = MAX_DELETES;
        let taken = left.extract_if(.., |one| {
            let take = room > 0 && Arc::ptr_eq(&one.session, &session);
            room -= usize::from(take);
            take
        });
        taken.collect()
    }

    /// Waits until there are some.
    pub(super) async fn more(&self) {
        self.more.notified().await;
    }

    pub(super) fn put_back(&self, left: Vec<Left>) {
        lock(&self.left).extend(left);
    }
}
