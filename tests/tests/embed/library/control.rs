//! `Control` in stores whose calls are async.

use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{Config, Engine, Store};
use localmap::{
    ConfigureError, Control, Limits, MemoryLimiter, Policy, Preload, PreloadError, SetError, Ttl,
    plug,
};

use crate::link::apps::block_on;

/// An app that imports an async function of its host, and a map.
const APP: &str = r#"(component
    (import "wait" (func $wait))
    (import "localmap:core/local-map@0.1.0" (instance $map
        (export "len" (func (result u64)))))
    (core func $wait (canon lower (func $wait)))
    (core module $app
        (import "host" "wait" (func $wait))
        (func (export "wait") (call $wait)))
    (core instance $app (instantiate $app
        (with "host" (instance (export "wait" (func $wait))))))
    (func (export "wait") (canon lift (core func $app "wait")))
    (export "count" (func $map "len")))"#;

/// Engines without concurrency and with it.
fn engines() -> [Engine; 2] {
    [false, true].map(|is_concurrent| {
        let mut config = Config::new();
        match is_concurrent {
            false => localmap::set_features(&mut config),
            true => localmap::set_concurrent_features(&mut config),
        };
        Engine::new(&config).expect("an engine")
    })
}

fn linker(engine: &Engine) -> Linker<MemoryLimiter> {
    let mut linker = Linker::new(engine);
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.0");
    let clock = clock.as_mut().expect("a name");
    clock
        .func_wrap("now", |_, (): ()| Ok((0u64,)))
        .expect("a function");
    let mut seed = linker.instance("wasi:random/insecure-seed@0.2.0");
    let seed = seed.as_mut().expect("a name");
    seed.func_wrap("insecure-seed", |_, (): ()| Ok(((1u64, 2u64),)))
        .expect("a function");
    linker
}

/// A plugged app in a store that has an async import.
fn instance(engine: &Engine) -> (Store<MemoryLimiter>, Control) {
    let app = wat::parse_str(APP).expect("valid text");
    let plugged = plug(&app, &Limits::default().max_entries(2)).expect("it fits");
    let component = Component::new(engine, plugged).expect("valid");
    let mut linker = linker(engine);
    linker
        .root()
        .func_wrap_async("wait", |_, (): ()| Box::new(async { Ok(()) }))
        .expect("a function");
    let mut store = Store::new(engine, MemoryLimiter::new(16 << 20));
    store.limiter(|limiter| limiter);
    let instance = block_on(linker.instantiate_async(&mut store, &component)).expect("it fits");
    let control = Control::find(&mut store, &component, &instance)
        .expect("the contract's")
        .expect("it is there");
    (store, control)
}

fn entry(key: u8) -> Preload {
    Preload {
        key: vec![key],
        value: vec![7; 100],
        ttl: Ttl::Never,
    }
}

#[test]
fn its_async_form_works_where_an_import_is_async() {
    for engine in engines() {
        let (mut store, control) = instance(&engine);
        block_on(async {
            let limits = control.limits_async(&mut store).await.expect("alive");
            assert_eq!(limits.max_entries, 2);
            let entries = [entry(0), entry(1), entry(2)];
            let refused = control.preload_async(&mut store, &entries).await;
            let PreloadError::Refused { index, source, .. } =
                refused.expect("alive").expect_err("no room")
            else {
                panic!("it was refused");
            };
            assert_eq!(index, 2);
            assert!(matches!(source, SetError::Full));
            let stats = control.stats_async(&mut store).await.expect("alive");
            assert_eq!((stats.entries, stats.writes), (2, 2));

            // More entries are possible, another policy is not.
            let more = Limits::default().max_entries(3);
            let configured = control.configure_async(&mut store, &more).await;
            configured.expect("alive").expect("more than before");
            let stored = control.preload_async(&mut store, &entries).await;
            stored.expect("alive").expect("room");
            let less = Limits::default().max_entries(1).policy(Policy::Lru);
            let configured = control.configure_async(&mut store, &less).await;
            let refused = configured.expect("alive").expect_err("less than before");
            assert!(matches!(refused, ConfigureError::Lowered { .. }));

            let swept = control.sweep_async(&mut store, 10).await.expect("alive");
            assert_eq!(swept, 0);
            control.clear_async(&mut store).await.expect("alive");
            let stats = control.stats_async(&mut store).await.expect("alive");
            assert_eq!(stats.entries, 0);
        });
    }
}

#[test]
fn its_other_form_says_there_that_the_async_one_is_needed() {
    for engine in engines() {
        let (mut store, control) = instance(&engine);
        let errors = [
            control.limits(&mut store).err(),
            control.configure(&mut store, &Limits::default()).err(),
            control.preload(&mut store, &[entry(0)]).err(),
            control.stats(&mut store).err(),
            control.sweep(&mut store, 1).err(),
            control.clear(&mut store).err(),
        ];
        for error in errors {
            let error = error.expect("it cannot be called").to_string();
            assert!(error.contains("`*_async` functions"), "{error}");
        }
        // Nothing has changed.
        let stats = block_on(control.stats_async(&mut store)).expect("alive");
        assert_eq!((stats.entries, stats.writes), (0, 0));
    }
}

/// So that a host that does not know which form a store needs can always use the async one.
#[test]
fn its_async_form_works_in_other_stores_too() {
    let app = r#"(component (import "localmap:core/local-map@0.1.0" (instance)))"#;
    let app = wat::parse_str(app).expect("valid text");
    let plugged = plug(&app, &Limits::default()).expect("it fits");
    for engine in engines() {
        let component = Component::new(&engine, &plugged).expect("valid");
        let mut store = Store::new(&engine, MemoryLimiter::new(16 << 20));
        let instance = linker(&engine).instantiate(&mut store, &component);
        let instance = instance.expect("it fits");
        let control = Control::find(&mut store, &component, &instance);
        let control = control.expect("the contract's").expect("it is there");
        let stored = control.preload(&mut store, &[entry(0)]);
        stored.expect("alive").expect("room");
        let stats = block_on(control.stats_async(&mut store)).expect("alive");
        assert_eq!(stats.entries, 1);
        assert_eq!(control.stats(&mut store).expect("alive").entries, 1);
    }
}
