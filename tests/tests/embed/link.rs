//! Apps in stores of an embedder, whose linker provides each store with its own map.
//!
//! The vectors check that such a map answers like any other: see `blocks` in the suite `contract`.

pub(crate) mod apps;
mod hostile;
mod observer;

use apps::{App, Apps, Tenant, block_on};
use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{Config, Engine, Store, Trap};
use localmap::{CancelHandle, Host, LinkedMap, LocalMap, MapOptions, MapTerminated};
use std::sync::{Arc, Mutex};
use std::thread;

const NEVER: apps::wit::Ttl = apps::wit::Ttl::Never;

fn map() -> LocalMap {
    let host = Host::new().expect("a host");
    host.map(&MapOptions::new()).expect("a map")
}

/// The example app, which traps if it receives more than 60,000 bytes.
fn limiter(linker: &mut Linker<Tenant>) -> Component {
    let text = localmap_tests::root().join("host/localmap/examples/limiter.wat");
    let bytes = wat::parse_file(text).expect("a component");
    let mut root = linker.root();
    root.func_wrap("log", |_, (_text,): (String,)| Ok(()))
        .expect("its other import");
    Component::new(linker.engine(), bytes).expect("it compiles")
}

#[test]
fn each_store_has_a_map_of_its_own() {
    let apps = Apps::new(&Config::new());
    let (mut one, mut other) = (apps.app(map()), apps.app(map()));
    for (app, value) in [(&mut one, b"1"), (&mut other, b"2")] {
        app.call(|app, store| app.call_set(store, b"k", value, NEVER))
            .expect("alive")
            .expect("room");
    }
    for (app, value) in [(&mut one, b"1"), (&mut other, b"2")] {
        let found = app.call(|app, store| app.call_get(store, b"k"));
        assert_eq!(found.expect("alive").as_deref(), Some(&value[..]));
        assert_eq!(app.map().get(b"k").expect("alive"), Some(value.to_vec()));
        assert_eq!(app.map().stats().expect("alive").entries, 1);
    }
}

#[test]
fn the_engine_may_be_one_of_the_hosts_or_any_other() {
    let mut configs = [Config::new(), Config::new(), Config::new()];
    configs[0].concurrency_support(false);
    configs[1].consume_fuel(true);
    configs[2]
        .epoch_interruption(true)
        .max_wasm_stack(256 << 10);
    for config in &configs {
        let mut app = Apps::new(config).app(map());
        let len = app.call(|app, store| app.call_len(store));
        assert_eq!(len.expect("alive"), 0);
    }
    let host = Host::new().expect("a host");
    let apps = Apps::in_engine(host.as_ref().clone());
    let mut app = apps.app(host.map(&MapOptions::new()).expect("a map"));
    let len = app.call(|app, store| app.call_len(store));
    assert_eq!(len.expect("alive"), 0);
}

#[test]
fn stores_whose_calls_are_async_are_served_too() {
    let mut config = Config::new();
    config.epoch_interruption(true);
    let engine = Engine::new(&config).expect("an engine");
    let apps = Apps::in_engine(engine.clone());
    block_on(async {
        let mut store = apps.store(map());
        // It yields whenever the epoch has advanced, before it ends.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let app = apps.instantiate_async(&mut store).await;
        for n in 0..100u8 {
            engine.increment_epoch();
            let never = apps::wit_async::Ttl::Never;
            let stored = app.call_set(&mut store, &[n], &[n; 1000], never).await;
            let version = stored.expect("alive").expect("room");
            assert_eq!(version, u64::from(n) + 1);
            let found = app.call_get(&mut store, &[n]).await.expect("alive");
            assert_eq!(found, Some(vec![n; 1000]));
        }
        let pin = app.call_pin(&mut store, &[7]).await.expect("alive");
        let pin = pin.expect("room").expect("it is there");
        pin.resource_drop_async(&mut store).await.expect("alive");
        let stats = store.data_mut().map.map().stats().expect("alive");
        assert_eq!((stats.entries, stats.pinned), (100, 0));
    });
}

#[test]
fn several_stores_may_share_a_map() {
    let apps = Apps::new(&Config::new());
    let shared = Arc::new(Mutex::new(map()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut app = apps.sharing(&shared);
                for _ in 0..250 {
                    let counted = app.call(|app, store| app.call_increment(store, b"n", 1, NEVER));
                    counted.expect("alive").expect("room");
                }
            });
        }
    });
    let counter = |map: &mut LocalMap| map.get(b"n").expect("alive");
    let thousand = Some(1_000i64.to_le_bytes().to_vec());
    assert_eq!(counter(&mut shared.lock().expect("no panic")), thousand);

    // The pins of an app are released with its store, and those of others are not.
    let (mut one, mut other) = (apps.sharing(&shared), apps.sharing(&shared));
    for app in [&mut one, &mut other] {
        let pinned = app.call(|app, store| app.call_pin(store, b"n"));
        assert!(pinned.expect("alive").expect("room").is_some());
    }
    drop(one);
    let len = other.call(|app, store| app.call_len(store));
    assert_eq!(len.expect("alive"), 1);
    assert!(other.map().stats().expect("alive").pinned > 0);
    drop(other);
    let mut last = apps.sharing(&shared);
    let len = last.call(|app, store| app.call_len(store));
    assert_eq!(len.expect("alive"), 1);
    assert_eq!(last.map().stats().expect("alive").pinned, 0);

    // If it ends, it ends for all.
    last.map().cancel_handle().cancel();
    let ended = apps.sharing(&shared).call(|app, store| app.call_len(store));
    assert!(ended.expect_err("it is terminated").is::<MapTerminated>());
}

