//! The version of the session key, which each transaction that creates a key compares, so that writing it makes
//! those before fail.

use super::failure::{Failure, Kind};
use super::session::Session;
use super::shared::Shared;
use etcd_client::proto::PbTxnOpResponse;
use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp};

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

/// Returns the comparison that each transaction makes which creates a key.
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
