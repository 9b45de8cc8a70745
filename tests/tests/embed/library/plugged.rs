//! An app and its map in one component, in a store of the embedder.

use localmap::{Control, Limits, MemoryLimiter, Preload, PreloadError, Ttl, plug, wasmtime};

/// A plugged app in an embedder's store.
fn instantiate(
    plugged: &[u8],
) -> (
    wasmtime::Store<MemoryLimiter>,
    wasmtime::component::Instance,
    Control,
) {
    let mut config = wasmtime::Config::new();
    config.concurrency_support(false);
    let engine = wasmtime::Engine::new(&config).expect("an engine");
    let component = wasmtime::component::Component::new(&engine, plugged).expect("valid");
    let mut linker = wasmtime::component::Linker::<MemoryLimiter>::new(&engine);
    linker
        .instance("wasi:clocks/monotonic-clock@0.2.0")
        .expect("a name")
        .func_wrap("now", |_, (): ()| Ok((0u64,)))
        .expect("a function");
    linker
        .instance("wasi:random/insecure-seed@0.2.0")
        .expect("a name")
        .func_wrap("insecure-seed", |_, (): ()| Ok(((1u64, 2u64),)))
        .expect("a function");
    let mut store = wasmtime::Store::new(&engine, MemoryLimiter::new(16 << 20));
    store.limiter(|limiter| limiter);
    let instance = linker.instantiate(&mut store, &component).expect("it fits");
    let control = Control::find(&mut store, &component, &instance)
        .expect("the contract's")
        .expect("it is there");
    (store, instance, control)
}

/// In an embedder's store, the map has the limits that it was plugged with, and `control` is
/// available next to the exports of the app.
#[test]
fn a_plugged_app_in_an_embedders_store() {
    let app = wat::parse_str(
        r#"(component
            (import "localmap:core/local-map@0.1.0" (instance $map
                (export "len" (func (result u64)))))
            (export "count" (func $map "len")))"#,
    )
    .expect("valid text");
    let plugged = plug(&app, &Limits::default().max_entries(2)).expect("it fits");

    let (mut store, instance, control) = instantiate(&plugged);
    assert_eq!(control.limits(&mut store).expect("alive").max_entries, 2);
    let entries: Vec<Preload> = (0..3u8)
        .map(|key| Preload {
            key: vec![key],
            value: Vec::new(),
            ttl: Ttl::Default,
        })
        .collect();
    let refused = control.preload(&mut store, &entries).expect("alive");
    let refused = refused.expect_err("no room");
    assert!(matches!(refused, PreloadError::Refused { index: 2, .. }));
    let count = instance
        .get_typed_func::<(), (u64,)>(&mut store, "count")
        .expect("it is exported");
    assert_eq!(count.call(&mut store, ()).expect("alive"), (2,));
    assert_eq!(control.stats(&mut store).expect("alive").writes, 2);
    control.clear(&mut store).expect("alive");
    assert_eq!(count.call(&mut store, ()).expect("alive"), (0,));
    assert_eq!(control.sweep(&mut store, 10).expect("alive"), 0);
}

