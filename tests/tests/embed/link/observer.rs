//! Observers, which see each operation.

use super::apps::{App, Apps, wit};
use super::{NEVER, map};
use localmap::wasmtime::Config;
use localmap::{
    CallOutcome, CancelHandle, Change, Host, Limits, LinkedMap, LocalMap, MapOptions, ObservedCall,
    Observer, Operation, Policy, Rejection, TerminationCause, Ttl, WriteRule, WriteViolation,
};
use std::sync::{Arc, Mutex};

type Seen = (Operation, usize, CallOutcome);

#[derive(Default)]
struct Log {
    seen: Mutex<Vec<Seen>>,
    values: Mutex<Vec<usize>>,
}

/// Returns what the end of an operation gets from its beginning.
fn token(operation: Operation, key: &[u8]) -> u64 {
    (operation as u64) << 32 | key.len() as u64
}

impl Log {
    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().expect("no panic"))
    }
}

impl Observer for Log {
    fn begin(&self, operation: Operation, key: &[u8]) -> Option<u64> {
        Some(token(operation, key))
    }

    fn end(&self, began: u64, call: &ObservedCall<'_>) {
        assert_eq!(began, token(call.operation, call.key));
        let mut seen = self.seen.lock().expect("no panic");
        seen.push((call.operation, call.key_len, call.outcome));
        let mut values = self.values.lock().expect("no panic");
        values.push(call.value_len);
    }
}

/// Makes each operation.
fn make_each(app: &mut App) {
    app.call(|app, mut store| {
        let ttl = NEVER;
        let key = &b"key"[..];
        app.call_get(&mut store, key)?;
        app.call_set(&mut store, key, b"v", ttl)?.expect("room");
        app.call_get(&mut store, key)?;
        app.call_get_entry(&mut store, b"")?;
        app.call_get_many(&mut store, &[key, b"other"])?;
        app.call_contains(&mut store, key)?;
        app.call_set_if(&mut store, key, b"v", ttl, wit::Condition::Absent)?
            .expect_err("it is there");
        app.call_increment(&mut store, b"n", 1, ttl)?.expect("room");
        app.call_increment(&mut store, key, 1, ttl)?
            .expect_err("it is none");
        app.call_touch(&mut store, b"none", ttl)?.expect("it can");
        app.call_touch(&mut store, b"", ttl)?.expect_err("no key");
        app.call_take(&mut store, b"n")?;
        app.call_delete(&mut store, b"n")?;
        app.call_delete_if(&mut store, key, 99)?
            .expect_err("not it");
        let changes = [
            wit::Change::Delete(b"12345"),
            wit::Change::Touch(wit::TouchChange { key, ttl }),
        ];
        app.call_apply(&mut store, &changes)?.expect("they can");
        app.call_set(&mut store, key, b"v", wit::Ttl::After(0))?
            .expect_err("no time");
        let pin = app.call_pin(&mut store, key)?.expect("room");
        let pin = pin.expect("it is there");
        app.pinned().call_value(&mut store, pin)?;
        app.pinned().call_version(&mut store, pin)?;
        pin.resource_drop(&mut store)?;
        app.call_scan(&mut store, b"pre", 0, 10)?;
        app.call_len(&mut store)
    })
    .expect("alive");
}

/// The operations of [`make_each`].
fn each() -> Vec<Seen> {
    let refused = CallOutcome::Rejected;
    vec![
        (Operation::Get, 3, CallOutcome::Miss),
        (Operation::Set, 3, CallOutcome::Ok),
        (Operation::Get, 3, CallOutcome::Hit),
        (Operation::GetEntry, 0, CallOutcome::Miss),
        (Operation::GetMany, 8, CallOutcome::Ok),
        (Operation::Contains, 3, CallOutcome::Hit),
        (Operation::SetIf, 3, refused(Rejection::Conflict)),
        (Operation::Increment, 1, CallOutcome::Ok),
        (Operation::Increment, 3, refused(Rejection::NotACounter)),
        (Operation::Touch, 4, CallOutcome::Miss),
        (Operation::Touch, 0, refused(Rejection::InvalidKey)),
        (Operation::Take, 1, CallOutcome::Hit),
        (Operation::Delete, 1, CallOutcome::Miss),
        (Operation::DeleteIf, 3, refused(Rejection::Conflict)),
        (Operation::Apply, 8, CallOutcome::Ok),
        (Operation::Set, 3, refused(Rejection::InvalidTtl)),
        (Operation::Pin, 3, CallOutcome::Hit),
        (Operation::PinnedValue, 0, CallOutcome::Ok),
        (Operation::Unpin, 0, CallOutcome::Ok),
        (Operation::Scan, 3, CallOutcome::Ok),
        (Operation::Len, 0, CallOutcome::Ok),
    ]
}

/// The lengths of the values of [`make_each`].
const VALUES: [usize; 21] = [
    0, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 1, 0, 0, 0,
];

