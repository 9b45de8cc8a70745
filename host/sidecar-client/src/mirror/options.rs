//! Options of a mirror.

use super::clock::{MirrorClock, SystemClock};
use crate::entry::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Decides whether a mirror takes an entry: `Err` is the reason why not.
pub(super) type Accept = dyn Fn(&[u8], &Entry) -> Result<(), String> + Send + Sync;

/// Options of a [`Mirror`](crate::Mirror).
///
/// ```
/// use localmap_sidecar_client::MirrorOptions;
/// use std::time::Duration;
///
/// let options = MirrorOptions::new()
///     .max_bytes(16 << 20)
///     .max_backoff(Duration::from_secs(1))
///     .accept(|_, entry| match entry.value.first() {
///         Some(b'{') => Ok(()),
///         _ => Err("not JSON".to_owned()),
///     });
/// # let _ = options;
/// ```
#[derive(Clone)]
pub struct MirrorOptions {
    pub(super) max_bytes: usize,
    pub(super) max_backoff: Duration,
    pub(super) accept: Option<Arc<Accept>>,
    pub(super) clock: Arc<dyn MirrorClock>,
}

impl MirrorOptions {
    /// Returns the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_backoff: Duration::from_secs(2),
            accept: None,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Sets the most bytes that the copy may hold: its keys and values, and 192 bytes for each
    /// entry. A mirror that would hold more drops its copy and ends, with [`Freshness::Failed`].
    /// Default 268,435,456 (256 MiB).
    ///
    /// [`Freshness::Failed`]: crate::Freshness::Failed
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the longest time between two attempts to open the stream again after it was lost. The
    /// first attempt is made after 10 ms, and the time doubles with each one that fails. Default 2
    /// s.
    #[must_use]
    pub fn max_backoff(mut self, backoff: Duration) -> Self {
        self.max_backoff = backoff;
        self
    }

    /// Sets a check of each entry that arrives. If it returns an error, the mirror does not take
    /// the entry: it keeps what it held of the key, and tells the sidecar the reason, which logs
    /// and counts it. The next change of the key is offered again. By default all entries are
    /// taken.
    ///
    /// The check runs in a task of the runtime, so it must not block. If it panics, the mirror
    /// ends.
    #[must_use]
    pub fn accept(
        mut self,
        check: impl Fn(&[u8], &Entry) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.accept = Some(Arc::new(check));
        self
    }

    /// Sets the clock that decides when an entry expires. Default: the monotonic clock of the
    /// system.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn MirrorClock>) -> Self {
        self.clock = clock;
        self
    }
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MirrorOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirrorOptions")
            .field("max_bytes", &self.max_bytes)
            .field("max_backoff", &self.max_backoff)
            .field("accept", &self.accept.is_some())
            .finish_non_exhaustive()
    }
}
