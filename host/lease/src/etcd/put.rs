//! Writes to etcd that hold only while the lock does.

use super::failure::{Failure, Kind};
use crate::fence::Fence;
use etcd_client::{Client, Compare, CompareOp, Txn, TxnOp};

/// The error of [`fenced_put`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FencedPutError {
    /// The lock is no longer held: nothing was stored.
    #[error("the lock is no longer held: nothing was stored")]
    Fenced,
    /// etcd has refused the write: nothing was stored.
    #[error("etcd refuses the write: {why}")]
    #[non_exhaustive]
    Refused {
        /// What etcd has answered.
        why: String,
    },
    /// There was no answer. The value may have been stored, or may be later if the lock is still held then:
    /// read the key to find out.
    #[error("unknown outcome: {why}")]
    #[non_exhaustive]
    Unknown {
        /// What happened instead.
        why: String,
    },
}

impl Fence {
    /// Returns the comparison which says that the lock is still held, for a transaction of etcd. With it, all
    /// of the transaction happens under the lock, or nothing. It never holds for a lock of a process.
    ///
    /// ```
    /// use localmap_lease::Fence;
    /// use localmap_lease::etcd_client::{Client, Txn, TxnOp};
    ///
    /// async fn rename(client: &mut Client, fence: &Fence) -> Result<bool, Box<dyn std::error::Error>> {
    ///     let txn = Txn::new()
    ///         .when([fence.compare()])
    ///         .and_then([TxnOp::delete("old", None), TxnOp::put("new", "value", None)]);
    ///     Ok(client.txn(txn).await?.succeeded())
    /// }
    /// ```
    #[must_use]
    pub fn compare(&self) -> Compare {
        let token = i64::try_from(self.token()).unwrap_or(i64::MAX);
        Compare::create_revision(self.lock_key(), CompareOp::Equal, token)
    }
}

/// Stores a value in etcd if the lock of `fence` is still held, in one transaction. Returns the revision.
///
/// The comparison is [`Fence::compare`], so it is etcd that decides, at the moment of the write: also about
/// one that was sent long before. The client must be one of the cluster that has the lock.
///
/// ```no_run
/// use localmap_lease::{Fence, FencedPutError, fenced_put};
/// use localmap_lease::etcd_client::Client;
///
/// async fn store(client: &mut Client, fence: &Fence) -> Result<(), FencedPutError> {
///     let revision = fenced_put(client, fence, "/config/limit", "10").await?;
///     println!("stored at revision {revision}");
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// - Returns [`FencedPutError::Fenced`] if the lock is no longer held.
/// - Returns [`FencedPutError::Refused`] if etcd refuses the write.
/// - Returns [`FencedPutError::Unknown`] if there was no answer.
pub async fn fenced_put(
    client: &mut Client,
    fence: &Fence,
    key: impl Into<Vec<u8>>,
    value: impl Into<Vec<u8>>,
) -> Result<u64, FencedPutError> {
    let txn = Txn::new()
        .when([fence.compare()])
        .and_then([TxnOp::put(key, value, None)]);
    let done = client.txn(txn).await.map_err(|error| {
        let failure = Failure::from(error);
        let why = failure.to_string();
        match failure.kind {
            Kind::Refused | Kind::NoLease => FencedPutError::Refused { why },
            Kind::Unknown => FencedPutError::Unknown { why },
        }
    })?;
    if !done.succeeded() {
        return Err(FencedPutError::Fenced);
    }
    let revision = done.header().map_or(0, |header| header.revision());
    Ok(u64::try_from(revision).unwrap_or(0))
}
