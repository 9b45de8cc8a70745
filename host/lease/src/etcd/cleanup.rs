//! Deletes the keys of locks whose requests, to create or to delete them, have ended without an answer.

use super::backoff::Backoff;
use super::epoch::advance_epoch;
use super::failure::Failure;
use super::left::Left;
use super::shared::Shared;
use etcd_client::{Txn, TxnOp};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// Deletes keys until the locks are no longer used. What is left then is deleted with the lease.
pub(super) async fn clean(shared: Arc<Shared>) {
    let mut backoff = Backoff::new(MAX_BACKOFF);
    loop {
        let taken = shared.cleanup.take();
        if taken.is_empty() {
            tokio::select! {
                () = shared.ending.raised() => return,
                () = shared.cleanup.more() => continue,
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
