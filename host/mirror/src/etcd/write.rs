//! Writes to etcd through a mirror, and reads past it: their results.

use super::failure::Failure;
use std::sync::Arc;

/// The condition of a [`Mirror::put_if`](crate::Mirror::put_if).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The key is absent.
    Absent,
    /// The key's value was stored at this revision.
    Revision(u64),
}

/// A value that was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The revision at which it was stored.
    pub revision: u64,
    /// Whether the mirror shows it, or a later value. `false` if the mirror was too late to wait for.
    pub visible: bool,
}

/// Why a value was not stored, or may not have been.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The condition is not met: nothing was stored.
    #[error("the key has another value: {}", match .revision {
        Some(revision) => format!("it was stored at revision {revision}"),
        None => "it is absent".to_owned(),
    })]
    #[non_exhaustive]
    Conflict {
        /// The revision of the present value; `None` if the key is absent.
        revision: Option<u64>,
    },
    /// etcd has refused the write: nothing was stored.
    #[error("etcd refuses the write: {why}")]
    #[non_exhaustive]
    Refused {
        /// What etcd has answered.
        why: String,
    },
    /// No server could be reached: nothing was sent, and nothing was stored.
    #[error("no server can be reached: {why}")]
    #[non_exhaustive]
    Unreachable {
        /// The last failure.
        why: Arc<str>,
    },
    /// There was no answer. The value may have been stored: read the key to find out.
    #[error("unknown outcome: {why}")]
    #[non_exhaustive]
    Unknown {
        /// What happened instead.
        why: String,
    },
}

/// Why a read past the mirror, or an audit, has no result.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// etcd has refused the request, or has not answered.
    #[error("{why}")]
    #[non_exhaustive]
    Failed {
        /// What has happened.
        why: Arc<str>,
    },
    /// The mirror has ended.
    #[error("the mirror has ended")]
    Ended,
}

impl From<Failure> for RequestError {
    fn from(failure: Failure) -> Self {
        Self::Failed {
            why: failure.to_string().into(),
        }
    }
}
