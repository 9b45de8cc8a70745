//! The reasons why a lock cannot be had.

use crate::key::MAX_KEY_LEN;
use crate::table::NoLock;

/// The reason why a lock cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// The key is not 1 to [`MAX_KEY_LEN`] bytes of visible ASCII.
    #[error("a key of a lock has 1 to {MAX_KEY_LEN} bytes of visible ASCII")]
    InvalidKey,
    /// Others hold it for longer than one may wait.
    #[error("others hold the lock")]
    Held,
    /// Too many wait for it, or for all locks: see [`LockLimits`](crate::LockLimits).
    #[error("too many wait for the lock, or for all locks")]
    TooManyWaiters,
    /// There is no lease, without which there are no locks in etcd.
    #[error("there is no lease in etcd: {why}")]
    #[non_exhaustive]
    NoLease {
        /// What happened when one was asked for.
        why: String,
    },
    /// etcd did not answer, or refused.
    #[error("etcd gives no lock: {why}")]
    #[non_exhaustive]
    Unavailable {
        /// What happened instead.
        why: String,
    },
}

impl From<NoLock> for AcquireError {
    fn from(refused: NoLock) -> Self {
        match refused {
            NoLock::Held => Self::Held,
            NoLock::TooManyWaiters => Self::TooManyWaiters,
        }
    }
}
