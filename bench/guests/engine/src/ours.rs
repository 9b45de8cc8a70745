//! The engine of localmap.

use crate::clock::Now;
use bench_loops::{Key, MANY, PAGE, Plan, System, TTL, digest};
use localmap_engine::{Change, Clock, Limits, Map, Policy, Ttl, Value};
use std::hint::black_box;

pub(crate) struct Ours<N> {
    map: Map<Adapter<N>>,
    ttl: Ttl,
    cursor: u64,
}

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
        Self {
            map: Map::new(Adapter(N::default()), 0x5eed, limits),
            ttl: if plan.ttl {
                Ttl::After(TTL)
            } else {
                Ttl::Never
            },
            cursor: 0,
        }
    }
}

#[inline]
fn look(value: Value<'_>) -> u64 {
    match value.as_slice() {
        Some(bytes) => digest(bytes),
        // No value in these benchmarks is in several pieces.
        None => value.len() as u64,
    }
}

impl<N: Now> System for Ours<N> {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.map.set(key, value, self.ttl).is_ok()
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        Some(look(self.map.get(key)?))
    }

    fn get_vec(&mut self, key: &[u8]) -> Option<Option<u64>> {
        Some(
            self.map
                .get(key)
                .map(|value| digest(&black_box(value.to_vec()))),
        )
    }

    fn get_into(&mut self, key: &[u8], buffer: &mut Vec<u8>) -> Option<Option<u64>> {
        let copied = self.map.get(key).map(|value| {
            buffer.clear();
            value
                .chunks()
                .for_each(|chunk| buffer.extend_from_slice(chunk));
            digest(buffer)
        });
        Some(copied)
    }

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.map.delete(key))
    }

    #[inline]
    fn increment(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.map.increment(key, 1, self.ttl).is_ok())
    }

    #[inline]
    fn get_many(&mut self, keys: &[Key; MANY]) -> Option<u32> {
        let (mut found, mut sum) = (0, 0u64);
        self.map.get_many(keys.iter().map(|key| &key[..]), |value| {
            if let Some(value) = value {
                found += 1;
                sum = sum.wrapping_add(look(value));
            }
        });
        black_box(sum);
        Some(found)
    }

    #[inline]
    fn apply(&mut self, keys: &[Key; MANY], value: &[u8]) -> Option<bool> {
        let changes = keys.each_ref().map(|key| Change::Set {
            key,
            value,
            ttl: self.ttl,
        });
        Some(self.map.apply(&changes).is_ok())
    }

    fn scan(&mut self) -> Option<bool> {
        let mut sum = 0u64;
        let next = self.map.scan(b"", self.cursor, PAGE, |entry| {
            sum = sum.wrapping_add(look(entry.value));
        });
        self.cursor = next.unwrap_or(0);
        Some(black_box(sum) > 0)
    }

    fn footprint(&mut self) -> u64 {
        self.map.stats().bytes
    }
}
