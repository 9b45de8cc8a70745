//! Maps that threads share. Values are looked at in place.

use bench_loops::{Keys, Plan, System, TTL, digest};
use foldhash::fast::RandomState;
use localmap::Snapshot;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// A map whose entries are there before threads read it.
pub(super) trait Shared: Clone + Send + Sync + 'static {
    /// Returns the digest of the value, unless it is absent or has expired.
    fn get(&self, key: &[u8]) -> Option<u64>;
}

/// One thread's access to a shared map.
pub(super) struct Reader<S>(pub(super) S);

impl<S: Shared> System for Reader<S> {
    /// Does nothing: the entry is there already.
    fn set(&mut self, _key: &[u8], _value: &[u8]) -> bool {
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        self.0.get(key)
    }
}

/// The snapshot of a map.
#[derive(Clone)]
pub(super) struct Ours(pub(super) Snapshot);

impl Shared for Ours {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<u64> {
        let read = self.0.read(|view| Some(digest(view.get(key)?.value)));
        read.ok()?
    }
}

/// A value with its deadline, in nanoseconds from `Clock`; `u64::MAX` if it does not expire.
#[derive(Clone)]
pub(super) struct Timed {
    deadline: u64,
    value: Box<[u8]>,
}

impl Timed {
    #[inline]
    fn digest(&self, clock: Clock) -> Option<u64> {
        let lives = self.deadline == u64::MAX || self.deadline > clock.now();
        lives.then(|| digest(&self.value))
    }
}

/// The system's clock.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    #[inline]
    fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Returns the entries of all maps.
fn entries(plan: Plan, count: u32) -> impl Iterator<Item = (Box<[u8]>, Timed)> {
    let mut keys = Keys::new(plan.value_len);
    (0..count).map(move |number| {
        let (key, value) = keys.pair(number.into());
        let timed = Timed {
            deadline: if plan.ttl { TTL } else { u64::MAX },
            value: value.into(),
        };
        (key.into(), timed)
    })
}

type Table = hashbrown::HashMap<Box<[u8]>, Timed, RandomState>;
type StdTable = std::collections::HashMap<Box<[u8]>, Timed, RandomState>;
type PapayaTable = papaya::HashMap<Box<[u8]>, Timed, RandomState>;

/// A map behind arc-swap, which is replaced as a whole.
#[derive(Clone)]
pub(super) struct ByHand(Arc<arc_swap::ArcSwap<Table>>, Clock);

impl ByHand {
    pub(super) fn new(plan: Plan, count: u32) -> Self {
        let table: Table = entries(plan, count).collect();
        let shared = arc_swap::ArcSwap::from_pointee(table);
        Self(Arc::new(shared), Clock(Instant::now()))
    }

    pub(super) fn entries(&self) -> Arc<Table> {
        self.0.load_full()
    }

    pub(super) fn publish(&self, table: Table) {
        self.0.store(Arc::new(table));
    }
}

impl Shared for ByHand {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<u64> {
        self.0.load().get(key)?.digest(self.1)
    }
}

/// A map behind a lock.
#[derive(Clone)]
pub(super) struct Locked(Arc<RwLock<StdTable>>, Clock);

impl Locked {
    pub(super) fn new(plan: Plan, count: u32) -> Self {
        let shared = RwLock::new(entries(plan, count).collect());
        Self(Arc::new(shared), Clock(Instant::now()))
    }
}

impl Shared for Locked {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<u64> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        map.get(key)?.digest(self.1)
    }
}

/// papaya, a concurrent map for reads.
#[derive(Clone)]
pub(super) struct Papaya(Arc<PapayaTable>, Clock);

impl Papaya {
    pub(super) fn new(plan: Plan, count: u32) -> Self {
        let shared = papaya::HashMap::with_hasher(RandomState::default());
        for (key, timed) in entries(plan, count) {
            shared.pin().insert(key, timed);
        }
        Self(Arc::new(shared), Clock(Instant::now()))
    }
}

impl Shared for Papaya {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<u64> {
        self.0.pin().get(key)?.digest(self.1)
    }
}

/// moka, a cache with a capacity, a policy and TTLs of its own.
#[derive(Clone)]
pub(super) struct Moka(moka::sync::Cache<Box<[u8]>, Arc<[u8]>, RandomState>);

impl Moka {
    pub(super) fn new(plan: Plan, count: u32) -> Self {
        let mut builder = moka::sync::Cache::builder().max_capacity(plan.capacity as u64);
        if plan.ttl {
            builder = builder.time_to_live(Duration::from_nanos(TTL));
        }
        let cache = builder.build_with_hasher(RandomState::default());
        for (key, timed) in entries(plan, count) {
            cache.insert(key, timed.value.into());
        }
        Self(cache)
    }
}

impl Shared for Moka {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<u64> {
        self.0.get(key).map(|value| digest(&value))
    }
}
