//! The options of a mirror, whatever its source.

use crate::clock::BootClock;
use crate::error::OpenError;
use crate::stored::REVISION_LEN;
use localmap::{Clock, Limits};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The maximum number of bytes of a value, with the revision that is stored in front of it: the maximum of
/// [`Limits::max_value`](localmap::Limits#structfield.max_value).
const MAX_STORED: u64 = 1 << 30;

/// Options of a [mirror](crate::MirrorReader). The example shows how to chain the methods.
///
/// ```
/// use localmap::Limits;
/// use localmap_mirror::MirrorOptions;
/// use std::time::Duration;
///
/// let options = MirrorOptions::new()
///     .limits(Limits::default().max_entries(200_000).max_bytes(64 << 20))
///     .max_stale(Duration::from_secs(10));
/// ```
#[derive(Clone)]
pub struct MirrorOptions {
    pub(crate) limits: Limits,
    pub(crate) max_stale: Duration,
    pub(crate) probe: Duration,
    pub(crate) max_omitted: usize,
    pub(crate) publish: Duration,
    pub(crate) accept_new_cluster: bool,
    pub(crate) audit: Option<Duration>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl MirrorOptions {
    /// Creates the default options.
    #[must_use]
    pub fn new() -> Self {
        Self {
            limits: Limits::default(),
            max_stale: Duration::from_secs(5),
            probe: Duration::from_secs(1),
            max_omitted: 10_000,
            publish: Duration::from_millis(100),
            accept_new_cluster: false,
            audit: None,
            clock: Arc::new(BootClock::new()),
        }
    }

    /// Sets the limits of the map. Keys and values beyond `max_key` and `max_value` are
    /// [omitted](crate::ReadError::Omitted); if there are more entries than the map can hold, the mirror
    /// holds [none](crate::ReadError::DoesNotFit). Default: [`Limits::default`].
    ///
    /// Each entry takes 8 bytes more than its key and its value, for its revision. The mirror sets what
    /// must be so for a copy: no TTL, no eviction, no pins.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the age from which reads return [`ReadError::TooStale`](crate::ReadError::TooStale). Default 5
    /// s.
    #[must_use]
    pub fn max_stale(mut self, age: Duration) -> Self {
        self.max_stale = age;
        self
    }

    /// Sets the time between two linearizable reads that prove the age of the copy, at least 10 ms. A copy
    /// is fresh while its age is less than twice this time. Default 1 s.
    #[must_use]
    pub fn probe(mut self, interval: Duration) -> Self {
        self.probe = interval;
        self
    }

    /// Sets the maximum number of keys that are remembered as omitted. With more of them, the prefix does
    /// not fit. Default 10,000; their bytes together are limited to 4 MiB.
    #[must_use]
    pub fn max_omitted(mut self, keys: usize) -> Self {
        self.max_omitted = keys;
        self
    }

    /// Sets the least time between two publications for [snapshots](crate::MirrorReader::snapshot), each of
    /// which copies all entries. Default 100 ms. While there is no snapshot, nothing is published.
    #[must_use]
    pub fn publish(mut self, interval: Duration) -> Self {
        self.publish = interval;
        self
    }

    /// Sets whether to follow the endpoints to another cluster than that of the copy, whose entries are
    /// dropped then. Default `false`: a mirror with a wrong endpoint would become empty.
    #[must_use]
    pub fn accept_new_cluster(mut self, accept: bool) -> Self {
        self.accept_new_cluster = accept;
        self
    }

    /// Sets the time between two audits, which compare the copy with its source and list it again if they
    /// differ, at least 1 s. Default: none.
    #[must_use]
    pub fn audit(mut self, interval: Option<Duration>) -> Self {
        self.audit = interval;
        self
    }

    /// Sets the clock that measures the age of the copy. Default: [`BootClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the limits of the map itself.
    pub(crate) fn stored_limits(&self) -> Limits {
        let max_value = self.limits.max_value.saturating_add(REVISION_LEN as u64);
        self.limits
            .clone()
            .max_value(max_value.min(MAX_STORED))
            .default_ttl(None)
            .policy(localmap::Policy::Refuse)
            .max_pins(0)
    }

    /// Checks the ranges of the options.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let range = |what: &str| Err(OpenError::Option { what: what.into() });
        if self.probe < Duration::from_millis(10) {
            return range("the probe interval must be at least 10 ms");
        }
        if self.max_stale < self.probe {
            return range("the greatest age must be at least the probe interval");
        }
        if self
            .audit
            .is_some_and(|every| every < Duration::from_secs(1))
        {
            return range("the time between two audits must be at least 1 s");
        }
        if self.limits.max_value > MAX_STORED - REVISION_LEN as u64 {
            return range("the greatest value must be at most 1 GiB less 8 bytes");
        }
        if let Err(error) = self.stored_limits().check() {
            return range(&error.to_string());
        }
        Ok(())
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
            .field("limits", &self.limits)
            .field("max_stale", &self.max_stale)
            .field("probe", &self.probe)
            .field("max_omitted", &self.max_omitted)
            .field("publish", &self.publish)
            .field("accept_new_cluster", &self.accept_new_cluster)
            .field("audit", &self.audit)
            .finish_non_exhaustive()
    }
}
