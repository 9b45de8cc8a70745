//! The options of all tenants.

use crate::cancel::handle::CancelHandle;
use crate::clock::Clock;
use crate::contract::limits::{Limits, MIN_BYTES};
use crate::tenants::class::TenantClass;
use crate::tenants::error::TenantsError;
use crate::tenants::observer::TenantsObserver;
use crate::tenants::quotas::Reserved;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The maximum number of maps of a tenant.
const MAX_SHARDS: u16 = 256;

/// The options of [`Tenants`](crate::Tenants).
///
/// ```
/// use localmap::{TenantClass, TenantsOptions, WhenFull};
/// use std::time::Duration;
///
/// let gold = TenantClass::new("gold").matching(|name| name.starts_with(b"gold-"));
/// let options = TenantsOptions::new()
///     .class(gold)
///     .class(TenantClass::new("others"))
///     .max_bytes(1 << 30)
///     .when_full(WhenFull::DropIdlest { idle_for: Duration::from_secs(10) });
/// ```
#[derive(Clone)]
pub struct TenantsOptions {
    pub(crate) classes: Vec<TenantClass>,
    pub(crate) max_tenants: Option<u32>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) when_full: WhenFull,
    pub(crate) max_history: usize,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) cancel_with: Option<CancelHandle>,
    pub(crate) observer: Option<Arc<dyn TenantsObserver>>,
}

/// What happens if there is no place, or too few bytes, for a tenant; see
/// [`TenantsOptions::when_full`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// The new tenant, or the growth of a map, is refused.
    #[default]
    Refuse,
    /// The tenant that has been idle for longer than any other is dropped, if it has been idle for at
    /// least `idle_for`. If there is none, the new tenant or the growth is refused.
    DropIdlest {
        /// The time for which a tenant must have been idle.
        idle_for: Duration,
    },
}

impl TenantsOptions {
    /// Creates options without a class, to which at least one must be added. See [`TenantsOptions`]
    /// for an example.
    pub fn new() -> Self {
        Self {
            classes: Vec::new(),
            max_tenants: None,
            max_bytes: None,
            when_full: WhenFull::Refuse,
            max_history: 10_000,
            clock: None,
            cancel_with: None,
            observer: None,
        }
    }

    /// Adds a class. A tenant belongs to the first class that matches it.
    #[must_use]
    pub fn class(mut self, class: TenantClass) -> Self {
        self.classes.push(class);
        self
    }

    /// Sets the maximum number of live tenants. Default and maximum:
    /// [`HostOptions::max_maps`](crate::HostOptions::max_maps), divided by the largest number of
    /// [shards](TenantClass::shards_per_tenant).
    #[must_use]
    pub fn max_tenants(mut self, tenants: u32) -> Self {
        self.max_tenants = Some(tenants);
        self
    }

    /// Sets the budget: the bytes that the maps of all tenants together may hold, as
    /// [`Limits::max_bytes`](crate::Limits#structfield.max_bytes) counts them. Default: none.
    ///
    /// With a budget, a map begins with a grant of
    /// [`TenantClass::reserved_bytes`](crate::TenantClass::reserved_bytes) or of 128 KiB, whichever is
    /// more, and is granted more as it grows, up to the quota of its tenant. A grant returns to the
    /// budget when the tenant is dropped. Because grants are counted, and not what maps hold at the
    /// moment, the budget is never exceeded; and a budget of 1 GiB has room for 8,192 tenants at
    /// most.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Sets what happens if there are [`max_tenants`](Self::max_tenants), or if
    /// [`max_bytes`](Self::max_bytes) are granted. Default: [`WhenFull::Refuse`].
    #[must_use]
    pub fn when_full(mut self, action: WhenFull) -> Self {
        self.when_full = action;
        self
    }

    /// Sets for how many dropped tenants the last statistics are kept. Default 10,000.
    #[must_use]
    pub fn max_history(mut self, tenants: usize) -> Self {
        self.max_history = tenants;
        self
    }

