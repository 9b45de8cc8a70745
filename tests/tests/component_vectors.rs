//! The component, behind the host library, gives the answers of the vectors: the same
//! ones as the engine natively.

#![allow(clippy::panic, reason = "what a vector does not expect ends it")]

use localmap::{Host, LocalMap, ManualClock, MapOptions};
use localmap_engine::{Condition, ConfigureError, Error, KeyFault, Limits, Setting, Stats, Ttl};
use localmap_tests::vectors::{self, Entry, Page, Subject};
use std::time::Duration;

struct Component {
    clock: ManualClock,
    map: LocalMap,
}

impl Component {
    fn new(host: &Host) -> Self {
        let clock = ManualClock::new();
        let options = MapOptions::new().clock(clock.clone());
        let map = host.map(&options).expect("a map");
        Self { clock, map }
    }
}

const ALIVE: &str = "no vector kills a map";

impl Subject for Component {
    fn set_clock(&mut self, now: u64) {
        self.clock.set(Duration::from_nanos(now));
    }

    fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        let limits = localmap::Limits::default()
            .max_entries(limits.max_entries)
            .max_bytes(limits.max_bytes)
            .max_value(limits.max_value)
            .default_ttl(limits.default_ttl.map(Duration::from_nanos))
            .utf8_keys(limits.utf8_keys);
        let answer = self.map.configure(&limits).expect(ALIVE);
        answer.map_err(|error| match error {
            localmap::ConfigureError::OutOfRange { setting, .. } => {
                ConfigureError::OutOfRange(engine_setting(setting))
            }
            localmap::ConfigureError::Lowered { setting, .. } => {
                ConfigureError::Lowered(engine_setting(setting))
            }
            other => panic!("unknown: {other}"),
        })
    }

    fn limits(&mut self) -> Limits {
        let limits = self.map.limits().expect(ALIVE);
        Limits {
            max_entries: limits.max_entries,
            max_bytes: limits.max_bytes,
            max_value: limits.max_value,
            default_ttl: limits.default_ttl.map(nanos),
            utf8_keys: limits.utf8_keys,
        }
    }

    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.map.get(key).expect(ALIVE)
    }

    fn get_entry(&mut self, key: &[u8]) -> Option<Entry> {
        self.map.get_entry(key).expect(ALIVE).map(entry)
    }

    fn get_many(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        self.map.get_many(&keys).expect(ALIVE)
    }

    fn contains(&mut self, key: &[u8]) -> bool {
        self.map.contains(key).expect(ALIVE)
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        self.map.set(key, value, host_ttl(ttl)).map_err(refused)
    }

    fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error> {
        let condition = match condition {
            Condition::Absent => localmap::Condition::Absent,
            Condition::Present => localmap::Condition::Present,
            Condition::Version(version) => localmap::Condition::Version(version),
        };
        self.map
            .set_if(key, value, host_ttl(ttl), condition)
            .map_err(refused)
    }

    fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error> {
        self.map
            .increment(key, delta, host_ttl(ttl))
            .map_err(refused)
    }

    fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error> {
        self.map.touch(key, host_ttl(ttl)).map_err(refused)
    }

    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.map.take(key).expect(ALIVE)
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        self.map.delete(key).expect(ALIVE)
    }

    fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error> {
        self.map.delete_if(key, version).map_err(refused)
    }

    fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Page {
        let page = self.map.scan(prefix, cursor, limit).expect(ALIVE);
        Page {
            entries: page
                .entries
                .into_iter()
                .map(|scanned| (scanned.key, entry(scanned.entry)))
                .collect(),
            next: page.next,
        }
    }

    fn len(&mut self) -> u64 {
        self.map.len().expect(ALIVE)
    }

    fn stats(&mut self) -> Stats {
        let stats = self.map.stats().expect(ALIVE);
        Stats {
            entries: stats.entries,
            bytes: stats.bytes,
            hits: stats.hits,
            misses: stats.misses,
            writes: stats.writes,
            expired: stats.expired,
        }
    }

    fn sweep(&mut self, max: u32) -> u32 {
        self.map.sweep(max).expect(ALIVE)
    }

    fn clear(&mut self) {
        self.map.clear().expect(ALIVE);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("64 bits")
}

fn entry(entry: localmap::Entry) -> Entry {
    Entry {
        value: entry.value,
        version: entry.version,
        expires_in: entry.expires_in.map(nanos),
    }
}

fn host_ttl(ttl: Ttl) -> localmap::Ttl {
    match ttl {
        Ttl::Default => localmap::Ttl::Default,
        Ttl::Never => localmap::Ttl::Never,
        Ttl::After(after) => localmap::Ttl::After(Duration::from_nanos(after)),
    }
}

fn engine_setting(setting: localmap::Setting) -> Setting {
    match setting {
        localmap::Setting::MaxEntries => Setting::MaxEntries,
        localmap::Setting::MaxBytes => Setting::MaxBytes,
        localmap::Setting::MaxValue => Setting::MaxValue,
        localmap::Setting::DefaultTtl => Setting::DefaultTtl,
        localmap::Setting::Utf8Keys => Setting::Utf8Keys,
        other => panic!("unknown: {other}"),
    }
}

fn refused(error: localmap::Error) -> Error {
    match error {
        localmap::Error::InvalidKey { fault, .. } => Error::InvalidKey(match fault {
            localmap::KeyFault::Empty => KeyFault::Empty,
            localmap::KeyFault::TooLong { len } => KeyFault::TooLong(len),
            localmap::KeyFault::NotUtf8 => KeyFault::NotUtf8,
        }),
        localmap::Error::ValueTooLarge { max, .. } => Error::ValueTooLarge(max),
        localmap::Error::InvalidTtl => Error::InvalidTtl,
        localmap::Error::Full => Error::Full,
        localmap::Error::Conflict { current, .. } => Error::Conflict(current),
        localmap::Error::NotACounter => Error::NotACounter,
        localmap::Error::Overflow => Error::Overflow,
        other => panic!("{ALIVE}: {other}"),
    }
}

#[test]
fn vectors() {
    let host = Host::new().expect("a host");
    let mut faults = String::new();
    for (file, script) in vectors::files().expect("the folder of the vectors") {
        match vectors::run(&file, &script, || Component::new(&host)) {
            Ok(compared) => assert!(compared > 0, "{file} compares nothing"),
            Err(fault) => faults += &format!("{fault}\n"),
        }
    }
    assert!(faults.is_empty(), "{faults}");
}
