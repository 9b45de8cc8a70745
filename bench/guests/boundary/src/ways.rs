//! The ways to reach a map. Each returns values as vectors, as a guest receives them.

use crate::bindings::localmap::core::local_map as plain;
use bench_loops::{Key, MANY, PAGE, Plan, System, TTL, digest};
use localmap_client::{Change, LocalMap, Ttl, in_process};
use std::time::Duration;

/// The way through the client crate, to the map of the component or to one in the guest's own
/// memory.
pub(crate) struct Client<M> {
    map: M,
    ttl: Ttl,
    cursor: u64,
}

impl<M> Client<M> {
    pub(crate) fn new(map: M, plan: Plan) -> Self {
        let ttl = if plan.ttl {
            Duration::from_nanos(TTL).into()
        } else {
            Ttl::Never
        };
        Self {
            map,
            ttl,
            cursor: 0,
        }
    }
}

/// Creates a map in this memory, with the limits that the host gives the other maps.
pub(crate) fn in_process(plan: Plan) -> Option<in_process::LocalMap> {
    let limits = in_process::Limits {
        max_entries: plan.capacity as u64,
        max_bytes: 48 << 20,
        policy: in_process::Policy::S3Fifo,
        ..in_process::Limits::default()
    };
    in_process::LocalMap::with_limits(limits).ok()
}

macro_rules! client {
    ($map:ty) => {
        impl System for Client<$map> {
            const OWNED: bool = true;

            fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
                self.map.set(key, value, self.ttl).is_ok()
            }

            fn get(&mut self, key: &[u8]) -> Option<u64> {
                self.map.get(key).map(|value| digest(&value))
            }

            fn get_into(&mut self, key: &[u8], buffer: &mut Vec<u8>) -> Option<Option<u64>> {
                Some(self.map.get_into(key, buffer).then(|| digest(buffer)))
            }

            fn delete(&mut self, key: &[u8]) -> Option<bool> {
                Some(self.map.delete(key))
            }

            fn increment(&mut self, key: &[u8]) -> Option<bool> {
                Some(self.map.increment(key, 1, self.ttl).is_ok())
            }

            fn get_many(&mut self, keys: &[Key; MANY]) -> Option<u32> {
                let values = self.map.get_many(keys);
                Some(values.iter().map(|value| u32::from(value.is_some())).sum())
            }

            fn apply(&mut self, keys: &[Key; MANY], value: &[u8]) -> Option<bool> {
                let changes = keys.each_ref().map(|key| Change::set(key, value, self.ttl));
                Some(self.map.apply(&changes).is_ok())
            }

            fn scan(&mut self) -> Option<bool> {
                let page = self.map.scan_page("", self.cursor, PAGE);
                self.cursor = page.next.unwrap_or(0);
                Some(!page.entries.is_empty())
            }
        }
    };
}

client!(LocalMap);
client!(in_process::LocalMap);

/// The way through bindings of the plain contract.
pub(crate) struct Plain(plain::Ttl);

impl Plain {
    pub(crate) fn new(plan: Plan) -> Self {
        Self(if plan.ttl {
            plain::Ttl::After(TTL)
        } else {
            plain::Ttl::Never
        })
    }
}

impl System for Plain {
    const OWNED: bool = true;

    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        plain::set(key, value, self.0).is_ok()
    }

    fn get(&mut self, key: &[u8]) -> Option<u64> {
        plain::get(key).map(|value| digest(&value))
    }

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        Some(plain::delete(key))
    }
}