#[test]
fn the_observer_of_an_app_sees_each_of_its_operations_once() {
    let log = Arc::new(Log::default());
    let mut app = Apps::new(&Config::new()).observed(map(), log.clone());
    make_each(&mut app);
    assert_eq!(log.take(), each());
    assert_eq!(*log.values.lock().expect("no panic"), VALUES);
    // It does not see operations of the host.
    app.map().get(b"key").expect("alive");
    assert_eq!(log.take(), []);
}

#[test]
fn the_observer_of_a_map_sees_the_operations_of_all() {
    let log = Arc::new(Log::default());
    let host = Host::new().expect("a host");
    let options = MapOptions::new().observer(log.clone());
    let map = host.map(&options).expect("a map");
    let mut app = Apps::new(&Config::new()).app(map);
    make_each(&mut app);
    assert_eq!(log.take(), each());
    assert_eq!(*log.values.lock().expect("no panic"), VALUES);
    app.map().get(b"key").expect("alive");
    assert_eq!(log.take(), [(Operation::Get, 3, CallOutcome::Hit)]);
}

/// Notes the callers and the evictions of operations, and the end of the map.
#[derive(Default)]
struct Life {
    calls: Mutex<Vec<(u64, u64)>>,
    ended: Mutex<Vec<String>>,
}

impl Observer for Life {
    fn end(&self, _: u64, call: &ObservedCall<'_>) {
        let mut calls = self.calls.lock().expect("no panic");
        calls.push((call.caller, call.evicted));
    }

    fn counts_evictions(&self) -> bool {
        true
    }

    fn created(&self) {
        self.ended
            .lock()
            .expect("no panic")
            .push("created".to_owned());
    }

    fn ended(&self, cause: &TerminationCause) {
        self.ended.lock().expect("no panic").push(cause.to_string());
    }
}

#[test]
fn evictions_and_callers_are_told() {
    let life = Arc::new(Life::default());
    let host = Host::new().expect("a host");
    let limits = Limits::default().max_entries(1).policy(Policy::Lru);
    let options = MapOptions::new().limits(limits).observer(life.clone());
    let map: LocalMap = host.map(&options).expect("a map");
    let mut linked = LinkedMap::new(map);
    linked.map().set(b"a", b"", Ttl::Never).expect("room");
    linked.map().set_caller(7);
    linked.map().set(b"b", b"", Ttl::Never).expect("room");
    assert_eq!(*life.calls.lock().expect("no panic"), [(0, 0), (7, 1)]);
    drop(linked);
    let seen = life.ended.lock().expect("no panic").clone();
    assert_eq!(seen, ["created", "its owner dropped it"]);
}

#[test]
fn the_end_of_a_map_is_told_once_with_its_cause() {
    let life = Arc::new(Life::default());
    let host = Host::new().expect("a host");
    let options = MapOptions::new().observer(life.clone());
    let map = host.map(&options).expect("a map");
    map.cancel_handle().cancel();
    drop(map);
    let seen = life.ended.lock().expect("no panic").clone();
    assert_eq!(seen, ["created", "it was cancelled"]);
    let stats = host.stats();
    assert_eq!(
        (stats.live, stats.created, stats.ended.cancelled),
        (0, 1, 1)
    );
    assert_eq!(stats.ended.dropped, 0);
}

#[test]
fn sees_writes_that_the_rule_of_the_map_rejects() {
    struct ReadOnly;
    impl WriteRule for ReadOnly {
        fn check(&self, _: &Change<'_>, _: Ttl) -> Result<Ttl, WriteViolation> {
            Err(WriteViolation::InvalidKey)
        }
    }
    let host = Host::new().expect("a host");
    let options = MapOptions::new().write_rule(ReadOnly);
    let map = host.map(&options).expect("a map");
    let log = Arc::new(Log::default());
    let mut app = Apps::new(&Config::new()).observed(map, log.clone());
    app.call(|app, mut store| {
        app.call_set(&mut store, b"k", b"v", NEVER)?
            .expect_err("no writes");
        app.call_get(&mut store, b"k")
    })
    .expect("alive");
    let rejected = CallOutcome::Rejected(Rejection::InvalidKey);
    let expected = [
        (Operation::Set, 1, rejected),
        (Operation::Get, 1, CallOutcome::Miss),
    ];
    assert_eq!(log.take(), expected);
}

#[test]
fn sees_that_the_map_is_terminated() {
    let handle = CancelHandle::new();
    let host = Host::new().expect("a host");
    let options = MapOptions::new().cancel_with(&handle);
    let map = host.map(&options).expect("a map");
    let log = Arc::new(Log::default());
    let mut app = Apps::new(&Config::new()).observed(map, log.clone());
    handle.cancel();
    app.call(|app, store| app.call_set(store, b"k", b"v", NEVER))
        .expect_err("it is terminated");
    assert_eq!(log.take(), [(Operation::Set, 1, CallOutcome::Terminated)]);
}
