//! Deletes the keys of locks that were released: with the next transaction that acquires a lock, of any key, or
//! with one of their own.

use super::left::{Left, MAX_DELETES};
use super::shared::Shared;
use crate::lock_name::LockName;
use crate::table::User;
use etcd_client::{Txn, TxnOp};
use std::mem;
use std::sync::Arc;

/// The maximum number of keys that a transaction deletes which acquires a lock: of those that were released, and
/// of those of the same lock. etcd accepts 128 operations.
const MAX_RELEASED: usize = 50;
const MAX_STALE: usize = 50;

/// Keys that a transaction deletes. If it is not known to have done so when this is dropped, the cleanup does.
pub(super) struct Deleting<'a> {
    shared: &'a Shared,
    keys: Vec<Left>,
    /// Names that others are about to delete too.
    stale: Vec<Arc<LockName>>,
}

impl Shared {
    /// Deletes the key of a lock that was released.
    ///
    /// A task of its own does that, after the one that releases has gone on. If that one acquires another lock at
    /// once, its transaction takes the key along, and etcd writes once instead of twice.
    pub(super) fn release(self: &Arc<Self>, key: Left) {
        // Else there is a task already.
        if self.releases.push(key) {
            self.runtime.spawn(delete_released(Arc::clone(self)));
        }
    }

    /// Returns the keys to delete when a lock is acquired: some that were released, and some of ended holds of the
    /// same lock, which are all of them unless it had very many readers.
    pub(super) fn deleting(&self, user: &User) -> Deleting<'_> {
        let mut deleting = self.take(MAX_RELEASED);
        deleting.stale = user.stale(MAX_STALE);
        let keys = &deleting.keys;
        let is_other = |name: &Arc<LockName>| !keys.iter().any(|key| Arc::ptr_eq(&key.name, name));
        deleting.stale.retain(is_other);
        deleting
    }

    fn take(&self, max: usize) -> Deleting<'_> {
        Deleting {
            shared: self,
            keys: self.releases.take(max),
            stale: Vec::new(),
        }
    }
}

async fn delete_released(shared: Arc<Shared>) {
    loop {
        let deleting = shared.take(MAX_DELETES);
        // The last one is of the newest session.
        let Some(last) = deleting.keys.last() else {
            return;
        };
        let txn = Txn::new().and_then(deleting.operations());
        if shared.txn(Some(&last.session), txn).await.is_ok() {
            deleting.done();
        }
    }
}

impl Deleting<'_> {
    /// Returns the operations that delete the keys.
    pub(super) fn operations(&self) -> Vec<TxnOp> {
        let names = self.keys.iter().map(|key| &key.name).chain(&self.stale);
        names.map(|name| TxnOp::delete(&***name, None)).collect()
    }

    /// Notes that the transaction was not performed, nor will be.
    pub(super) fn refused(mut self, shared: &Arc<Shared>) {
        self.stale.clear();
        for key in mem::take(&mut self.keys) {
            shared.release(key);
        }
    }

    /// Notes that the keys are deleted.
    pub(super) fn done(mut self) {
        self.keys.clear();
        self.stale.clear();
    }
}

impl Drop for Deleting<'_> {
    fn drop(&mut self) {
        // The transaction may still arrive.
        let names = self.keys.iter().map(|key| &key.name).chain(&self.stale);
        names.for_each(|name| name.spend());
        if !self.keys.is_empty() {
            self.shared.cleanup.extend(mem::take(&mut self.keys));
        }
    }
}
