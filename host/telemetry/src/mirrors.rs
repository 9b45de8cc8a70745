//! What mirrors of other stores say about themselves, for their metrics.

use localmap::lock;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a mirror says about itself at one instant: see
/// [`Telemetry::watch_mirrors`](crate::Telemetry::watch_mirrors).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MirrorSample {
    /// Its name, the label `mirror` of its metrics.
    pub name: String,
    /// What it does, in a word such as `live`.
    pub state: String,
    /// Whether reads return entries, and no error.
    pub readable: bool,
    /// Whether its copy is fresh.
    pub fresh: bool,
    /// The age of its copy, at most; `None` if it has none.
    pub age: Option<Duration>,
    /// The revision of its copy; `None` if it has none.
    pub revision: Option<u64>,
    /// Entries of the copy.
    pub entries: u64,
    /// Bytes of memory that the copy's map holds.
    pub bytes: u64,
    /// Keys of the source that the map cannot hold.
    pub omitted: u64,
    /// Changes that were applied since the mirror began. This and the other counts never decrease.
    pub events: u64,
    /// Lists of the whole source that were completed.
    pub lists: u64,
    /// Connections that were lost.
    pub disconnects: u64,
    /// Reads of the source that proved the age of the copy.
    pub probes: u64,
    /// Audits that found the copy equal to its source.
    pub audits: u64,
    /// Audits that found a difference.
    pub differences: u64,
}

/// Asks mirrors about themselves.
type Ask = Arc<dyn Fn() -> Vec<MirrorSample> + Send + Sync>;

/// All mirrors that are watched.
#[derive(Default)]
pub(crate) struct WatchedMirrors(Mutex<Vec<Ask>>);

impl WatchedMirrors {
    /// Adds mirrors.
    pub(crate) fn add(&self, ask: impl Fn() -> Vec<MirrorSample> + Send + Sync + 'static) {
        lock(&self.0).push(Arc::new(ask));
    }

    /// Asks all mirrors.
    pub(crate) fn samples(&self) -> Vec<MirrorSample> {
        // A mirror may be slow to answer, and need not keep others from being added.
        let asks = lock(&self.0).clone();
        asks.iter().flat_map(|ask| ask()).collect()
    }
}

impl fmt::Debug for WatchedMirrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedMirrors").finish_non_exhaustive()
    }
}
