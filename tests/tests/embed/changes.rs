//! What a watched map tells its host: every write, wherever it comes from, and nothing that a lying component
//! could do harm with.

use localmap::{
    Became, Change, Changes, Condition, Host, HostOptions, Limits, LinkedMap, LocalMap,
    ManualClock, MapOptions, Policy, Preload, TenantClass, Tenants, TenantsOptions,
    TerminationCause, Ttl, WatchError, lock,
};
use localmap_tests::provider;
use std::collections::BTreeMap;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Returns all changes, and asserts that none is lost.
fn all(map: &mut LocalMap) -> Vec<(Vec<u8>, Became)> {
    let mut changed = Vec::new();
    loop {
        let changes: Changes = map.changes().expect("live");
        assert!(!changes.lost);
        let told = changes.changed.into_iter();
        changed.extend(told.map(|change| (change.key, change.became)));
        if !changes.more {
            return changed;
        }
    }
}

fn stored(keys: &[&str]) -> Vec<(Vec<u8>, Became)> {
    let stored = |key: &&str| (key.as_bytes().to_vec(), Became::Stored);
    keys.iter().map(stored).collect()
}

#[test]
fn the_writes_of_every_door_are_told() {
    let options = TenantsOptions::new().class(TenantClass::new("all"));
    let tenants = Tenants::new(&Host::new().expect("a host"), options).expect("in their range");
    let guard = tenants.checkout(b"a").expect("a map");
    let map = guard.shared().expect("one shard");
    lock(&map).watch(10_000).expect("memory");

    guard.set(b"checkout", b"", Ttl::Never).expect("room");
    let another = tenants.checkout(b"a").expect("a map");
    another.increment(b"another", 1, Ttl::Never).expect("room");
    lock(&map).set(b"map", b"", Ttl::Never).expect("room");
    let entry = Preload {
        key: b"preload".to_vec(),
        value: Vec::new(),
        ttl: Ttl::Never,
    };
    lock(&map).preload(&[entry]).expect("room");
    let mut linked = LinkedMap::from_shared(map.clone());
    let change = Change::SetIf {
        key: b"linked",
        value: b"",
        ttl: Ttl::Never,
        condition: Condition::Absent,
    };
    linked.map().apply(&[change]).expect("room");
    let expected = stored(&["checkout", "another", "map", "preload", "linked"]);
    assert_eq!(all(&mut lock(&map)), expected);
}

/// The copy of an owner who asks now and then, and reads only what has changed.
#[test]
fn a_copy_that_follows_becomes_equal() {
    let clock = ManualClock::new();
    for policy in [Policy::Refuse, Policy::Lru, Policy::S3Fifo] {
        let limits = Limits::default().max_entries(300).policy(policy);
        let options = MapOptions::new().clock(clock.clone()).limits(limits);
        let mut map = Host::new().expect("a host").map(&options).expect("a map");
        let mut random = fastrand::Rng::with_seed(7);
        let mut copy = BTreeMap::new();
        map.watch(2000).expect("memory");
        let mut lost = 0;
        for round in 0..300 {
            for _ in 0..random.u32(..100) {
                step(&mut map, &mut random);
            }
            clock.advance(Duration::from_nanos(random.u64(..5)));
            lost += follow(&mut map, &mut copy);
            assert_eq!(copy, contents(&mut map), "{policy:?}, round {round}");
        }
        assert!(lost > 0 && lost < 150, "{lost} rounds with a loss");
    }
}

fn step(map: &mut LocalMap, random: &mut fastrand::Rng) {
    let key = format!("key {}", random.u32(..500)).into_bytes();
    let ttl = match random.u32(..3) {
        0 => Ttl::Never,
        _ => Ttl::After(Duration::from_nanos(random.u64(1..50))),
    };
    match random.u32(..200) {
        0..100 => _ = map.set(&key, &[7; 20], ttl),
        100..120 => _ = map.touch(&key, ttl),
        120..140 => _ = map.delete(&key),
        140..160 => _ = map.take(&key),
        160..170 => _ = map.get(&key),
        170..180 => _ = map.sweep(3),
        199 => _ = map.clear(),
        _ => {
            let set = Change::Set {
                key: &key,
                value: b"batch",
                ttl,
            };
            _ = map.apply(&[set, Change::Delete { key: b"key 1" }]);
        }
    }
}

type Contents = BTreeMap<Vec<u8>, localmap::Entry>;

/// Returns all entries.
fn contents(map: &mut LocalMap) -> Contents {
    let mut entries = BTreeMap::new();
    let visited = map.visit(b"", |found| {
        entries.insert(found.key, found.entry);
        std::ops::ControlFlow::Continue(())
    });
    visited.expect("live");
    entries
}

