//! A live tenant: its maps, its rate and its share of the quotas.

use crate::cancel::handle::CancelHandle;
use crate::clock::Clock;
use crate::contract::stats::Stats;
use crate::runtime::local_map::{Liveness, LocalMap};
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, lock};
use crate::tenants::error::RateLimited;
use crate::tenants::hasher::SeededState;
use crate::tenants::quotas::Share;
use crate::tenants::rate_limit::RateLimiter;
use crate::tenants::stats::TenantStats;
use std::any::Any;
use std::hash::BuildHasher;
use std::sync::Arc;

/// A live tenant.
pub(crate) struct Tenant {
    maps: Maps,
    rate: Option<Box<Rate>>,
    class: Arc<str>,
    handle: CancelHandle,
    share: Arc<Share>,
    rate_limited: AtomicU64,
    /// The statistics when they were last read, which are all that is known of a map that has
    /// terminated.
    last: Mutex<Stats>,
    attached: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    /// Whether the last statistics are in the history. Written under its lock.
    recorded: AtomicBool,
}

/// The rate of a tenant, on the clock of its maps.
pub(crate) struct Rate {
    pub(crate) limiter: RateLimiter,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One of a tenant's maps.
pub(crate) struct Shard {
    map: Arc<Mutex<LocalMap>>,
    liveness: Liveness,
}

impl Shard {
    pub(crate) fn new(map: LocalMap) -> Self {
        let liveness = map.liveness();
        let map = Arc::new(Mutex::new(map));
        Self { map, liveness }
    }

    pub(crate) fn map(&self) -> &Arc<Mutex<LocalMap>> {
        &self.map
    }
}

/// The maps of a tenant. Most have one.
pub(crate) enum Maps {
    One(Shard),
    Many(Box<ManyShards>),
}

/// The maps of a tenant that has several.
pub(crate) struct ManyShards {
    pub(crate) shards: Box<[Shard]>,
    /// Chooses the shard of a key.
    pub(crate) hasher: SeededState,
}

impl Maps {
    pub(crate) fn all(&self) -> &[Shard] {
        match self {
            Self::One(shard) => std::slice::from_ref(shard),
            Self::Many(many) => &many.shards,
        }
    }

    /// Returns the number of the shard of a key.
    pub(crate) fn index_of(&self, key: &[u8]) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(many) => shard_of(&many.hasher, key, many.shards.len()),
        }
    }

    /// Returns the shard of a key.
    pub(crate) fn of(&self, key: &[u8]) -> &Shard {
        match self {
            Self::One(shard) => shard,
            Self::Many(many) => &many.shards[shard_of(&many.hasher, key, many.shards.len())],
        }
    }
}

/// Returns the number of the shard of a key, less than `shards`.
pub(crate) fn shard_of(hasher: &SeededState, key: &[u8], shards: usize) -> usize {
    // The remainder is less than the number of shards.
    #[expect(clippy::cast_possible_truncation)]
    let hash = hasher.hash_one(key) as usize;
    hash % shards
}

impl Tenant {
    pub(crate) fn new(
        class: &Arc<str>,
        maps: Maps,
        rate: Option<Rate>,
        handle: CancelHandle,
        share: Arc<Share>,
    ) -> Self {
        Self {
            maps,
            rate: rate.map(Box::new),
            class: Arc::clone(class),
            handle,
            share,
            rate_limited: AtomicU64::new(0),
            last: Mutex::new(Stats::default()),
            attached: Mutex::new(None),
            recorded: AtomicBool::new(false),
        }
    }

    pub(crate) fn maps(&self) -> &Maps {
        &self.maps
    }

    pub(crate) fn handle(&self) -> &CancelHandle {
        &self.handle
    }

    pub(crate) fn class_name(&self) -> &Arc<str> {
        &self.class
    }

    /// Returns `true` unless one of the maps has terminated.
    pub(crate) fn is_live(&self) -> bool {
        self.maps.all().iter().all(|shard| shard.liveness.is_live())
    }

    /// Admits operations, if the tenant has not used up its rate.
    pub(crate) fn admit(&self, operations: u32) -> Result<(), RateLimited> {
        let Some(rate) = &self.rate else {
            return Ok(());
        };
        rate.limiter
            .admit(rate.clock.now(), operations)
            .map_err(|retry_after| {
                let limited = u64::from(operations);
                self.rate_limited.fetch_add(limited, Ordering::Relaxed);
                RateLimited { retry_after }
            })
    }

    /// Returns the statistics since the tenant was created. Waits for calls of its maps.
    pub(crate) fn stats(&self) -> TenantStats {
        let mut maps = Stats::default();
        let mut complete = true;
        for shard in self.maps.all() {
            match lock(&shard.map).stats() {
                Ok(stats) => maps.add(&stats),
                Err(_) => complete = false,
            }
        }
        let mut last = lock(&self.last);
        if complete {
            *last = maps;
        }
        self.with_stats(*last)
    }

    /// Returns the statistics since the tenant was created, without waiting for calls of its maps: those
    /// that were last read, if a map is busy or has too many expired entries to visit at a time.
    pub(crate) fn try_stats(&self) -> TenantStats {
        let mut maps = Stats::default();
        let mut complete = true;
        for shard in self.maps.all() {
            match try_stats(&shard.map) {
                Some(stats) => maps.add(&stats),
                None => complete = false,
            }
        }
        let mut last = lock(&self.last);
        if complete {
            *last = maps;
        }
        self.with_stats(*last)
    }

    fn with_stats(&self, maps: Stats) -> TenantStats {
        TenantStats {
            class: Arc::clone(&self.class),
            live: true,
            maps,
            granted: self.share.granted(),
            rate_limited: self.rate_limited.load(Ordering::Relaxed),
            created: 1,
        }
    }

    /// Returns `true` if the last statistics are in the history, whose lock must be held.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recorded.load(Ordering::Relaxed)
    }

    /// Notes that the last statistics are in the history, whose lock must be held.
    pub(crate) fn set_recorded(&self) {
        self.recorded.store(true, Ordering::Relaxed);
    }

    /// Returns the value that is attached to the tenant. If there is none, attaches that of `create`.
    pub(crate) fn attached(
        &self,
        create: impl FnOnce() -> Arc<dyn Any + Send + Sync>,
    ) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(lock(&self.attached).get_or_insert_with(create))
    }

    /// Ends the maps and returns their share to the others. Returns the last statistics.
    pub(crate) fn end(&self) -> TenantStats {
        let stats = TenantStats {
            live: false,
            granted: 0,
            ..self.stats()
        };
        // What is attached may use the maps.
        let attached = lock(&self.attached).take();
        drop(attached);
        for shard in self.maps.all() {
            lock(&shard.map).end();
        }
        self.share.release();
        stats
    }
}

/// The number of expired entries that one call visits.
const SWEPT_PER_CALL: u32 = 256;

/// The number of calls that visit expired entries before the statistics are read.
const MAX_SWEEPS: usize = 64;

/// Returns the statistics of a map, unless it is busy or has terminated, or has more expired entries than
/// are visited at a time. Each call into it is short, and others may call it in between.
fn try_stats(map: &Mutex<LocalMap>) -> Option<Stats> {
    for _ in 0..MAX_SWEEPS {
        let mut map = map.try_lock().ok()?;
        if map.sweep(SWEPT_PER_CALL).ok()? < SWEPT_PER_CALL {
            return map.stats().ok();
        }
    }
    None
}
