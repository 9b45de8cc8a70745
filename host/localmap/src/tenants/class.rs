//! A class of tenants: their limits, their first entries and what is reserved for them.

use crate::contract::entry::Preload;
use crate::runtime::map_options::MapOptions;
use crate::tenants::rate_limit::RateLimit;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Decides whether a tenant belongs to a class.
type Matches = dyn Fn(&[u8]) -> bool + Send + Sync;

/// A class of tenants, all of which have the same limits.
///
/// ```
/// use localmap::{Limits, MapOptions, RateLimit, TenantClass};
/// use std::time::Duration;
///
/// let limits = Limits::default().max_entries(10_000).max_bytes(4 << 20);
/// let free = TenantClass::new("free")
///     .matching(|name| name.starts_with(b"free-"))
///     .map(MapOptions::new().limits(limits))
///     .rate_limit(RateLimit::per_second(100))
///     .idle_timeout(Duration::from_secs(60));
/// ```
#[derive(Clone)]
pub struct TenantClass {
    pub(crate) name: Arc<str>,
    pub(crate) matches: Option<Arc<Matches>>,
    pub(crate) map: MapOptions,
    pub(crate) entries: Vec<Preload>,
    pub(crate) shards: u16,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) idle_timeout: Duration,
    pub(crate) reserved_bytes: u64,
    pub(crate) reserved_tenants: u32,
}

impl TenantClass {
    /// Creates a class to which all tenants belong, with the default options. See [`TenantClass`] for
    /// an example.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            matches: None,
            map: MapOptions::new(),
            entries: Vec::new(),
            shards: 1,
            rate_limit: None,
            idle_timeout: Duration::from_secs(300),
            reserved_bytes: 0,
            reserved_tenants: 0,
        }
    }

    /// Sets which tenants belong to the class, by their names. Default: all.
    ///
    /// A tenant belongs to the first class that it matches. `matches` must return the same answer
    /// for the same name. It is called once for each creation of a tenant.
    #[must_use]
    pub fn matching(mut self, matches: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.matches = Some(Arc::new(matches));
        self
    }

    /// Sets the options of the tenant's map. Default: [`MapOptions::new`].
    ///
    /// [`Limits::max_entries`](crate::Limits#structfield.max_entries) and
    /// [`Limits::max_bytes`](crate::Limits#structfield.max_bytes) are the quotas of one tenant, and
    /// [`Limits::policy`](crate::Limits#structfield.policy) decides what happens there: the map
    /// refuses new entries, or evicts old ones of the same tenant.
    #[must_use]
    pub fn map(mut self, options: MapOptions) -> Self {
        self.map = options;
        self
    }

    /// Sets the first entries of each tenant. Default: none.
    #[must_use]
    pub fn entries(mut self, entries: Vec<Preload>) -> Self {
        self.entries = entries;
        self
    }

    /// Sets the number of maps of a tenant, 1 to 256. Default 1.
    ///
    /// Use more than one for tenants that several threads use at the same time. A key is in one of the
    /// maps, by a seeded hash. The quotas of the tenant are divided evenly, so it may be full a
    /// little early, and [`Checkout::apply`](crate::Checkout::apply) changes keys of one map only.
    /// Each map takes at least 128 KiB of the quota, and counts as one of
    /// [`HostOptions::max_maps`](crate::HostOptions::max_maps).
    #[must_use]
    pub fn shards_per_tenant(mut self, shards: u16) -> Self {
        self.shards = shards;
        self
    }

    /// Sets the limit on the rate of a tenant's operations. Default: none.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// Sets how long a tenant that is not checked out stays. Default 5 minutes.
    ///
    /// [`Tenants::sweep`](crate::Tenants::sweep) drops it after this time.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Promises each tenant this many bytes of [`TenantsOptions::max_bytes`], which no other tenant
    /// can take while it is live. Default 0. Without a budget, it has no effect.
    ///
    /// With [`reserved_tenants`](Self::reserved_tenants), the promise also holds for tenants that are
    /// not live yet.
    ///
    /// [`TenantsOptions::max_bytes`]: crate::TenantsOptions::max_bytes
    #[must_use]
    pub fn reserved_bytes(mut self, bytes: u64) -> Self {
        self.reserved_bytes = bytes;
        self
    }

    /// Keeps places for this many tenants of the class, with their
    /// [`reserved_bytes`](Self::reserved_bytes), while they are not live. Default 0.
    ///
    /// ```
    /// use localmap::{Host, HostOptions, TenantClass, Tenants, TenantsOptions};
    ///
    /// let host = Host::with_options(&HostOptions::new().max_maps(3))?;
    /// let gold = TenantClass::new("gold").matching(|name| name == b"gold").reserved_tenants(1);
    /// let options = TenantsOptions::new().class(gold).class(TenantClass::new("free"));
    /// let tenants = Tenants::new(&host, options)?;
    /// assert!(tenants.checkout(b"a").is_ok() && tenants.checkout(b"b").is_ok());
    /// assert!(tenants.checkout(b"c").is_err());
    /// assert!(tenants.checkout(b"gold").is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn reserved_tenants(mut self, tenants: u32) -> Self {
        self.reserved_tenants = tenants;
        self
    }
}

impl fmt::Debug for TenantClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantClass")
            .field("name", &self.name)
            .field("map", &self.map)
            .field("entries", &self.entries.len())
            .field("shards", &self.shards)
            .field("rate_limit", &self.rate_limit)
            .field("idle_timeout", &self.idle_timeout)
            .field("reserved_bytes", &self.reserved_bytes)
            .field("reserved_tenants", &self.reserved_tenants)
            .finish_non_exhaustive()
    }
}