/// Reads what has changed, or everything after a loss. Returns the number of losses.
fn follow(map: &mut LocalMap, copy: &mut Contents) -> u32 {
    let mut lost = 0;
    loop {
        let changes = map.changes().expect("live");
        if changes.lost {
            lost = 1;
            *copy = contents(map);
        }
        let keys: Vec<&[u8]> = changes.changed.iter().map(|change| &*change.key).collect();
        for (key, entry) in keys.iter().zip(map.peek(&keys).expect("live")) {
            match entry {
                Some(entry) => _ = copy.insert(key.to_vec(), entry),
                None => _ = copy.remove(*key),
            }
        }
        if !changes.more {
            break;
        }
    }
    // The remaining times of the others have become less.
    let keys: Vec<&[u8]> = copy.keys().map(Vec::as_slice).collect();
    let entries = map.peek(&keys).expect("live");
    for (entry, now) in copy.values_mut().zip(entries) {
        let now = now.expect("what the copy has, the map has");
        assert_eq!((entry.version, &entry.value), (now.version, &now.value));
        entry.expires_in = now.expires_in;
    }
    lost
}

#[test]
fn the_list_takes_memory_of_the_store_and_gives_it_back() {
    let limits = Limits::default().max_bytes(128 << 10);
    let options = MapOptions::new().limits(limits).max_memory(2 << 20);
    let mut map = Host::new().expect("a host").map(&options).expect("a map");
    let before = map.stats().expect("live").bytes;
    map.watch(65_536).expect("memory");
    let memory = map.memory();
    for _ in 0..100 {
        map.watch(0).expect("live");
        map.watch(65_536).expect("memory");
    }
    assert_eq!(map.memory(), memory);
    assert_eq!(map.stats().expect("live").bytes, before);
    // No more than there is, and the map goes on without.
    let options = MapOptions::new().max_memory(1 << 20);
    let mut small = Host::new().expect("a host").map(&options).expect("a map");
    let error = small.watch(1 << 20).expect_err("the store is too small");
    assert!(matches!(error, WatchError::NoMemory), "{error:?}");
    assert!(small.changes().expect("live").lost);
    small.set(b"k", b"v", Ttl::Never).expect("room");
}

#[test]
fn a_touch_changes_neither_value_nor_version() {
    let clock = ManualClock::new();
    let options = MapOptions::new().clock(clock.clone());
    let mut map = Host::new().expect("a host").map(&options).expect("a map");
    let version = map.set(b"k", b"v", Ttl::Never).expect("room");
    map.watch(1000).expect("memory");
    map.touch(b"k", Ttl::After(SECOND)).expect("room");
    let changes = map.changes().expect("live");
    assert_eq!(changes.changed[0].became, Became::Touched);
    assert!(changes.due_in.is_some_and(|left| left <= SECOND));
    let entries = map.peek(&[b"k"]).expect("live");
    let entry = entries[0].as_ref().expect("present");
    assert_eq!((entry.version, entry.expires_in), (version, Some(SECOND)));
}

/// Returns the map of a component that answers to one function in this way.
fn liar(name: &str, body: &str) -> LocalMap {
    let component = wat::parse_str(provider(&[(name, body)], "", 20)).expect("valid text");
    let host = Host::with_component(&component, &HostOptions::new()).expect("it fits");
    host.map(&MapOptions::new()).expect("it starts")
}

fn fault(error: &WatchError) -> String {
    let WatchError::Terminated { source, .. } = error else {
        panic!("{error:?}");
    };
    let TerminationCause::Fault { source, .. } = source.cause() else {
        panic!("{error:?}");
    };
    source.root_cause().to_string()
}

#[test]
fn a_map_that_tells_more_than_the_contract_allows_terminates() {
    let list = |len: u32| {
        format!(
            "(i32.store (i32.const 64) (i32.const 128)) (i32.store (i32.const 68) (i32.const {len}))
             (i32.const 64)"
        )
    };
    let mut map = liar("drain", &list(4097));
    let error = map.changes().expect_err("one too many");
    assert!(fault(&error).contains("drain returned too much"), "{error}");
    assert!(map.len().is_err() && map.memory() == 0);
    assert_eq!(
        liar("drain", &list(4096))
            .changes()
            .expect("live")
            .changed
            .len(),
        4096
    );

    let long = "(i32.store (i32.const 64) (i32.const 128)) (i32.store (i32.const 68) (i32.const 1))
        (i32.store (i32.const 132) (i32.const 513)) (i32.const 64)";
    let error = liar("drain", long).changes().expect_err("a long key");
    assert!(fault(&error).contains("drain returned too much"), "{error}");

    let error = liar("peek", &list(2)).peek(&[b"k"]).expect_err("one key");
    assert!(fault(&error).contains("peek returned"), "{error}");
    let error = liar("peek", &list(0)).peek(&[b"k"]).expect_err("one key");
    assert!(fault(&error).contains("peek returned"), "{error}");

    let error = liar("watch", "i32.const 2").watch(1).expect_err("a case");
    assert!(fault(&error).contains("discriminant: 2"), "{error}");
    let error = liar("watch", "i32.const 1")
        .watch(1)
        .expect_err("no memory");
    assert!(matches!(error, WatchError::NoMemory), "{error:?}");
}
