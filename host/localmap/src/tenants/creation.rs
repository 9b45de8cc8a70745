//! Creates tenants: their maps, with the limits and the first entries of their class, within the
//! quotas.

use crate::cancel::handle::CancelHandle;
use crate::clock::Clock;
use crate::contract::duration::nanos;
use crate::contract::entry::Preload;
use crate::contract::error::PreloadError;
use crate::contract::limits::MIN_BYTES;
use crate::contract::observer::Observer;
use crate::runtime::create_error::CreateError;
use crate::runtime::growth::Grants;
use crate::runtime::host::Host;
use crate::runtime::local_map::LocalMap;
use crate::runtime::map_options::MapOptions;
use crate::sync::{AtomicU64, Ordering};
use crate::tenants::class::TenantClass;
use crate::tenants::error::CheckoutError;
use crate::tenants::hasher::{SeededState, seeded};
use crate::tenants::options::shard_limits;
use crate::tenants::quotas::{Quotas, Share, Shortage};
use crate::tenants::rate_limit::RateLimiter;
use crate::tenants::stats::{ClassStats, TenantStats};
use crate::tenants::tenant::{ManyShards, Maps, Rate, Shard, Tenant, shard_of};
use std::sync::Arc;

/// The number of idle tenants that one creation drops at most.
const MAX_DROPPED: usize = 1_024;

/// Drops an idle tenant for another one. Returns `false` if there is none to drop.
type MakeRoom = dyn Fn() -> bool + Send + Sync;

/// A class, with what its tenants have in common.
pub(crate) struct Class {
    options: TenantClass,
    /// The options of each map, without those that differ between tenants.
    map: MapOptions,
    handle: CancelHandle,
    counts: Counts,
}

