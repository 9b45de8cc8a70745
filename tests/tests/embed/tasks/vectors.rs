//! Runs the vectors through async functions of a guest, with the same answers as every map.

use localmap::{LocalMap, ManualClock, MapOptions, wasmtime};
use localmap_engine::{
    Change, Condition, ConfigureError, Error, KeyFault, Limits, Outcome, Stats, Ttl,
};
use localmap_tests::translate::{engine_configure_error, engine_limits, engine_stats, host_limits};
use localmap_tests::vectors::{self, Entry, Page, Subject};
use std::time::Duration;

use super::relay::{Compiled, Guest, Relay, State, wit};

const ALIVE: &str = "no vector kills a map";

struct Tasks {
    clock: ManualClock,
    relay: Relay,
}

impl Tasks {
    fn new(compiled: &Compiled) -> Self {
        let clock = ManualClock::new();
        let options = MapOptions::new().clock(clock.clone());
        Self {
            clock,
            relay: compiled.relay_with(&options),
        }
    }

    /// Runs one task.
    fn call<R>(
        &mut self,
        call: impl AsyncFnOnce(&wasmtime::component::Accessor<State>, &Guest) -> wasmtime::Result<R>,
    ) -> R {
        self.relay.call(call).expect(ALIVE)
    }

    /// Calls the map as its host.
    fn host<R>(&mut self, call: impl FnOnce(&mut LocalMap) -> R) -> R {
        self.relay.with_map(call)
    }
}

impl Subject for Tasks {
    type Pin = u32;

    fn set_clock(&mut self, now: u64) {
        self.clock.set(Duration::from_nanos(now));
    }

    fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        let answer = self.host(|map| map.configure(&host_limits(&limits)));
        answer.map_err(engine_configure_error)
    }

    fn limits(&mut self) -> Limits {
        self.host(|map| engine_limits(&map.limits().expect(ALIVE)))
    }

    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.call(async |store, guest| guest.call_get(store, key.to_vec()).await)
    }

    fn get_entry(&mut self, key: &[u8]) -> Option<Entry> {
        let found = self.call(async |store, guest| guest.call_get_entry(store, key.to_vec()).await);
        found.map(|entry| Entry {
            value: entry.value,
            version: entry.version,
            expires_in: entry.expires_in,
        })
    }

    fn get_many(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let mut values = Vec::new();
        // The map may answer in part.
        while values.len() < keys.len() {
            let rest = keys[values.len()..].to_vec();
            values.extend(self.call(async |store, guest| guest.call_get_many(store, rest).await));
        }
        values
    }

    fn contains(&mut self, key: &[u8]) -> bool {
        self.call(async |store, guest| guest.call_contains(store, key.to_vec()).await)
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        let (key, value) = (key.to_vec(), value.to_vec());
        Ok(self.call(async |store, guest| guest.call_set(store, key, value, ttl.into()).await)?)
    }

    fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error> {
        let (key, value, condition) = (key.to_vec(), value.to_vec(), condition.into());
        Ok(self.call(async |store, guest| {
            let ttl = ttl.into();
            guest.call_set_if(store, key, value, ttl, condition).await
        })?)
    }

    fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error> {
        let (key, ttl) = (key.to_vec(), ttl.into());
        Ok(self.call(async |store, guest| guest.call_increment(store, key, delta, ttl).await)?)
    }

    fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error> {
        let (key, ttl) = (key.to_vec(), ttl.into());
        Ok(self.call(async |store, guest| guest.call_touch(store, key, ttl).await)?)
    }

    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.call(async |store, guest| guest.call_take(store, key.to_vec()).await)
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        self.call(async |store, guest| guest.call_delete(store, key.to_vec()).await)
    }

    fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error> {
        let key = key.to_vec();
        Ok(self.call(async |store, guest| guest.call_delete_if(store, key, version).await)?)
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
        let changes = changes.iter().map(wit::Change::from).collect();
        match self.call(async |store, guest| guest.call_apply(store, changes).await) {
            Ok(outcomes) => Ok(outcomes.into_iter().map(Outcome::from).collect()),
            Err((index, error)) => Err((index, error.into())),
        }
    }

    fn pin(&mut self, key: &[u8]) -> Result<Option<u32>, Error> {
        Ok(self.call(async |store, guest| guest.call_pin(store, key.to_vec()).await)?)
    }

    fn pinned(&mut self, pin: &u32) -> (Vec<u8>, u64) {
        self.call(async |store, guest| guest.call_pinned(store, *pin).await)
    }

    fn unpin(&mut self, pin: u32) {
        self.call(async |store, guest| guest.call_unpin(store, pin).await);
    }

    fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Page {
        let prefix = prefix.to_vec();
        let page =
            self.call(async |store, guest| guest.call_scan(store, prefix, cursor, limit).await);
        let entries = page.entries.into_iter().map(|scanned| {
            let entry = Entry {
                value: scanned.value,
                version: scanned.version,
                expires_in: scanned.expires_in,
            };
            (scanned.key, entry)
        });
        Page {
            entries: entries.collect(),
            next: page.next,
        }
    }

    fn len(&mut self) -> u64 {
        self.call(async |store, guest| guest.call_len(store).await)
    }

    fn stats(&mut self) -> Stats {
        self.host(|map| engine_stats(&map.stats().expect(ALIVE)))
    }

    fn sweep(&mut self, max: u32) -> u32 {
        self.host(|map| map.sweep(max).expect(ALIVE))
    }

    fn clear(&mut self) {
        self.host(|map| map.clear().expect(ALIVE));
    }
}

