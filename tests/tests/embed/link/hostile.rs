//! Apps that exceed limits, in any order.

use super::apps::{Apps, wit};
use super::{NEVER, map};
use localmap::wasmtime::Config;
use localmap::wasmtime::component::Component;
use localmap::{Host, Limits, MapOptions};

#[test]
fn keys_and_values_over_any_limit_are_refused_and_absent() {
    let mut app = Apps::new(&Config::new()).app(map());
    let huge = vec![7; 30 << 20];
    app.call(|app, mut store| {
        let store = &mut store;
        assert_eq!(app.call_get(&mut *store, &huge)?, None);
        assert!(app.call_get_entry(&mut *store, &huge)?.is_none());
        assert!(!app.call_contains(&mut *store, &huge)?);
        assert_eq!(app.call_take(&mut *store, &huge)?, None);
        assert!(!app.call_delete(&mut *store, &huge)?);
        assert!(app.call_delete_if(&mut *store, &huge, 1)?.is_err());
        assert!(app.call_set(&mut *store, &huge, b"", NEVER)?.is_err());
        assert!(app.call_set(&mut *store, b"k", &huge, NEVER)?.is_err());
        assert!(app.call_increment(&mut *store, &huge, 1, NEVER)?.is_err());
        assert!(app.call_touch(&mut *store, &huge, NEVER)?.is_err());
        assert!(matches!(app.call_pin(&mut *store, &huge)?, Ok(None)));
        let page = app.call_scan(&mut *store, &huge, u64::MAX, u32::MAX)?;
        assert!(page.entries.is_empty() && page.next.is_none());
        assert_eq!(app.call_get_many(&mut *store, &[&huge])?, [None]);
        let change = wit::Change::Set(wit::SetChange {
            key: b"k",
            value: &huge,
            ttl: NEVER,
        });
        let refused = app.call_apply(&mut *store, &[change])?;
        assert!(matches!(refused, Err((0, wit::Error::Full))));
        assert_eq!(app.call_len(store)?, 0);
        Ok(())
    })
    .expect("alive");
}

#[test]
fn many_keys_are_answered_in_part_and_the_rest_on_demand() {
    let mut app = Apps::new(&Config::new()).app(map());
    let keys: Vec<Vec<u8>> = (0..100_000u32).map(|n| n.to_le_bytes().to_vec()).collect();
    let asked: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    app.call(|app, mut store| {
        for key in asked.iter().step_by(1000) {
            app.call_set(&mut store, key, key, NEVER)?.expect("room");
        }
        let mut values = Vec::new();
        let mut calls = 0;
        while values.len() < asked.len() {
            let answer = app.call_get_many(&mut store, &asked[values.len()..])?;
            assert!(!answer.is_empty());
            values.extend(answer);
            calls += 1;
        }
        assert!(calls < 100, "{calls}");
        for (number, (key, value)) in asked.iter().zip(&values).enumerate() {
            let there = number % 1000 == 0;
            assert_eq!(value.as_deref(), there.then_some(*key));
        }
        Ok(())
    })
    .expect("alive");
}

#[test]
fn batches_are_as_long_as_the_contract_allows() {
    let mut app = Apps::new(&Config::new()).app(map());
    app.call(|app, mut store| {
        for (count, refused) in [(1024, None), (1025, Some(1024)), (100_000, Some(1024))] {
            let changes = vec![wit::Change::Delete(b"k"); count];
            let answer = app.call_apply(&mut store, &changes)?;
            match refused {
                None => assert_eq!(answer.map(|done| done.len()).ok(), Some(count)),
                Some(at) => assert!(matches!(answer, Err((n, wit::Error::Full)) if n == at)),
            }
        }
        Ok(())
    })
    .expect("alive");
}

#[test]
fn pins_are_bounded_and_given_back_at_once() {
    let host = Host::new().expect("a host");
    let options = MapOptions::new().limits(Limits::default().max_pins(3));
    // With concurrency, the first call with a pin that is gone ends the instance.
    let mut config = Config::new();
    localmap::set_features(&mut config);
    let mut app = Apps::new(&config).app(host.map(&options).expect("a map"));
    app.map()
        .set(b"k", &[1; 10_000], localmap::Ttl::Never)
        .expect("room");
    for _ in 0..1000 {
        let pins = app.call(|app, mut store| {
            let pins = [(); 3].map(|()| app.call_pin(&mut store, b"k"));
            let refused = app.call_pin(&mut store, b"k")?;
            assert!(matches!(refused, Err(wit::Error::Full)));
            Ok(pins.map(|pin| pin.expect("alive").expect("room").expect("there")))
        });
        for pin in pins.expect("alive") {
            assert!(app.map().stats().expect("alive").pinned >= 10_000);
            let value = app.call(|app, store| app.pinned().call_value(store, pin));
            assert_eq!(value.expect("alive"), [1; 10_000]);
            pin.resource_drop(&mut app.store).expect("alive");
            let again = app.call(|app, store| app.pinned().call_value(store, pin));
            assert!(again.is_err());
        }
        assert_eq!(app.map().stats().expect("alive").pinned, 0);
    }
}

/// An app that passes keys at an address of its memory. The key at address 16 is out of bounds.
const LIAR: &str = r#"(component
    (import "localmap:core/local-map@0.1.0" (instance $map
        (export "get-many" (func
            (param "keys" (list (list u8))) (result (list (option (list u8))))))))
    (core module $memory
        (memory (export "memory") 1)
        (data (i32.const 16) "\00\00\00\f0\05\00\00\00")
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $memory (instantiate $memory))
    (core func $ask (canon lower (func $map "get-many")
        (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core module $app
        (import "map" "ask" (func $ask (param i32 i32 i32)))
        (func (export "run") (param i32 i32)
            (call $ask (local.get 0) (local.get 1) (i32.const 512))))
    (core instance $app (instantiate $app
        (with "map" (instance (export "ask" (func $ask))))))
    (func (export "run") (param "at" u32) (param "count" u32)
        (canon lift (core func $app "run"))))"#;

#[test]
fn lists_outside_of_the_memory_of_the_app_end_it_and_not_the_map() {
    let apps = Apps::new(&Config::new());
    let linker = apps.linker();
    let liar = wat::parse_str(LIAR).expect("a component");
    let liar = Component::new(linker.engine(), liar).expect("it compiles");
    for (at, count, fine) in [
        (0, 2, true),
        (16, 1, false),
        (0, 3, false),
        (0xffff_0000, 10, false),
        (0, u32::MAX, false),
        (u32::MAX, 1, false),
    ] {
        let mut store = apps.store(map());
        let app = linker.instantiate(&mut store, &liar).expect("an instance");
        let run = app.get_typed_func::<(u32, u32), ()>(&mut store, "run");
        let done = run.expect("its export").call(&mut store, (at, count));
        assert_eq!(done.is_ok(), fine, "{at} {count}: {done:?}");
        let mut map = store.data_mut().map.map();
        assert_eq!(map.len().expect("alive"), 0);
    }
}
