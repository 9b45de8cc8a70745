//! Observers, which see each operation.

use super::apps::{Apps, wit};
use super::{NEVER, map};
use localmap::wasmtime::Config;
use localmap::{
    CallOutcome, CancelHandle, Change, Host, MapOptions, Observer, Operation, Rejection, Ttl,
    WriteRule, WriteViolation,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Seen = (Operation, usize, CallOutcome);

#[derive(Default)]
struct Log {
    seen: Mutex<Vec<Seen>>,
}

impl Log {
    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().expect("no panic"))
    }
}

impl Observer for Log {
    fn observed(&self, operation: Operation, key_len: usize, outcome: CallOutcome, took: Duration) {
        assert!(took < Duration::from_secs(60));
        let mut seen = self.seen.lock().expect("no panic");
        seen.push((operation, key_len, outcome));
    }
}

#[test]
fn sees_each_operation_once() {
    let log = Arc::new(Log::default());
    let mut app = Apps::new(&Config::new()).observed(map(), log.clone());
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
    let refused = CallOutcome::Rejected;
    assert_eq!(
        log.take(),
        [
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
    );
    // The observer does not see operations of the host.
    app.map().get(b"key").expect("alive");
    assert_eq!(log.take(), []);
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
