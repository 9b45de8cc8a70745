//! What one map is made with.

use crate::clock::{Clock, SystemClock};
use crate::limits::Limits;
use std::fmt;
use std::sync::Arc;

/// What a map is made with. The default is safe for untrusted guests.
///
/// ```
/// use localmap::{Host, Limits, ManualClock, MapOptions};
///
/// let clock = ManualClock::new();
/// let options = MapOptions::new()
///     .limits(Limits::default().max_bytes(1 << 20))
///     .max_memory(8 << 20)
///     .clock(clock.clone());
/// let map = Host::new()?.map(&options)?;
/// # Ok::<(), localmap::CreateError>(())
/// ```
#[derive(Clone)]
pub struct MapOptions {
    pub(crate) limits: Limits,
    pub(crate) max_memory: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

impl MapOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            limits: Limits::default(),
            max_memory: 64 << 20,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The bounds of the map. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many bytes of linear memory and tables the store may have, all told. Default
    /// 67,108,864 (64 MiB).
    ///
    /// It is there to contain the component, not to size the map: choose it well over
    /// [`Limits::max_bytes`], as arguments, answers and what the allocator has to spare
    /// take room as well. Where it is reached first, what the map holds then is its
    /// limit: it answers [`Error::Full`](crate::Error::Full), or
    /// [evicts](crate::Policy). So that it can, it sets aside the largest value or
    /// 1 MiB, and some 600 KiB. With less than that, an argument or an answer that does
    /// not fit ends the map.
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory = bytes;
        self
    }

    /// The clock that TTLs are measured with. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl Default for MapOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MapOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapOptions")
            .field("limits", &self.limits)
            .field("max_memory", &self.max_memory)
            .finish_non_exhaustive()
    }
}
