//! Caches of other crates, natively, each with a capacity in entries, the hash of the
//! others, and a TTL: its own where it has one, else a deadline that every read
//! compares.

use crate::clock::{self, Now as _};
use crate::system::{Plan, System, TTL, digest};
use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use std::sync::Arc;
use std::time::Duration;

/// moka, for many threads, with `time_to_live`: it reads a clock of its own.
pub(crate) struct Moka(moka::sync::Cache<Box<[u8]>, Arc<[u8]>, RandomState>);

impl Moka {
    pub(crate) fn new(plan: Plan) -> Self {
        Self(
            moka::sync::Cache::builder()
                .max_capacity(plan.capacity as u64)
                .time_to_live(Duration::from_nanos(TTL))
                .build_with_hasher(RandomState::default()),
        )
    }
}

impl System for Moka {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.0.insert(key.into(), value.into());
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        self.0.get(key).map(|value| digest(&value))
    }
}

/// A value and its deadline.
type Dated<V> = (u64, V);
type ForMany = quick_cache::sync::Cache<Box<[u8]>, Dated<Arc<[u8]>>, UnitWeighter, RandomState>;
type ForOne = quick_cache::unsync::Cache<Box<[u8]>, Dated<Box<[u8]>>, UnitWeighter, RandomState>;

/// quick_cache, for many threads. It has no TTL: a deadline lies beside each value.
pub(crate) struct QuickSync(ForMany);

impl QuickSync {
    pub(crate) fn new(plan: Plan) -> Self {
        Self(quick_cache::sync::Cache::with(
            plan.capacity,
            plan.capacity as u64,
            UnitWeighter,
            RandomState::default(),
            quick_cache::sync::DefaultLifecycle::default(),
        ))
    }
}

impl System for QuickSync {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        let deadline = clock::Cell.now().saturating_add(TTL);
        self.0.insert(key.into(), (deadline, value.into()));
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let (deadline, value) = self.0.get(key)?;
        (deadline > clock::Cell.now()).then(|| digest(&value))
    }
}

/// quick_cache, for one thread: no lock, and no count of references.
pub(crate) struct QuickUnsync(ForOne);

impl QuickUnsync {
    pub(crate) fn new(plan: Plan) -> Self {
        Self(quick_cache::unsync::Cache::with(
            plan.capacity,
            plan.capacity as u64,
            UnitWeighter,
            RandomState::default(),
            quick_cache::unsync::DefaultLifecycle::default(),
        ))
    }
}

impl System for QuickUnsync {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        let deadline = clock::Cell.now().saturating_add(TTL);
        self.0.insert(key.into(), (deadline, value.into()));
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let (deadline, value) = self.0.get(key)?;
        (*deadline > clock::Cell.now()).then(|| digest(value))
    }
}
