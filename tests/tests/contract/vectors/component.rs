//! Runs the vectors on the component through the host library, with the same answers as the
//! native engine.

use localmap::{ApplyError, Host, LocalMap, ManualClock, MapOptions, Pinned};
use localmap_engine::{
    Change, Condition, ConfigureError, Error, KeyFault, Limits, Outcome, Stats, Ttl,
};
use localmap_tests::translate::{
    engine_configure_error, engine_limits, engine_stats, host_limits, nanos,
};
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
    type Pin = Pinned;

    fn set_clock(&mut self, now: u64) {
        self.clock.set(Duration::from_nanos(now));
    }

    fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        let answer = self.map.configure(&host_limits(&limits));
        answer.map_err(engine_configure_error)
    }

    fn limits(&mut self) -> Limits {
        engine_limits(&self.map.limits().expect(ALIVE))
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
        self.map
            .set_if(key, value, host_ttl(ttl), host_condition(condition))
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

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
        let changes: Vec<_> = changes.iter().map(host_change).collect();
        match self.map.apply(&changes) {
            Ok(outcomes) => Ok(outcomes.into_iter().map(engine_outcome).collect()),
            Err(ApplyError::Refused { index, source, .. }) => {
                Err((u32::try_from(index).expect("32 bits"), refused(source)))
            }
            Err(terminated) => panic!("{ALIVE}: {terminated}"),
        }
    }

    fn pin(&mut self, key: &[u8]) -> Result<Option<Pinned>, Error> {
        self.map.pin(key).map_err(refused)
    }

    fn pinned(&mut self, pin: &Pinned) -> (Vec<u8>, u64) {
        (self.map.pinned(pin).expect(ALIVE), pin.version())
    }

    fn unpin(&mut self, pin: Pinned) {
        // The next operation releases the dropped pin.
        drop(pin);
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
        engine_stats(&self.map.stats().expect(ALIVE))
    }

    fn sweep(&mut self, max: u32) -> u32 {
        self.map.sweep(max).expect(ALIVE)
    }

    fn clear(&mut self) {
        self.map.clear().expect(ALIVE);
    }
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

fn host_condition(condition: Condition) -> localmap::Condition {
    match condition {
        Condition::Absent => localmap::Condition::Absent,
        Condition::Present => localmap::Condition::Present,
        Condition::Version(version) => localmap::Condition::Version(version),
    }
}

fn host_change<'a>(change: &Change<'a>) -> localmap::Change<'a> {
    match *change {
        Change::Set { key, value, ttl } => localmap::Change::Set {
            key,
            value,
            ttl: host_ttl(ttl),
        },
        Change::SetIf {
            key,
            value,
            ttl,
            condition,
        } => localmap::Change::SetIf {
            key,
            value,
            ttl: host_ttl(ttl),
            condition: host_condition(condition),
        },
        Change::Increment { key, delta, ttl } => localmap::Change::Increment {
            key,
            delta,
            ttl: host_ttl(ttl),
        },
        Change::Touch { key, ttl } => localmap::Change::Touch {
            key,
            ttl: host_ttl(ttl),
        },
        Change::Delete { key } => localmap::Change::Delete { key },
        Change::DeleteIf { key, version } => localmap::Change::DeleteIf { key, version },
    }
}

fn engine_outcome(outcome: localmap::Outcome) -> Outcome {
    match outcome {
        localmap::Outcome::Stored(version) => Outcome::Stored(version),
        localmap::Outcome::Counter(sum) => Outcome::Counter(sum),
        localmap::Outcome::Touched(there) => Outcome::Touched(there),
        localmap::Outcome::Deleted(there) => Outcome::Deleted(there),
    }
}

fn refused(error: impl Into<localmap::Error>) -> Error {
    match error.into() {
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
            Err(fault) => faults += &fault,
        }
    }
    assert!(faults.is_empty(), "{faults}");
}
