//! The options of a host.

use crate::contract::limits::Limits;
use std::time::Duration;

/// The options of a [`Host`](crate::Host). The defaults are safe for untrusted guests.
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

/// A profile for which the pool is tuned; see [`HostOptions::profile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Many long-lived maps: a map that has ended leaves no memory resident.
    #[default]
    Dense,
    /// Many short-lived maps: the first 64 KiB of each memory are wiped and stay resident for
    /// the next map, which saves it most of its page faults.
    Churn,
}

/// The source of the memory of maps; see [`HostOptions::allocation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Allocation {
    /// [`Pooling`](Self::Pooling) if the process has enough address space, and otherwise
    /// [`OnDemand`](Self::OnDemand). [`Host::allocation`](crate::Host::allocation) returns the
    /// choice.
    #[default]
    Auto,
    /// From a pool of slots that the host reserves when it is created, and reuses. Unused slots
    /// take address space, but no memory.
    Pooling,
    /// From the operating system, for each map. Creating a map takes several times as long.
    OnDemand,
    /// From the operating system, for each map, with no more address space than it needs at first, so
    /// that the memories of many maps share a mapping of the kernel. Use it for tens of thousands of
    /// small maps.
    ///
    /// A memory in a pool takes two mappings, of which Linux allows a process 65,530
    /// (`vm.max_map_count`). With this allocation, a map takes at most one until it grows beyond 64
    /// KiB, and then at most two. [`CreateError::TooManyMappings`](crate::CreateError::TooManyMappings)
    /// and maps that are full at their size leave an eighth of the limit to the rest of the process.
    /// A call takes longer than with [`OnDemand`](Self::OnDemand), because each access of memory is
    /// checked, and a map that grows is moved once.
    Compact,
}

impl HostOptions {
    /// Creates the default options. See [`HostOptions`] for an example.
    pub fn new() -> Self {
        Self {
            profile: Profile::Dense,
            allocation: Allocation::Auto,
            max_maps: 1_000,
            wait: Duration::ZERO,
            max_memory: 64 << 20,
            max_wasm_stack: 512 << 10,
            #[cfg(feature = "cache")]
            cache: false,
        }
    }

    /// Sets [`max_memory`](Self::max_memory) to the memory that a map with these limits needs,
    /// [`Limits::recommended_memory`].
    ///
    /// ```
    /// use localmap::{Host, HostOptions, Limits, MapOptions};
    ///
    /// let limits = Limits::default().max_bytes(256 << 20);
    /// let host = Host::with_options(&HostOptions::new().max_maps(10).max_memory_for(&limits))?;
    /// let map = host.map(&MapOptions::new().limits(limits))?;
    /// # Ok::<(), localmap::CreateError>(())
    /// ```
    #[must_use]
    pub fn max_memory_for(self, limits: &Limits) -> Self {
        self.max_memory(limits.recommended_memory())
    }

    /// Sets the profile of the pool. Default: [`Profile::Dense`]. Has no effect with
    /// [`Allocation::OnDemand`].
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Sets the source of the memory of maps. Default: [`Allocation::Auto`].
    #[must_use]
    pub fn allocation(mut self, allocation: Allocation) -> Self {
        self.allocation = allocation;
        self
    }

    /// Sets the limit on live maps of the host. Default 1,000.
    ///
    /// The pool reserves the same number of slots again for your own stores on
    /// [the host's engine](crate::Host#impl-AsRef<Engine>-for-Host), with 16 core instances,
    /// 4 memories and 8 tables for each. At most 1,000 of these stores can be in an async call
    /// at a time.
    #[must_use]
    pub fn max_maps(mut self, maps: u32) -> Self {
        self.max_maps = maps;
        self
    }

    /// Sets how long [`Host::map`](crate::Host::map) waits for another map to end if there are
    /// [`max_maps`](Self::max_maps). Default: zero, which means that it does not wait.
    #[must_use]
    pub fn wait(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// Sets the maximum of [`MapOptions::max_memory`](crate::MapOptions::max_memory), which is
    /// also its default, in bytes: the size of a slot of the pool. Default 67,108,864 (64 MiB).
    ///
    /// [`max_memory_for`](Self::max_memory_for) computes it from the limits of a map.
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Sets the limit on a guest's stack in bytes. Exceeding it is a trap. Default 524,288
    /// (512 KiB). A thread that calls a map needs this much stack, and some 100 KiB for the host.
    #[must_use]
    pub fn max_wasm_stack(mut self, bytes: usize) -> Self {
        self.max_wasm_stack = bytes;
        self
    }
}

#[cfg(feature = "cache")]
impl HostOptions {
    /// Sets whether compiled code is kept on disk, in Wasmtime's own cache below the user's
    /// cache folder, so that the next host need not compile the component. Default `false`.
    ///
    /// A cache entry is specific to the component, to Wasmtime's version and settings, and to
    /// the machine. If there is no cache folder, each host compiles the component. Anyone who can
    /// write to the folder can run code in your program.
    ///
    /// ```
    /// let options = localmap::HostOptions::new().cache(true);
    /// # let _ = options;
    /// ```
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