/// An app that holds a pin: `hold` pins the key `k`, and `length` returns the length of its
/// value, whatever happens to the key, until `release`.
#[test]
fn rule_9_pins_of_a_plugged_app_are_its_own() {
    let app = wat::parse_str(
        r#"(component
            (import "localmap:core/local-map@0.1.0" (instance $map
                (type $kf (variant (case "empty") (case "too-long" u64) (case "not-utf8")))
                (export "key-fault" (type $key-fault (eq $kf)))
                (type $e (variant (case "invalid-key" $key-fault) (case "value-too-large" u64)
                    (case "invalid-ttl") (case "full") (case "conflict" (option u64))
                    (case "not-a-counter") (case "overflow")))
                (export "error" (type $error (eq $e)))
                (export "pinned" (type $pinned (sub resource)))
                (export "[method]pinned.value"
                    (func (param "self" (borrow $pinned)) (result (list u8))))
                (export "pin" (func (param "key" (list u8))
                    (result (result (option (own $pinned)) (error $error)))))))
            (alias export $map "pinned" (type $pinned))
            (core module $libc
                (memory (export "memory") 1)
                (global $end (mut i32) (i32.const 1024))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and
                        (i32.add (global.get $end) (i32.const 7)) (i32.const -8)))
                    (global.set $end (i32.add (local.get $at) (local.get 3)))
                    (local.get $at)))
            (core instance $libc (instantiate $libc))
            (alias core export $libc "memory" (core memory $memory))
            (alias core export $libc "realloc" (core func $realloc))
            (core func $pin (canon lower (func $map "pin")
                (memory $memory) (realloc $realloc)))
            (core func $value (canon lower (func $map "[method]pinned.value")
                (memory $memory) (realloc $realloc)))
            (core func $drop (canon resource.drop $pinned))
            (core module $app
                (import "libc" "memory" (memory 1))
                (import "map" "pin" (func $pin (param i32 i32 i32)))
                (import "map" "value" (func $value (param i32 i32)))
                (import "map" "drop" (func $drop (param i32)))
                (data (i32.const 0) "k")
                (global $held (mut i32) (i32.const 0))
                ;; 0: held, 1: not there, 2: refused
                (func (export "hold") (result i32)
                    (call $pin (i32.const 0) (i32.const 1) (i32.const 16))
                    (if (i32.load8_u (i32.const 16)) (then (return (i32.const 2))))
                    (if (i32.eqz (i32.load8_u (i32.const 24))) (then (return (i32.const 1))))
                    (global.set $held (i32.load (i32.const 28)))
                    (i32.const 0))
                (func (export "length") (result i32)
                    (call $value (global.get $held) (i32.const 64))
                    (i32.load (i32.const 68)))
                (func (export "release") (call $drop (global.get $held))))
            (core instance $app (instantiate $app
                (with "libc" (instance $libc))
                (with "map" (instance
                    (export "pin" (func $pin))
                    (export "value" (func $value))
                    (export "drop" (func $drop))))))
            (func (export "hold") (result u32) (canon lift (core func $app "hold")))
            (func (export "length") (result u32) (canon lift (core func $app "length")))
            (func (export "release") (canon lift (core func $app "release"))))"#,
    )
    .expect("valid text");
    let plugged = plug(&app, &Limits::default().max_pins(1)).expect("it fits");
    let (mut store, instance, control) = instantiate(&plugged);
    let call = |name: &str, store: &mut wasmtime::Store<MemoryLimiter>| -> u32 {
        let call = instance
            .get_typed_func::<(), (u32,)>(&mut *store, name)
            .expect("it is exported");
        call.call(store, ()).expect("alive").0
    };
    assert_eq!(call("hold", &mut store), 1);
    let entry = Preload {
        key: b"k".to_vec(),
        value: vec![7; 5000],
        ttl: Ttl::Never,
    };
    let stored = control.preload(&mut store, std::slice::from_ref(&entry));
    stored.expect("alive").expect("room");
    assert_eq!(call("hold", &mut store), 0);
    control.clear(&mut store).expect("alive");
    assert_eq!(call("length", &mut store), 5000);
    let stats = control.stats(&mut store).expect("alive");
    assert!(stats.pinned >= 5000);
    let stored = control.preload(&mut store, &[entry]);
    stored.expect("alive").expect("room");
    assert_eq!(call("hold", &mut store), 2);
    let release = instance
        .get_typed_func::<(), ()>(&mut store, "release")
        .expect("it is exported");
    release.call(&mut store, ()).expect("alive");
    assert_eq!(control.stats(&mut store).expect("alive").pinned, 0);
    assert_eq!(call("hold", &mut store), 0);
}