#[test]
fn what_ends_the_app_leaves_the_map() {
    let apps = Apps::new(&Config::new());
    let mut linker = apps.linker();
    let app = limiter(&mut linker);
    let mut store = apps.store(map());
    let app = linker.instantiate(&mut store, &app).expect("an instance");
    let allow = app
        .get_typed_func::<(&[u8],), (bool,)>(&mut store, "allow")
        .expect("its export");
    let allowed = allow.call(&mut store, (b"client",)).expect("alive");
    assert_eq!(allowed, (true,));
    let trapped = allow.call(&mut store, (&[0; 100_000],));
    let trap = trapped.expect_err("it traps");
    assert_eq!(trap.downcast_ref(), Some(&Trap::UnreachableCodeReached));
    allow
        .call(&mut store, (b"client",))
        .expect_err("it is over");

    let mut map = store.data_mut().map.map();
    assert_eq!(map.stats().expect("alive").writes, 1);
    let counter = map.get(b"client").expect("alive");
    assert_eq!(counter, Some(1i64.to_le_bytes().to_vec()));
    map.clear().expect("alive");
    assert_eq!(map.len().expect("alive"), 0);
}

#[test]
fn what_ends_the_map_ends_the_app_in_its_next_call() {
    let handle = CancelHandle::new();
    let host = Host::new().expect("a host");
    let options = MapOptions::new().cancel_with(&handle);
    let apps = Apps::new(&Config::new());
    let mut app = apps.app(host.map(&options).expect("a map"));
    let mut other = apps.app(map());
    app.call(|app, store| app.call_len(store)).expect("alive");
    handle.cancel();
    let error = app.call(|app, store| app.call_get(store, b"k"));
    let error = error.expect_err("it is terminated");
    let terminated: &MapTerminated = error.downcast_ref().expect("it says what it died of");
    assert!(matches!(
        terminated.cause(),
        localmap::TerminationCause::Cancelled
    ));
    assert!(
        format!("{error:#}").contains("it was cancelled"),
        "{error:#}"
    );
    other.call(|app, store| app.call_len(store)).expect("alive");
}

/// Here the app itself makes the map trap.
#[test]
fn a_trap_of_the_map_is_reported_with_the_maps_own_stack() {
    let text = localmap_tests::provider(&[("get", "unreachable")], "", 1);
    let bytes = wat::parse_str(text).expect("a component");
    let host = Host::with_component(&bytes, &localmap::HostOptions::new()).expect("a host");
    let apps = Apps::new(&Config::new());
    let mut app = apps.app(host.map(&MapOptions::new()).expect("a map"));
    let error = app.call(|app, store| app.call_get(store, b"k"));
    let error = error.expect_err("it traps");
    let terminated: &MapTerminated = error.downcast_ref().expect("it says what it died of");
    assert_eq!(
        terminated.cause().trap(),
        Some(Trap::UnreachableCodeReached)
    );
    assert!(app.map().get(b"k").is_err());
}

#[test]
fn others_may_look_at_the_map_meanwhile_and_after() {
    let apps = Apps::new(&Config::new());
    let mut app = apps.app(map());
    let shared = app.store.data().map.shared();
    let entries = || {
        let stats = shared.lock().expect("no panic").stats();
        stats.expect("alive").entries
    };
    thread::scope(|scope| {
        let look = scope.spawn(|| while entries() < 1000 {});
        for n in 0..1000u32 {
            app.call(|app, store| app.call_set(store, &n.to_le_bytes(), b"v", NEVER))
                .expect("alive")
                .expect("room");
        }
        look.join().expect("it sees the last one");
    });
    drop(app);
    assert_eq!(entries(), 1000);
}

#[test]
fn a_linker_accepts_the_map_once() {
    let apps = Apps::new(&Config::new());
    let mut linker = apps.linker();
    let again = localmap::add_to_linker(&mut linker, |tenant: &mut Tenant| &mut tenant.map);
    assert!(again.is_err());
    linker.allow_shadowing(true);
    localmap::add_to_linker(&mut linker, |tenant| &mut tenant.map).expect("now it may");
}

#[test]
fn a_linked_map_can_be_sent() {
    fn sent<T: Send>() {}
    fn shared<T: Send + Sync>() {}
    sent::<LinkedMap>();
    shared::<Linker<Tenant>>();
    sent::<Store<Tenant>>();
    sent::<App>();
}