/// What has happened to the tenants of a class.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) created: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) terminated: AtomicU64,
    pub(crate) removed: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Class {
    /// Creates a class. `clock` replaces the clock of its maps.
    pub(crate) fn new(
        options: TenantClass,
        root: &CancelHandle,
        clock: Option<&Arc<dyn Clock>>,
    ) -> Self {
        let limits = shard_limits(&options.map.limits, options.shards);
        let mut map = options.map.clone().limits(limits);
        if let Some(clock) = clock {
            map.clock = Arc::clone(clock);
        }
        Self {
            handle: map.cancel_with.as_ref().unwrap_or(root).child(),
            map,
            options,
            counts: Counts::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.options.name
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.options.name
    }

    pub(crate) fn handle(&self) -> &CancelHandle {
        &self.handle
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Returns the idle timeout in nanoseconds.
    pub(crate) fn idle_timeout(&self) -> u64 {
        nanos(self.options.idle_timeout)
    }

    /// Returns `true` if the tenant belongs to this class, unless it belongs to one before it.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        let matches = self.options.matches.as_deref();
        matches.is_none_or(|matches| matches(name))
    }

    /// Returns the statistics of the class with this number of tenants and of granted bytes, and with
    /// those of its dropped tenants.
    pub(crate) fn stats(
        &self,
        (tenants, granted): (u32, u64),
        dropped: &TenantStats,
    ) -> ClassStats {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ClassStats {
            name: Arc::clone(&self.options.name),
            tenants,
            granted,
            created: count(&self.counts.created),
            expired: count(&self.counts.expired),
            evicted: count(&self.counts.evicted),
            terminated: count(&self.counts.terminated),
            removed: count(&self.counts.removed),
            refused: count(&self.counts.refused),
            rate_limited: dropped.rate_limited,
            dropped: dropped.maps,
        }
    }
}

/// Creates tenants.
pub(crate) struct Creation {
    host: Host,
    quotas: Arc<Quotas>,
    make_room: Arc<MakeRoom>,
    /// Chooses the shards of keys.
    hasher: SeededState,
}

impl Creation {
    pub(crate) fn new(host: &Host, quotas: Quotas, make_room: Arc<MakeRoom>) -> Self {
        Self {
            host: host.clone(),
            quotas: Arc::new(quotas),
            make_room,
            hasher: seeded(),
        }
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Creates a tenant of a class. If a quota is reached, drops idle tenants until there is room.
    pub(crate) fn tenant(
        &self,
        index: usize,
        class: &Class,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Result<Tenant, CheckoutError> {
        for _ in 0..MAX_DROPPED {
            let created = self.try_create(index, class, observer);
            let is_full = match &created {
                Err(CheckoutError::TooManyTenants { .. } | CheckoutError::NoBytes { .. }) => true,
                Err(CheckoutError::Create(error)) => {
                    matches!(error, CreateError::TooManyMaps { .. })
                }
                _ => false,
            };
            if !(is_full && (self.make_room)()) {
                return counted(class, created);
            }
        }
        counted(class, self.try_create(index, class, observer))
    }

    /// Creates a tenant of a class, if there is room.
    pub(crate) fn try_create(
        &self,
        index: usize,
        class: &Class,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Result<Tenant, CheckoutError> {
        if class.handle.is_cancelled() {
            return Err(CheckoutError::Cancelled);
        }
        let options = &class.options;
        let shards = u64::from(options.shards);
        let most = class.map.limits.max_bytes;
        let grant = match self.quotas.max_bytes() {
            None => most,
            Some(_) => (options.reserved_bytes / shards).max(MIN_BYTES),
        };
        let admitted = self.quotas.admit(index, grant.saturating_mul(shards));
        let share = Arc::new(admitted.map_err(|shortage| self.shortage(shortage))?);
        let handle = class.handle.child();
        let map = || {
            let limits = class.map.limits.clone().max_bytes(grant);
            let mut map = class.map.clone().limits(limits).cancel_with(&handle);
            if let Some(observer) = observer {
                map.observer = Some(Arc::clone(observer));
            }
            if grant < most {
                map.grants = Some(Arc::new(ShardGrants {
                    share: Arc::clone(&share),
                    most,
                    make_room: Arc::clone(&self.make_room),
                }));
            }
            self.host.map(&map).map_err(|error| match error {
                CreateError::Cancelled => CheckoutError::Cancelled,
                error => CheckoutError::Create(error),
            })
        };
        let maps = match options.shards {
            1 => {
                let mut map = map()?;
                map.preload(&options.entries)
                    .map_err(CheckoutError::Preload)?;
                Maps::One(Shard::new(map))
            }
            shards => {
                let maps: Result<Vec<LocalMap>, _> = (0..shards).map(|_| map()).collect();
                let mut maps = maps?;
                self.preload_all(&mut maps, &options.entries)
                    .map_err(CheckoutError::Preload)?;
                Maps::Many(Box::new(ManyShards {
                    shards: maps.into_iter().map(Shard::new).collect(),
                    hasher: self.hasher.clone(),
                }))
            }
        };
        let rate = options.rate_limit.map(|limit| Rate {
            limiter: RateLimiter::new(limit),
            clock: Arc::clone(&class.map.clock),
        });
        Ok(Tenant::new(&options.name, maps, rate, handle, share))
    }

    /// Stores each entry in the shard of its key.
    fn preload_all(&self, maps: &mut [LocalMap], entries: &[Preload]) -> Result<(), PreloadError> {
        let shards = maps.len();
        for (at, entry) in entries.iter().enumerate() {
            let Some(map) = maps.get_mut(shard_of(&self.hasher, &entry.key, shards)) else {
                continue;
            };
            map.preload(std::slice::from_ref(entry))
                .map_err(|error| match error {
                    PreloadError::Refused { source, .. } => {
                        PreloadError::Refused { index: at, source }
                    }
                    terminated => terminated,
                })?;
        }
        Ok(())
    }

    fn shortage(&self, shortage: Shortage) -> CheckoutError {
        match shortage {
            Shortage::Tenants => CheckoutError::TooManyTenants {
                max: self.quotas.max_tenants(),
            },
            Shortage::Bytes { needed } => CheckoutError::NoBytes {
                needed,
                max: self.quotas.max_bytes().unwrap_or(u64::MAX),
            },
        }
    }
}

/// Counts a tenant that was created.
fn counted(class: &Class, created: Result<Tenant, CheckoutError>) -> Result<Tenant, CheckoutError> {
    if created.is_ok() {
        class.counts.created.fetch_add(1, Ordering::Relaxed);
    }
    created
}

/// Grants a map more bytes of the budget.
struct ShardGrants {
    share: Arc<Share>,
    /// The maximum for this map.
    most: u64,
    make_room: Arc<MakeRoom>,
}

impl Grants for ShardGrants {
    fn most(&self) -> u64 {
        self.most
    }

    fn raise(&self, max_bytes: u64, needed: u64) -> Option<u64> {
        let least = needed.min(self.most).checked_sub(max_bytes)?;
        // Doubles, so that a map that grows asks seldom.
        let wanted = max_bytes.min(self.most.checked_sub(max_bytes)?).max(least);
        if wanted == 0 {
            return None;
        }
        for _ in 0..MAX_DROPPED {
            match self.share.grow(least.max(1), wanted) {
                Ok(bytes) => return Some(max_bytes.saturating_add(bytes)),
                Err(_) if (self.make_room)() => {}
                Err(_) => return None,
            }
        }
        None
    }
}
