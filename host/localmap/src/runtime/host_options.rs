//! What a host is made with.

use crate::contract::limits::Limits;
use std::time::Duration;

/// The memory of a store unless it is set, in bytes.
const DEFAULT_MAX_MEMORY: usize = 64 << 20;

/// What a [`Host`](crate::Host) is made with. The default is safe for untrusted guests.
///
/// ```
/// use localmap::{Host, HostOptions, MapOptions, Profile};
///
/// let options = HostOptions::new().profile(Profile::Churn).max_maps(100);
/// let host = Host::with_options(&options)?;
/// let map = host.map(&MapOptions::new())?;
/// assert_eq!(host.live_maps(), 1);
/// # Ok::<(), localmap::CreateError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HostOptions {
    pub(crate) profile: Profile,
    pub(crate) allocation: Allocation,
    pub(crate) max_maps: u32,
    pub(crate) wait: Duration,
    pub(crate) max_memory: usize,
    pub(crate) max_wasm_stack: usize,
    #[cfg(feature = "cache")]
    pub(crate) cache: bool,
}

/// What a pool is good at: see [`HostOptions::profile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Many maps that live long: a map that has ended leaves nothing resident behind.
    #[default]
    Dense,
    /// Many maps that live shortly: the first 64 KiB of each memory stay resident for
    /// the next map, wiped, which spares it most of its page faults.
    Churn,
}

/// Where the memories of maps come from: see [`HostOptions::allocation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Allocation {
    /// [`Pooling`](Self::Pooling) where its address space can be had, and
    /// [`OnDemand`](Self::OnDemand) otherwise. [`Host::allocation`](crate::Host::allocation)
    /// tells which.
    #[default]
    Auto,
    /// Permits that are set aside when the host is made, and used again and again. They
    /// take address space, no memory.
    Pooling,
    /// From the operating system, for each map anew. Takes several times as long.
    OnDemand,
}

impl HostOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            profile: Profile::Dense,
            allocation: Allocation::Auto,
            max_maps: 1_000,
            wait: Duration::ZERO,
            max_memory: DEFAULT_MAX_MEMORY,
            max_wasm_stack: 512 << 10,
            #[cfg(feature = "cache")]
            cache: false,
        }
    }

    /// What the pool is good at. Default: [`Profile::Dense`]. Does nothing
    /// [on demand](Allocation::OnDemand).
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Where the memories of maps come from. Default: [`Allocation::Auto`].
    #[must_use]
    pub fn allocation(mut self, allocation: Allocation) -> Self {
        self.allocation = allocation;
        self
    }

    /// How many maps of the host may be alive at a time. Default 1,000.
    ///
    /// The pool has as much room again for stores of your own on
    /// [the host's engine](crate::Host#impl-AsRef<Engine>-for-Host): up to so many of
    /// them, with 16 core instances, 4 memories and 8 tables each, of which 1,000 may be
    /// in an async call at a time.
    #[must_use]
    pub fn max_maps(mut self, maps: u32) -> Self {
        self.max_maps = maps;
        self
    }

    /// How long [`Host::map`](crate::Host::map) waits for another map to end where there
    /// are [`max_maps`](Self::max_maps). Default: not at all.
    #[must_use]
    pub fn wait(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// The most that [`MapOptions::max_memory`](crate::MapOptions::max_memory) may be, and
    /// what it is by default, in bytes: the size of a slot of the pool. Default 67,108,864
    /// (64 MiB).
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Sets [`max_memory`](Self::max_memory) so that a map with `limits` can grow to its
    /// [`max_bytes`](Limits::max_bytes) with room to spare for calls: to twice as much, but
    /// not less than the default.
    ///
    /// ```
    /// use localmap::{Host, HostOptions, Limits, MapOptions};
    ///
    /// let limits = Limits::default().max_bytes(100 << 20);
    /// let host = Host::with_options(&HostOptions::new().max_memory_for(&limits))?;
    /// let map = host.map(&MapOptions::new().limits(limits))?;
    /// # Ok::<(), localmap::CreateError>(())
    /// ```
    #[must_use]
    pub fn max_memory_for(self, limits: &Limits) -> Self {
        let bytes = usize::try_from(limits.max_bytes.saturating_mul(2)).unwrap_or(usize::MAX);
        self.max_memory(bytes.max(DEFAULT_MAX_MEMORY))
    }

    /// How many bytes of stack a guest may use: more is a trap. Default 524,288 (512 KiB).
    /// The threads that call must have as much, and some 100 KiB for the host.
    #[must_use]
    pub fn max_wasm_stack(mut self, bytes: usize) -> Self {
        self.max_wasm_stack = bytes;
        self
    }
}

#[cfg(feature = "cache")]
impl HostOptions {
    /// Whether compiled code is kept on disk, in Wasmtime's own cache below the user's
    /// folder for caches, so that the next host starts at once. Default: not.
    ///
    /// It is found again by the component, Wasmtime's version and settings, and the
    /// machine. Where there is no folder for it, each host compiles. Whoever can write to
    /// that folder can run code in your program.
    #[must_use]
    pub fn cache(mut self, keep: bool) -> Self {
        self.cache = keep;
        self
    }
}

impl Default for HostOptions {
    fn default() -> Self {
        Self::new()
    }
}
