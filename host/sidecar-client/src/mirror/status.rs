//! What a mirror says about its copy.

use crate::error::Error;
use std::sync::Arc;
use std::time::Instant;

/// How a mirror's copy stands to its map. See [`Mirror::status`](crate::Mirror::status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MirrorStatus {
    /// How fresh the copy is.
    pub freshness: Freshness,
    /// The map that the copy is of: a random number, chosen when the map was created; 0 if nothing
    /// has been received yet. Versions and revisions mean something within an epoch only.
    pub epoch: u64,
    /// The number of changes of the map that the copy holds; `None` while the copy is partial: at
    /// first, and after it was dropped to begin again.
    pub revision: Option<u64>,
    /// The number of entries held, including those that have expired and that the sidecar has not
    /// removed yet.
    pub entries: usize,
    /// The number of bytes held, as [`MirrorOptions::max_bytes`](crate::MirrorOptions::max_bytes)
    /// counts them.
    pub bytes: usize,
    /// The number of keys whose present value was not [accepted](crate::MirrorOptions::accept).
    pub refused: usize,
}

/// How fresh a mirror's copy is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Freshness {
    /// The copy holds what the map held when the sidecar sent its last message. A later change
    /// arrives with the next one.
    Synced,
    /// More is on its way: the copy is older than the map, or partial.
    CatchingUp,
    /// The stream is lost. The copy stays readable, and its entries expire. The mirror reconnects.
    #[non_exhaustive]
    Disconnected {
        /// The time at which the stream was lost.
        since: Instant,
        /// The reason of the last attempt.
        reason: Arc<Error>,
    },
    /// The mirror has ended and does not reconnect. Open another one.
    #[non_exhaustive]
    Failed {
        /// The reason.
        reason: Arc<Error>,
    },
}

impl Freshness {
    /// Returns `true` if the copy holds what the map held when the sidecar sent its last message.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        matches!(self, Self::Synced)
    }
}

impl MirrorStatus {
    /// Returns the status of a mirror that has received nothing.
    pub(super) fn new() -> Self {
        Self {
            freshness: Freshness::CatchingUp,
            epoch: 0,
            revision: None,
            entries: 0,
            bytes: 0,
            refused: 0,
        }
    }
}
