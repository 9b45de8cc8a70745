//! A map that this program calls: the map is in the sandbox, the loop is not.

use crate::guest::limits;
use anyhow::Result;
use bench_loops::{Key, Loops, MANY, PAGE, Plan, Runner, System, TTL, digest};
use localmap::{Change, Host, LocalMap, MapOptions, Ttl};
use std::time::Duration;

struct Hosted {
    map: LocalMap,
    ttl: Ttl,
    cursor: u64,
}

/// Creates the loops on a new map of `host`, with the same limits as plugged maps.
pub(crate) fn make(host: &Host, plan: Plan) -> Result<Box<dyn Runner>> {
    let options = MapOptions::new().limits(limits(u32::try_from(plan.capacity)?));
    let hosted = Hosted {
        map: host.map(&options)?,
        ttl: if plan.ttl {
            Ttl::After(Duration::from_nanos(TTL))
        } else {
            Ttl::Never
        },
        cursor: 0,
    };
    Ok(Loops::boxed(hosted, plan))
}

/// A failed call counts as one that has not succeeded, which the caller that measures detects.
impl System for Hosted {
    const OWNED: bool = true;

    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.map.set(key, value, self.ttl).is_ok()
    }

    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let value = self.map.get(key).ok()??;
        Some(digest(&value))
    }

    fn get_into(&mut self, key: &[u8], buffer: &mut Vec<u8>) -> Option<Option<u64>> {
        buffer.clear();
        let found = self.map.get_into(key, buffer).unwrap_or_default();
        Some(found.map(|_| digest(buffer)))
    }

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.map.delete(key).unwrap_or(false))
    }

    fn increment(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.map.increment(key, 1, self.ttl).is_ok())
    }

    fn get_many(&mut self, keys: &[Key; MANY]) -> Option<u32> {
        let values = self.map.get_many(&keys.each_ref().map(|key| &key[..]));
        let values = values.unwrap_or_default();
        Some(values.iter().map(|value| u32::from(value.is_some())).sum())
    }

    fn apply(&mut self, keys: &[Key; MANY], value: &[u8]) -> Option<bool> {
        let changes = keys.each_ref().map(|key| Change::Set {
            key,
            value,
            ttl: self.ttl,
        });
        Some(self.map.apply(&changes).is_ok())
    }

    fn scan(&mut self) -> Option<bool> {
        let Ok(page) = self.map.scan(b"", self.cursor, PAGE) else {
            return Some(false);
        };
        self.cursor = page.next.unwrap_or(0);
        Some(!page.entries.is_empty())
    }

    fn footprint(&mut self) -> u64 {
        self.map.stats().map_or(0, |stats| stats.bytes)
    }
}
