//! Native caches of the moka family, each with a capacity in entries, the same hash function as
//! the others, and its own TTL if the plan has one. They are built as their docs recommend, with
//! `max_capacity` and `time_to_live`. They read the system's clock.

use bench_loops::{Plan, System, TTL, digest};
use foldhash::fast::RandomState;
use std::sync::Arc;
use std::time::Duration;

/// moka, for many threads. Threads share values, so they are counted references.
#[derive(Clone)]
pub(crate) struct Moka(moka::sync::Cache<Box<[u8]>, Arc<[u8]>, RandomState>);

impl Moka {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut builder = moka::sync::Cache::builder().max_capacity(plan.capacity as u64);
        if plan.ttl {
            builder = builder.time_to_live(Duration::from_nanos(TTL));
        }
        Self(builder.build_with_hasher(RandomState::default()))
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

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.0.remove(key).is_some())
    }

    #[inline]
    fn increment(&mut self, key: &[u8]) -> Option<bool> {
        let entry = self.0.entry(key.into()).and_upsert_with(|present| {
            let present = present.map(moka::Entry::into_value);
            let count = present.and_then(|value| value.first_chunk().copied());
            let sum = count.map_or(1, |count| i64::from_le_bytes(count).saturating_add(1));
            sum.to_le_bytes().as_slice().into()
        });
        Some(entry.value().len() == 8)
    }
}

/// mini-moka, for one thread. A lookup needs the type of its keys, so a caller that has only
/// bytes copies them into one key that it keeps.
pub(crate) struct MiniMoka {
    cache: mini_moka::unsync::Cache<Box<[u8]>, Box<[u8]>, RandomState>,
    wanted: Box<[u8]>,
}

impl MiniMoka {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut builder = mini_moka::unsync::Cache::builder().max_capacity(plan.capacity as u64);
        if plan.ttl {
            builder = builder.time_to_live(Duration::from_nanos(TTL));
        }
        Self {
            cache: builder.build_with_hasher(RandomState::default()),
            wanted: Box::default(),
        }
    }

    #[inline]
    fn want(&mut self, key: &[u8]) {
        if self.wanted.len() == key.len() {
            self.wanted.copy_from_slice(key);
        } else {
            self.wanted = key.into();
        }
    }
}

impl System for MiniMoka {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.cache.insert(key.into(), value.into());
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        self.want(key);
        self.cache.get(&self.wanted).map(|value| digest(value))
    }

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        self.want(key);
        self.cache.invalidate(&self.wanted);
        Some(true)
    }
}