impl From<Ttl> for wit::Ttl {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Default => Self::Default,
            Ttl::Never => Self::Never,
            Ttl::After(after) => Self::After(after),
        }
    }
}

impl From<Condition> for wit::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Absent => Self::Absent,
            Condition::Present => Self::Present,
            Condition::Version(version) => Self::Version(version),
        }
    }
}

impl From<&Change<'_>> for wit::Change {
    fn from(change: &Change<'_>) -> Self {
        match *change {
            Change::Set { key, value, ttl } => Self::Set(wit::SetChange {
                key: key.to_vec(),
                value: value.to_vec(),
                ttl: ttl.into(),
            }),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => Self::SetIf(wit::SetIfChange {
                key: key.to_vec(),
                value: value.to_vec(),
                ttl: ttl.into(),
                condition: condition.into(),
            }),
            Change::Increment { key, delta, ttl } => Self::Increment(wit::IncrementChange {
                key: key.to_vec(),
                delta,
                ttl: ttl.into(),
            }),
            Change::Touch { key, ttl } => Self::Touch(wit::TouchChange {
                key: key.to_vec(),
                ttl: ttl.into(),
            }),
            Change::Delete { key } => Self::Delete(key.to_vec()),
            Change::DeleteIf { key, version } => Self::DeleteIf(wit::DeleteIfChange {
                key: key.to_vec(),
                version,
            }),
        }
    }
}

impl From<wit::Outcome> for Outcome {
    fn from(outcome: wit::Outcome) -> Self {
        match outcome {
            wit::Outcome::Stored(version) => Self::Stored(version),
            wit::Outcome::Counter(sum) => Self::Counter(sum),
            wit::Outcome::Touched(there) => Self::Touched(there),
            wit::Outcome::Deleted(there) => Self::Deleted(there),
        }
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::InvalidKey(fault) => Self::InvalidKey(match fault {
                wit::KeyFault::Empty => KeyFault::Empty,
                wit::KeyFault::TooLong(len) => KeyFault::TooLong(len),
                wit::KeyFault::NotUtf8 => KeyFault::NotUtf8,
            }),
            wit::Error::ValueTooLarge(max) => Self::ValueTooLarge(max),
            wit::Error::InvalidTtl => Self::InvalidTtl,
            wit::Error::Full => Self::Full,
            wit::Error::Conflict(current) => Self::Conflict(current),
            wit::Error::NotACounter => Self::NotACounter,
            wit::Error::Overflow => Self::Overflow,
        }
    }
}

#[test]
fn vectors_through_async_functions() {
    let compiled = Compiled::new();
    let mut faults = String::new();
    for (file, script) in vectors::files().expect("the folder of the vectors") {
        match vectors::run(&file, &script, || Tasks::new(&compiled)) {
            Ok(compared) => assert!(compared > 0, "{file} compares nothing"),
            Err(fault) => faults += &fault,
        }
    }
    assert!(faults.is_empty(), "{faults}");
}
