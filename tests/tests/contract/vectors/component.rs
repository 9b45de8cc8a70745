//! Runs the vectors on the map through the host library, which calls the core module of the component,
//! with the same answers as the native engine; and on a snapshot that is published between a write
//! and the next read or step of the clock.

use localmap::{ApplyError, Host, LocalMap, ManualClock, MapOptions, Pinned, Snapshot, WatchError};
use localmap_engine::{
    Change, Condition, ConfigureError, Error, KeyFault, Limits, Outcome, Stats, Ttl,
};
use localmap_tests::translate::{
    engine_changes, engine_configure_error, engine_entry, engine_limits, engine_stats, host_limits,
};
use localmap_tests::vectors::{self, Changes, Entry, Page, Subject};
use std::fmt::Debug;
use std::time::Duration;

/// A map of the host library.
pub(crate) struct Component {
    clock: ManualClock,
    map: LocalMap,
    /// A reader whose answers are compared with those of the map.
    snapshot: Option<Snapshot>,
    /// Whether the map has been written to since it was published.
    is_written: bool,
}

impl Component {
    pub(crate) fn new(host: &Host) -> Self {
        let clock = ManualClock::new();
        let options = MapOptions::new().clock(clock.clone());
        let map = host.map(&options).expect("a map");
        Self {
            clock,
            map,
            snapshot: None,
            is_written: false,
        }
    }

    fn with_snapshot(host: &Host) -> Self {
        let mut component = Self::new(host);
        component.snapshot = Some(component.map.snapshot().expect(ALIVE));
        component
    }

    /// Notes a write, and returns its answer.
    fn written<T>(&mut self, answer: T) -> T {
        self.is_written = true;
        answer
    }

    /// Publishes what has been written.
    fn publish(&mut self) {
        if std::mem::take(&mut self.is_written) {
            self.map.publish().expect(ALIVE);
        }
    }

    /// Compares the answer of the map with that of its snapshot, and returns it.
    fn read<T: PartialEq + Debug>(&mut self, answer: T, read: impl FnOnce(&Snapshot) -> T) -> T {
        self.publish();
        if let Some(snapshot) = &self.snapshot {
            assert_eq!(read(snapshot), answer, "in the snapshot");
        }
        answer
    }
}

const ALIVE: &str = "no vector kills a map";

impl Subject for Component {
    type Pin = Pinned;

    fn set_clock(&mut self, now: u64) {
        self.publish();
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
        let answer = self.map.get(key).expect(ALIVE);
        self.read(answer, |snapshot| snapshot.get(key).expect(ALIVE))
    }

    fn get_entry(&mut self, key: &[u8]) -> Option<Entry> {
        let answer = self.map.get_entry(key).expect(ALIVE);
        let answer = self.read(answer, |snapshot| snapshot.get_entry(key).expect(ALIVE));
        answer.map(engine_entry)
    }

    fn get_many(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let answer = self.map.get_many(&keys).expect(ALIVE);
        self.read(answer, |snapshot| {
            let all = snapshot.read(|view| {
                let value = |key: &&[u8]| view.get(key).map(|found| found.value.to_vec());
                keys.iter().map(value).collect()
            });
            all.expect(ALIVE)
        })
    }

    fn contains(&mut self, key: &[u8]) -> bool {
        let answer = self.map.contains(key).expect(ALIVE);
        self.read(answer, |snapshot| snapshot.contains(key).expect(ALIVE))
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        let answer = self.map.set(key, value, host_ttl(ttl));
        self.written(answer).map_err(refused)
    }

    fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error> {
        let condition = host_condition(condition);
        let answer = self.map.set_if(key, value, host_ttl(ttl), condition);
        self.written(answer).map_err(refused)
    }

    fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error> {
        let answer = self.map.increment(key, delta, host_ttl(ttl));
        self.written(answer).map_err(refused)
    }

    fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error> {
        let answer = self.map.touch(key, host_ttl(ttl));
        self.written(answer).map_err(refused)
    }

    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let answer = self.map.take(key).expect(ALIVE);
        self.written(answer)
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        let answer = self.map.delete(key).expect(ALIVE);
        self.written(answer)
    }

    fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error> {
        let answer = self.map.delete_if(key, version);
        self.written(answer).map_err(refused)
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
        let changes: Vec<_> = changes.iter().map(host_change).collect();
        let answer = self.map.apply(&changes);
        match self.written(answer) {
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
                .map(|scanned| (scanned.key, engine_entry(scanned.entry)))
                .collect(),
            next: page.next,
        }
    }

    fn len(&mut self) -> u64 {
        let answer = self.map.len().expect(ALIVE);
        self.read(answer, |snapshot| {
            let count = snapshot.read(|view| view.iter().count());
            count.expect(ALIVE) as u64
        })
    }

    fn stats(&mut self) -> Stats {
        engine_stats(&self.map.stats().expect(ALIVE))
    }

    fn sweep(&mut self, max: u32) -> u32 {
        self.map.sweep(max).expect(ALIVE)
    }

    fn clear(&mut self) {
        self.map.clear().expect(ALIVE);
        self.written(());
    }

    fn watch(&mut self, max_bytes: u32) -> bool {
        match self.map.watch(max_bytes) {
            Err(WatchError::NoMemory) => false,
            watched => {
                watched.expect(ALIVE);
                true
            }
        }
    }

    fn changes(&mut self) -> Changes {
        engine_changes(self.map.changes().expect(ALIVE))
    }

    fn peek(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Entry>> {
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let answer = self.map.peek(&keys).expect(ALIVE);
        let answer = self.read(answer, |snapshot| {
            let one = |key: &&[u8]| snapshot.get_entry(key).expect(ALIVE);
            keys.iter().map(one).collect()
        });
        answer
            .into_iter()
            .map(|found| found.map(engine_entry))
            .collect()
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

fn run(make: impl FnMut() -> Component) {
    run_on(
        vectors::host_files().expect("the folder of the vectors"),
        make,
    );
}

/// Runs these vectors on maps that `make` creates.
pub(crate) fn run_on(files: Vec<(String, String)>, mut make: impl FnMut() -> Component) {
    let mut faults = String::new();
    for (file, script) in files {
        match vectors::run(&file, &script, &mut make) {
            Ok(compared) => assert!(compared > 0, "{file} compares nothing"),
            Err(fault) => faults += &fault,
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn vectors() {
    let host = Host::new().expect("a host");
    run(|| Component::new(&host));
}

#[test]
fn vectors_on_snapshots() {
    let host = Host::new().expect("a host");
    run(|| Component::with_snapshot(&host));
}
