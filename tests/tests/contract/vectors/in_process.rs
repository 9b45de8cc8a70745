//! Runs the vectors on the client's in-process map, with the same answers as the component that
//! it replaces.

use localmap_client::in_process::{self as client, LocalMap, ManualClock};
use localmap_engine::{
    Change, Condition, ConfigureError, Error, KeyFault, Limits, Outcome, Stats, Ttl,
};
use localmap_tests::vectors::{self, Entry, Page, Subject};
use std::time::Duration;

struct InProcess {
    clock: ManualClock,
    map: LocalMap,
}

impl InProcess {
    fn new() -> Self {
        let clock = ManualClock::new();
        let map = LocalMap::with_clock(client::Limits::default(), &clock).expect("the defaults");
        Self { clock, map }
    }
}

impl Subject for InProcess {
    type Pin = client::Pinned;

    fn set_clock(&mut self, now: u64) {
        self.clock.set(Duration::from_nanos(now));
    }

    fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        self.map.configure(limits.into())
    }

    fn limits(&mut self) -> Limits {
        self.map.limits().into()
    }

    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.map.get(key)
    }

    fn get_entry(&mut self, key: &[u8]) -> Option<Entry> {
        self.map.get_entry(key).map(|there| Entry {
            value: there.value,
            version: there.version,
            expires_in: there.expires_in.map(nanos),
        })
    }

    fn get_many(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        self.map.get_many(keys)
    }

    fn contains(&mut self, key: &[u8]) -> bool {
        self.map.contains(key)
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        self.map.set(key, value, client_ttl(ttl)).map_err(refused)
    }

    fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error> {
        self.map
            .set_if(key, value, client_ttl(ttl), client_condition(condition))
            .map_err(refused)
    }

    fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error> {
        self.map
            .increment(key, delta, client_ttl(ttl))
            .map_err(refused)
    }

    fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error> {
        self.map.touch(key, client_ttl(ttl)).map_err(refused)
    }

    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.map.take(key)
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        self.map.delete(key)
    }

    fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error> {
        self.map.delete_if(key, version).map_err(refused)
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
        let changes: Vec<_> = changes.iter().map(client_change).collect();
        match self.map.apply(&changes) {
            Ok(outcomes) => Ok(outcomes.into_iter().map(engine_outcome).collect()),
            Err(client::ApplyError { index, error }) => {
                Err((u32::try_from(index).expect("32 bits"), refused(error)))
            }
        }
    }

    fn pin(&mut self, key: &[u8]) -> Result<Option<client::Pinned>, Error> {
        self.map.pin(key).map_err(refused)
    }

    fn pinned(&mut self, pin: &client::Pinned) -> (Vec<u8>, u64) {
        (pin.value(), pin.version())
    }

    fn unpin(&mut self, pin: client::Pinned) {
        drop(pin);
    }

    fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Page {
        let page = self.map.scan_page(prefix, cursor, limit);
        let entry = |there: client::Scanned| {
            let entry = Entry {
                value: there.value,
                version: there.version,
                expires_in: there.expires_in.map(nanos),
            };
            (there.key, entry)
        };
        Page {
            entries: page.entries.into_iter().map(entry).collect(),
            next: page.next,
        }
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
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("64 bits")
}

fn client_ttl(ttl: Ttl) -> client::Ttl {
    match ttl {
        Ttl::Default => client::Ttl::Default,
        Ttl::Never => client::Ttl::Never,
        Ttl::After(after) => client::Ttl::After(Duration::from_nanos(after)),
    }
}

fn client_condition(condition: Condition) -> client::Condition {
    match condition {
        Condition::Absent => client::Condition::Absent,
        Condition::Present => client::Condition::Present,
        Condition::Version(version) => client::Condition::Version(version),
    }
}

fn client_change<'a>(change: &Change<'a>) -> client::Change<'a> {
    match *change {
        Change::Set { key, value, ttl } => client::Change::set(key, value, client_ttl(ttl)),
        Change::SetIf {
            key,
            value,
            ttl,
            condition,
        } => client::Change::set_if(key, value, client_ttl(ttl), client_condition(condition)),
        Change::Increment { key, delta, ttl } => {
            client::Change::increment(key, delta, client_ttl(ttl))
        }
        Change::Touch { key, ttl } => client::Change::touch(key, client_ttl(ttl)),
        Change::Delete { key } => client::Change::delete(key),
        Change::DeleteIf { key, version } => client::Change::delete_if(key, version),
    }
}

fn engine_outcome(outcome: client::Outcome) -> Outcome {
    match outcome {
        client::Outcome::Stored(version) => Outcome::Stored(version),
        client::Outcome::Counter(sum) => Outcome::Counter(sum),
        client::Outcome::Touched(there) => Outcome::Touched(there),
        client::Outcome::Deleted(there) => Outcome::Deleted(there),
    }
}

fn refused(error: client::Error) -> Error {
    match error {
        client::Error::InvalidKey(fault) => Error::InvalidKey(match fault {
            client::KeyFault::Empty => KeyFault::Empty,
            client::KeyFault::TooLong { len } => KeyFault::TooLong(len),
            client::KeyFault::NotUtf8 => KeyFault::NotUtf8,
            other => panic!("unknown: {other}"),
        }),
        client::Error::ValueTooLarge { max } => Error::ValueTooLarge(max),
        client::Error::InvalidTtl => Error::InvalidTtl,
        client::Error::Full => Error::Full,
        client::Error::Conflict { current } => Error::Conflict(current),
        client::Error::NotACounter => Error::NotACounter,
        client::Error::Overflow => Error::Overflow,
        other => panic!("unknown: {other}"),
    }
}

#[test]
fn vectors() {
    let mut faults = String::new();
    for (file, script) in vectors::files().expect("the folder of the vectors") {
        match vectors::run(&file, &script, InProcess::new) {
            Ok(compared) => assert!(compared > 0, "{file} compares nothing"),
            Err(fault) => faults += &format!("{fault}\n"),
        }
    }
    assert!(faults.is_empty(), "{faults}");
}