    /// Sets the clock of all maps, which also measures rates and how long tenants have been idle.
    ///
    /// Default: the clock of [`TenantClass::map`](crate::TenantClass::map) for the maps and the rates
    /// of a class, and a [`CoarseClock`](crate::CoarseClock) for idle tenants.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Sets the observer of the tenants and of their maps. Default: none. See [`TenantsObserver`] for an
    /// example.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn TenantsObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Lets `handle` cancel all tenants. Default: only their own handles cancel them.
    #[must_use]
    pub fn cancel_with(mut self, handle: &CancelHandle) -> Self {
        self.cancel_with = Some(handle.clone());
        self
    }

    /// Returns the memory that the largest map needs, in bytes, for
    /// [`HostOptions::max_memory`](crate::HostOptions::max_memory): the largest
    /// [`Limits::recommended_memory`](crate::Limits::recommended_memory) of all classes.
    ///
    /// ```
    /// use localmap::{HostOptions, Limits, MapOptions, TenantClass, TenantsOptions};
    ///
    /// let limits = Limits::default().max_bytes(256 << 20);
    /// let large = TenantClass::new("large").map(MapOptions::new().limits(limits.clone()));
    /// let options = TenantsOptions::new().class(large).class(TenantClass::new("others"));
    /// assert_eq!(options.recommended_memory(), limits.recommended_memory());
    /// let host = HostOptions::new().max_memory(options.recommended_memory());
    /// ```
    pub fn recommended_memory(&self) -> usize {
        let classes = self.classes.iter();
        let needed = classes.map(|class| {
            let limits = shard_limits(&class.map.limits, class.shards.max(1));
            limits.recommended_memory()
        });
        needed.max().unwrap_or(0)
    }

    /// Returns what is reserved for each class.
    pub(crate) fn reserved(&self) -> Vec<Reserved> {
        let classes = self.classes.iter();
        let reserved = classes.map(|class| Reserved {
            tenants: class.reserved_tenants,
            bytes: class.reserved_bytes,
        });
        reserved.collect()
    }

    /// Checks the classes, for a host with at most `max_maps` maps. Returns the maximum number of
    /// tenants.
    pub(crate) fn check(&self, max_maps: u32) -> Result<u32, TenantsError> {
        let mut names = BTreeSet::new();
        for class in &self.classes {
            let name = || class.name.to_string();
            if !names.insert(&class.name) {
                return Err(TenantsError::RepeatedClass { class: name() });
            }
            if !(1..=MAX_SHARDS).contains(&class.shards) {
                let shards = class.shards;
                let class = name();
                return Err(TenantsError::Shards { class, shards });
            }
            let limits = &class.map.limits;
            let least = MIN_BYTES * u64::from(class.shards);
            let reserved = class.reserved_bytes;
            if reserved > limits.max_bytes || (1..least).contains(&reserved) {
                return Err(TenantsError::ReservedBytes {
                    class: name(),
                    bytes: reserved,
                    least,
                    most: limits.max_bytes,
                });
            }
            shard_limits(limits, class.shards)
                .check()
                .map_err(|source| TenantsError::Limits {
                    class: name(),
                    source,
                })?;
        }
        let shards = self.classes.iter().map(|class| class.shards).max();
        let most = max_maps / u32::from(shards.ok_or(TenantsError::NoClass)?);
        match self.max_tenants {
            Some(tenants) if tenants > most => Err(TenantsError::TooFewMaps { tenants, most }),
            tenants => Ok(tenants.unwrap_or(most)),
        }
    }
}

/// Returns the limits of each of a tenant's maps, which together are those of the tenant.
pub(crate) fn shard_limits(limits: &Limits, shards: u16) -> Limits {
    let shards = u64::from(shards);
    limits
        .clone()
        .max_entries(limits.max_entries / shards)
        .max_bytes(limits.max_bytes / shards)
}

impl Default for TenantsOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TenantsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantsOptions")
            .field("classes", &self.classes)
            .field("max_tenants", &self.max_tenants)
            .field("max_bytes", &self.max_bytes)
            .field("when_full", &self.when_full)
            .field("max_history", &self.max_history)
            .finish_non_exhaustive()
    }
}
