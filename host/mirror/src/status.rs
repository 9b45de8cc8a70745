//! What a mirror says about itself.

use crate::error::ReadError;
use crate::read::Freshness;
use crate::version::has_reliable_progress;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a mirror does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MirrorState {
    /// It connects for the first time.
    #[default]
    Starting,
    /// It lists its prefix. If there was a copy before, reads use that one.
    Listing,
    /// It watches its prefix.
    Live,
    /// The connection was lost, and it connects again.
    Reconnecting,
    /// The prefix does not fit into its map. It lists it again from time to time.
    DoesNotFit,
    /// The endpoints lead to another cluster. It tries them again from time to time.
    OtherCluster,
    /// It has ended.
    Ended,
}

impl fmt::Display for MirrorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Listing => "listing",
            Self::Live => "live",
            Self::Reconnecting => "reconnecting",
            Self::DoesNotFit => "does-not-fit",
            Self::OtherCluster => "other-cluster",
            Self::Ended => "ended",
        })
    }
}

/// The status of a mirror: see [`MirrorReader::status`](crate::MirrorReader::status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MirrorStatus {
    /// What the mirror does.
    pub state: MirrorState,
    /// Why it is not live: the last failure.
    pub why: Option<Arc<str>>,
    /// How old the copy is, or why reads fail.
    pub freshness: Result<Freshness, ReadError>,
    /// The revision of the copy; `None` if there is none.
    pub revision: Option<u64>,
    /// The age of the copy, at most, even if it is too old to be read; `None` if there is none.
    pub age: Option<Duration>,
    /// The number of entries of the copy.
    pub entries: u64,
    /// The bytes of memory that the copy's map holds, as
    /// [`Stats::bytes`](localmap::Stats#structfield.bytes) counts them.
    pub bytes: u64,
    /// The number of keys that the map cannot hold.
    pub omitted: u64,
    /// The server that the mirror is, or was, connected to; `None` at first.
    pub connection: Option<Connection>,
    /// How far the list has come, while the state is [`MirrorState::Listing`].
    pub listing: Option<Listing>,
    /// What has happened since the mirror was opened.
    pub counts: MirrorCounts,
}

/// A server that a mirror is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The endpoint, without a password.
    pub endpoint: String,
    /// The version of the server.
    pub version: String,
    /// The id of the cluster.
    pub cluster_id: u64,
}

impl Connection {
    /// Returns `true` if the server reports progress reliably: if its version is 3.4.31, 3.5.13 or 3.6.0,
    /// or a later one of these.
    ///
    /// With earlier versions the mirror proves the age of a prefix that does not change in another way,
    /// which costs the server a look at all keys of the prefix.
    #[must_use]
    pub fn has_reliable_progress(&self) -> bool {
        has_reliable_progress(&self.version)
    }
}

/// How far the list of a prefix has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// The keys that have been received.
    pub done: u64,
    /// All keys of the prefix.
    pub total: u64,
}

/// What has happened since a mirror was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MirrorCounts {
    /// Events that were applied: a value that was stored or deleted.
    pub events: u64,
    /// Lists of the whole prefix that were completed, including the first.
    pub lists: u64,
    /// Connections that were lost.
    pub disconnects: u64,
    /// Linearizable reads that proved the age of the copy, and were answered.
    pub probes: u64,
    /// Audits that found the copy equal to the source.
    pub audits: u64,
    /// Audits that found a difference. The mirror listed its prefix again.
    pub differences: u64,
}
