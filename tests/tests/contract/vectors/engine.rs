//! Runs the vectors on the engine.

use std::cell::Cell;
use std::rc::Rc;

use localmap_engine::{
    Change, Clock, Condition, ConfigureError, Error, Limits, Map, Outcome, PinId, Stats, Ttl, Value,
};
use localmap_tests::vectors::{self, Changes, Entry, Page, Subject};

/// A clock that the test sets.
#[derive(Clone, Default)]
struct FakeClock(Rc<Cell<u64>>);

impl Clock for FakeClock {
    fn now(&self) -> u64 {
        self.0.get()
    }
}

struct Engine {
    clock: FakeClock,
    map: Map<FakeClock>,
}

impl Engine {
    fn new() -> Self {
        let clock = FakeClock::default();
        let map = Map::new(clock.clone(), 1, Limits::default());
        Self { clock, map }
    }
}

impl Subject for Engine {
    type Pin = PinId;

    fn set_clock(&mut self, now: u64) {
        self.clock.0.set(now);
    }

    fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        self.map.configure(limits)
    }

    fn limits(&mut self) -> Limits {
        self.map.limits().clone()
    }

    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.map.get(key).as_ref().map(Value::to_vec)
    }

    fn get_entry(&mut self, key: &[u8]) -> Option<Entry> {
        self.map.get_entry(key).map(|entry| Entry {
            value: entry.value.to_vec(),
            version: entry.version,
            expires_in: entry.expires_in,
        })
    }

    fn get_many(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let mut values = Vec::new();
        let keys = keys.iter().map(Vec::as_slice);
        self.map
            .get_many(keys, |value| values.push(value.as_ref().map(Value::to_vec)));
        values
    }

    fn contains(&mut self, key: &[u8]) -> bool {
        self.map.contains(key)
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        self.map.set(key, value, ttl)
    }

    fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error> {
        self.map.set_if(key, value, ttl, condition)
    }

    fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error> {
        self.map.increment(key, delta, ttl)
    }

    fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error> {
        self.map.touch(key, ttl)
    }

    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.map.take(key, |value| value.to_vec())
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        self.map.delete(key)
    }

    fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error> {
        self.map.delete_if(key, version)
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
        self.map.apply(changes)
    }

    fn pin(&mut self, key: &[u8]) -> Result<Option<PinId>, Error> {
        self.map.pin(key)
    }

    fn pinned(&mut self, pin: &PinId) -> (Vec<u8>, u64) {
        let pinned = self.map.pinned(pin).expect("it is a pin of this map");
        (pinned.value.to_vec(), pinned.version)
    }

    fn unpin(&mut self, pin: PinId) {
        self.map.unpin(pin);
    }

    fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Page {
        let mut entries = Vec::new();
        let next = self.map.scan(prefix, cursor, limit, |scanned| {
            let entry = Entry {
                value: scanned.value.to_vec(),
                version: scanned.version,
                expires_in: scanned.expires_in,
            };
            entries.push((scanned.key.to_vec(), entry));
        });
        Page { entries, next }
    }

    fn len(&mut self) -> u64 {
        self.map.len()
    }

    fn stats(&mut self) -> Stats {
        self.map.stats()
    }

    fn sweep(&mut self, max: u32) -> u32 {
        self.map.sweep(max)
    }

    fn clear(&mut self) {
        self.map.clear();
    }

    fn watch(&mut self, max_bytes: u32) -> bool {
        self.map.watch(max_bytes).is_ok()
    }

    fn changes(&mut self) -> Changes {
        let mut changed = Vec::new();
        let told = self
            .map
            .changes(|change| changed.push((change.key.to_vec(), change.became)));
        Changes {
            changed,
            lost: told.lost,
            more: told.more,
            due_in: told.due_in,
        }
    }

    fn peek(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Entry>> {
        let mut entries = Vec::new();
        let keys = keys.iter().map(Vec::as_slice);
        self.map.peek(keys, |entry| {
            entries.push(entry.map(|entry| Entry {
                value: entry.value.to_vec(),
                version: entry.version,
                expires_in: entry.expires_in,
            }));
        });
        entries
    }
}

#[test]
fn vectors() {
    let files = vectors::host_files().expect("the folder of the vectors");
    assert!(!files.is_empty());
    let mut faults = String::new();
    for (file, script) in files {
        match vectors::run(&file, &script, Engine::new) {
            Ok(compared) => assert!(compared > 0, "{file} compares nothing"),
            Err(fault) => faults += &fault,
        }
    }
    assert!(faults.is_empty(), "{faults}");
}
