//! The errors of a mirror.

use localmap::{CreateError, MapTerminated};
use std::sync::Arc;
use std::time::Duration;

/// Why a read of a mirror returns no value, neither an old one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The mirror has not listed its prefix yet.
    #[error("the mirror is not ready: {why}")]
    #[non_exhaustive]
    NotReady {
        /// What it does, or why it cannot.
        why: Arc<str>,
    },
    /// The copy is older than [`MirrorOptions::max_stale`](crate::MirrorOptions::max_stale).
    #[error("the mirror may be {} ms old, which is too much: {why}", .age.as_millis())]
    #[non_exhaustive]
    TooStale {
        /// The age of the copy, at most.
        age: Duration,
        /// Why it is not renewed.
        why: Arc<str>,
    },
    /// The source has a value under this key that the map cannot hold.
    #[error("key {index} of the read is not in the mirror: {reason}")]
    #[non_exhaustive]
    Omitted {
        /// The index of the key among those of the read; 0 for a read of one key.
        index: usize,
        /// Why the map cannot hold it.
        reason: OmittedReason,
    },
    /// The entries of the prefix do not fit into the map, so the mirror holds none.
    #[error("the prefix does not fit into the mirror: {why}")]
    #[non_exhaustive]
    DoesNotFit {
        /// The limit that was reached.
        why: Arc<str>,
    },
    /// The endpoints lead to another cluster than before, and
    /// [`accept_new_cluster`](crate::MirrorOptions::accept_new_cluster) is not set.
    #[error("the endpoint belongs to another cluster: {why}")]
    #[non_exhaustive]
    OtherCluster {
        /// The ids of both clusters.
        why: Arc<str>,
    },
    /// The mirror has ended: it was dropped.
    #[error("the mirror has ended")]
    Ended,
}

/// Why a key of the source is not in the map of a mirror. Keys are counted without the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OmittedReason {
    /// The key is the prefix itself.
    #[error("the key is empty after the prefix")]
    EmptyKey,
    /// The key is too long.
    #[error("the key has {len} bytes after the prefix; at most {max} are allowed")]
    #[non_exhaustive]
    KeyTooLong {
        /// The length of the key.
        len: usize,
        /// The value of [`Limits::max_key`](localmap::Limits#structfield.max_key).
        max: usize,
    },
    /// The key must be UTF-8 and is not.
    #[error("the key is not UTF-8")]
    NotUtf8,
    /// The value is too large.
    #[error("the value has {len} bytes; at most {max} are allowed")]
    #[non_exhaustive]
    ValueTooLarge {
        /// The length of the value.
        len: u64,
        /// The value of [`Limits::max_value`](localmap::Limits#structfield.max_value).
        max: u64,
    },
}

/// Why a map cannot hold all entries of a prefix.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// The map is full.
    #[error(
        "its map has {entries} of at most {max_entries} entries and \
         {bytes} of at most {max_bytes} bytes: {rejected}"
    )]
    #[non_exhaustive]
    Full {
        /// The entries that it has.
        entries: u64,
        /// The value of [`Limits::max_entries`](localmap::Limits#structfield.max_entries).
        max_entries: u64,
        /// The bytes that it holds.
        bytes: u64,
        /// The value of [`Limits::max_bytes`](localmap::Limits#structfield.max_bytes).
        max_bytes: u64,
        /// The change that was rejected.
        rejected: Arc<str>,
    },
    /// Too many keys were omitted to remember them.
    #[error("more than {max} keys are too long, or have values that are too large")]
    #[non_exhaustive]
    TooManyOmitted {
        /// The number of keys that are remembered.
        max: usize,
    },
    /// The map has terminated.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
        #[from]
        source: MapTerminated,
    },
}

/// Why a mirror could not be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An option is out of its range.
    #[error("{what}")]
    #[non_exhaustive]
    Option {
        /// Which one, and its range.
        what: String,
    },
    /// The map could not be created.
    #[error("the map of the mirror could not be created")]
    #[non_exhaustive]
    Map {
        /// The reason.
        #[from]
        source: CreateError,
    },
    /// The thread of the mirror could not be started.
    #[error("the thread of the mirror could not be started")]
    #[non_exhaustive]
    Thread {
        /// The reason.
        source: std::io::Error,
    },
}
