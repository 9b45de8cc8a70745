//! The engine of localmap.

use crate::clock::Now;
use crate::system::{Plan, System, TTL, digest};
use localmap_engine::{Clock, Limits, Map, Policy, Ttl};

pub(crate) struct Ours<N>(Map<Adapter<N>>);

struct Adapter<N>(N);

impl<N: Now> Clock for Adapter<N> {
    #[inline]
    fn now(&self) -> u64 {
        self.0.now()
    }
}

impl<N: Now> Ours<N> {
    pub(crate) fn new(plan: Plan) -> Self {
        let limits = Limits {
            max_entries: plan.capacity as u64,
            max_bytes: 3 << 30,
            policy: Policy::S3Fifo,
            ..Limits::default()
        };
        Self(Map::new(Adapter(N::default()), 0x5eed, limits))
    }
}

impl<N: Now> System for Ours<N> {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.0.set(key, value, Ttl::After(TTL)).is_ok()
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let value = self.0.get(key)?;
        Some(match value.as_slice() {
            Some(bytes) => digest(bytes),
            // The bench has no values that lie in several pieces.
            None => value.len() as u64,
        })
    }

    fn footprint(&mut self) -> u64 {
        self.0.stats().bytes
    }
}
