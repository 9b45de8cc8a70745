//! Native quick_cache, with a capacity in entries and the same hash function as the others. It has
//! no TTLs, so each value has a deadline next to it, which every read compares.

use crate::clock::Now;
use bench_loops::{Plan, System, TTL, digest};
use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use std::sync::Arc;

/// A value and its deadline.
type Dated<V> = (u64, V);
type ForMany = quick_cache::sync::Cache<Box<[u8]>, Dated<Arc<[u8]>>, UnitWeighter, RandomState>;
type ForOne = quick_cache::unsync::Cache<Box<[u8]>, Dated<Box<[u8]>>, UnitWeighter, RandomState>;

/// A clock, and whether entries have a TTL.
#[derive(Clone, Default)]
struct Time<N> {
    clock: N,
    ttl: bool,
}

impl<N: Now> Time<N> {
    fn new(plan: Plan) -> Self {
        Self {
            clock: N::default(),
            ttl: plan.ttl,
        }
    }

    /// Returns the deadline of an entry that is written now.
    #[inline]
    fn deadline(&self) -> u64 {
        if self.ttl {
            self.clock.now().saturating_add(TTL)
        } else {
            u64::MAX
        }
    }

    #[inline]
    fn lies_ahead(&self, deadline: u64) -> bool {
        deadline == u64::MAX || deadline > self.clock.now()
    }
}

/// quick_cache for many threads. Threads share values, so they are counted references.
#[derive(Clone)]
pub(crate) struct QuickSync<N>(Arc<ForMany>, Time<N>);

impl<N: Now> QuickSync<N> {
    pub(crate) fn new(plan: Plan) -> Self {
        let cache = ForMany::with(
            plan.capacity,
            plan.capacity as u64,
            UnitWeighter,
            RandomState::default(),
            quick_cache::sync::DefaultLifecycle::default(),
        );
        Self(Arc::new(cache), Time::new(plan))
    }
}

impl<N: Now> System for QuickSync<N> {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.0.insert(key.into(), (self.1.deadline(), value.into()));
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let (deadline, value) = self.0.get(key)?;
        self.1.lies_ahead(deadline).then(|| digest(&value))
    }

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.0.remove(key).is_some())
    }
}

/// quick_cache for one thread, without locks or counted references.
pub(crate) struct QuickUnsync<N>(ForOne, Time<N>);

impl<N: Now> QuickUnsync<N> {
    pub(crate) fn new(plan: Plan) -> Self {
        let cache = ForOne::with(
            plan.capacity,
            plan.capacity as u64,
            UnitWeighter,
            RandomState::default(),
            quick_cache::unsync::DefaultLifecycle::default(),
        );
        Self(cache, Time::new(plan))
    }
}

impl<N: Now> System for QuickUnsync<N> {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.0.insert(key.into(), (self.1.deadline(), value.into()));
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let (deadline, value) = self.0.get(key)?;
        self.1.lies_ahead(*deadline).then(|| digest(value))
    }

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.0.remove(key).is_some())
    }
}
