//! Deletes the keys of locks whose requests, to create or to delete them, have ended without an answer.

use super::backoff::Backoff;
use super::failure::{Failure, Kind};
use super::left::{Left, MAX_DELETES};
use super::session::Session;
use super::shared::Shared;
use etcd_client::proto::PbTxnOpResponse;
use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp};
use localmap::lock;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// The number of keys from which on no more are created, until these are deleted.
const MAX_LEFT: usize = 1_000;
/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// The keys to delete.
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
    fn take(&self) -> Vec<Left> {
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

    fn put_back(&self, left: Vec<Left>) {
        lock(&self.left).extend(left);
    }
}

/// Deletes keys until the locks are no longer used. What is left then is deleted with the lease.
pub(super) async fn clean(shared: Arc<Shared>) {
    let mut backoff = Backoff::new(MAX_BACKOFF);
    loop {
        let taken = shared.cleanup.take();
        if taken.is_empty() {
            tokio::select! {
                () = shared.ending.raised() => return,
                () = shared.cleanup.more.notified() => continue,
            }
        }
        let deleted = tokio::select! {
            () = shared.ending.raised() => return,
            deleted = delete(&shared, &taken) => deleted,
        };
        match deleted {
            Ok(true) => backoff.reset(),
            // With the version that is known now.
            Ok(false) => shared.cleanup.put_back(taken),
            Err(_) => {
                shared.cleanup.put_back(taken);
                tokio::select! {
                    () = shared.ending.raised() => return,
                    () = sleep(backoff.next()) => {}
                }
            }
        }
    }
}

/// Deletes keys. If a transaction that creates one may still arrive, makes it fail first. Returns `false` if
/// the session key has another version.
async fn delete(shared: &Shared, left: &[Left]) -> Result<bool, Failure> {
    let Some(first) = left.first() else {
        return Ok(true);
    };
    let session = &first.session;
    let deletes = left.iter().map(|one| TxnOp::delete(&**one.name, None));
    if left.iter().all(|one| !one.unknown) {
        let txn = Txn::new().and_then(deletes.collect::<Vec<_>>());
        shared.txn(Some(session), txn).await?;
        return Ok(true);
    }
    advance_epoch(shared, session, session.epoch(), deletes.collect()).await
}

/// Writes the session key, so that all transactions before fail, and performs other operations with it. Returns
/// `false` if it has another version, which is known then.
pub(super) async fn advance_epoch(
    shared: &Shared,
    session: &Session,
    epoch: i64,
    others: Vec<TxnOp>,
) -> Result<bool, Failure> {
    let put = TxnOp::put(
        session.key(),
        shared.options.owner.as_str(),
        Some(PutOptions::new().with_lease(session.lease())),
    );
    let operations: Vec<TxnOp> = std::iter::once(put).chain(others).collect();
    let txn = Txn::new()
        .when([same_epoch(session, epoch)])
        .and_then(operations)
        .or_else([TxnOp::get(session.key(), None)]);
    let done = shared.txn(Some(session), txn).await?;
    match done.succeeded {
        true => session.advance(epoch + 1),
        false => learn_epoch(shared, session, epoch, &done.responses)?,
    }
    Ok(done.succeeded)
}

/// Returns the comparison that each transaction of a session makes.
pub(super) fn same_epoch(session: &Session, epoch: i64) -> Compare {
    Compare::version(session.key(), CompareOp::Equal, epoch)
}

/// Notes the version of the session key that the answer to a failed comparison with `epoch` has. Without the
/// key, the lease has ended. A lower version is that of a cluster without its history.
pub(super) fn learn_epoch(
    shared: &Shared,
    session: &Session,
    epoch: i64,
    responses: &[PbTxnOpResponse],
) -> Result<(), Failure> {
    let [PbTxnOpResponse::ResponseRange(found)] = responses else {
        return Err(Failure::malformed());
    };
    match found.kvs.first() {
        Some(key) if key.version > epoch => {
            session.advance(key.version);
            Ok(())
        }
        Some(key) => {
            session.lose();
            let version = key.version;
            Err(shared.distrust(&format!(
                "the cluster has lost its history: this process has written its session {epoch} times, \
                 of which it has {version}"
            )))
        }
        None => {
            session.lose();
            Err(Failure::new(Kind::NoLease, "the lease has ended"))
        }
    }
}
