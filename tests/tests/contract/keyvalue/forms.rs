//! The components that such guests become, and what `inspect` prints about them.

use super::DRAFTS;
use localmap::{
    Buckets, Host, Incompatibility, KEYVALUE_ADAPTER, Limits, LinkedMap, MapOptions, PlugError,
    PlugOptions, Ttl, bucket_key, inspect, plug, plug_with, with_keyvalue,
};
use localmap_tests::{guest, localmap};
use std::time::Duration;

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(guest(name)).expect("a guest")
}

fn imports(component: &[u8]) -> Vec<String> {
    let found = inspect(component).expect("a component");
    found
        .imports
        .into_iter()
        .map(|import| import.name)
        .collect()
}

/// A component can only do what it imports.
#[test]
fn the_adapter_imports_the_map_and_nothing_else() {
    assert_eq!(
        imports(KEYVALUE_ADAPTER),
        [localmap::names::LOCAL_MAP, localmap::names::BLOCKS]
    );
    let found = inspect(KEYVALUE_ADAPTER).expect("a component");
    assert_eq!(found.app, []);
    let exports: Vec<&str> = found
        .exports
        .iter()
        .map(|export| export.name.as_str())
        .collect();
    let expected = localmap::names::KEYVALUE_DRAFTS.map(|draft| {
        ["store", "atomics", "batch"].map(|name| format!("wasi:keyvalue/{name}@{draft}"))
    });
    let (own, drafts) = exports.split_last().expect("exports");
    assert_eq!(drafts, expected.as_flattened());
    // Spin's form of `batch`.
    assert_eq!(*own, "localmap:keyvalue/batch-by-key@0.1.0");
    let path = localmap_tests::root().join("host/localmap/src/artifact/keyvalue.wasm");
    assert_eq!(std::fs::read(path).expect("a file"), KEYVALUE_ADAPTER);
}

#[test]
fn the_map_component_does_not_mention_wasi_keyvalue() {
    let map = localmap::MAP_COMPONENT;
    assert!(!map.windows(13).any(|bytes| bytes == b"wasi:keyvalue"));
}

#[test]
fn an_app_of_wasi_keyvalue_becomes_one_of_the_map() {
    for name in ["kv-draft", "kv-draft2", "kv-both"] {
        let app = with_keyvalue(&bytes(name), &Buckets::new()).expect("it fits");
        let found = imports(&app);
        assert!(
            found.contains(&localmap::names::LOCAL_MAP.to_owned()),
            "{found:?}"
        );
        assert!(
            !found.iter().any(|name| name.contains("keyvalue")),
            "{found:?}"
        );
        assert_eq!(inspect(&app).expect("a component").app, []);
        let plugged = plug(&app, &Limits::default().for_buckets()).expect("it fits");
        let directly = plug(&bytes(name), &Limits::default()).expect("it fits");
        for plugged in [plugged, directly] {
            let found = imports(&plugged);
            assert!(
                found.iter().all(|name| name.starts_with("wasi:")),
                "{found:?}"
            );
            assert!(
                !found.iter().any(|name| name.contains("keyvalue")),
                "{found:?}"
            );
        }
    }
}

/// Guests import no more than they use.
#[test]
fn a_part_of_an_interface_is_served_too() {
    for draft in localmap::names::KEYVALUE_DRAFTS {
        for (name, function) in [("store", ""), ("atomics", ""), ("batch", "")] {
            let app = format!(
                r#"(component (import "wasi:keyvalue/{name}@{draft}" (instance {function})))"#
            );
            let app = wat::parse_str(app).expect("valid text");
            assert_eq!(inspect(&app).expect("a component").app, []);
            let plugged = plug(&app, &Limits::default()).expect("it fits");
            assert!(
                imports(&plugged).iter().all(
                    |name| name.starts_with("wasi:clocks/") || name.starts_with("wasi:random/")
                )
            );
        }
    }
}

#[test]
fn other_versions_and_other_types_are_refused_by_name() {
    for (import, words) in [
        (
            "wasi:keyvalue/store@0.2.0-draft3",
            "0.2.0-draft and 0.2.0-draft2",
        ),
        ("wasi:keyvalue/store@0.2.0", "0.2.0-draft and 0.2.0-draft2"),
        (
            "wasi:keyvalue/readwrite@0.2.0-draft",
            "wasi:keyvalue/readwrite@0.2.0-draft",
        ),
    ] {
        let app = wat::parse_str(format!(r#"(component (import "{import}" (instance)))"#));
        let app = app.expect("valid text");
        let reasons = inspect(&app).expect("a component").app;
        let [reason @ Incompatibility::OtherKeyvalue { .. }] = reasons.as_slice() else {
            panic!("{reasons:?}");
        };
        let expected = reason.to_string();
        assert!(
            expected.contains(words) && expected.contains(import),
            "{expected}"
        );
        assert!(matches!(
            plug(&app, &Limits::default()),
            Err(PlugError::Incompatible { .. })
        ));
    }
    let app = r#"(component (import "wasi:keyvalue/store@0.2.0-draft" (instance
        (export "open" (func (result u32))))))"#;
    let app = wat::parse_str(app).expect("valid text");
    let reasons = inspect(&app).expect("a component").app;
    assert!(
        matches!(reasons.as_slice(), [Incompatibility::OtherTypes { .. }]),
        "{reasons:?}"
    );
}

#[test]
fn an_app_without_buckets_gets_no_adapter() {
    let probe = bytes("probe");
    let refused = with_keyvalue(&probe, &Buckets::new());
    assert!(matches!(
        refused,
        Err(PlugError::Incompatible {
            source: Incompatibility::NoKeyvalueImport,
            ..
        })
    ));
    let options = PlugOptions::new().buckets(Buckets::new().ttl("b", Duration::from_secs(1)));
    assert!(matches!(
        plug_with(&probe, &options),
        Err(PlugError::Incompatible {
            source: Incompatibility::NoKeyvalueImport,
            ..
        })
    ));
}

/// Hosts that watch a store call the watcher, and a map does not.
#[test]
fn a_watcher_is_left_out() {
    let app = r#"(component
        (import "wasi:keyvalue/store@0.2.0-draft" (instance $store (export "bucket" (type (sub resource)))))
        (instance $watcher)
        (export "wasi:keyvalue/watcher@0.2.0-draft" (instance $watcher)))"#;
    let app = wat::parse_str(app).expect("valid text");
    let plugged = plug(&app, &Limits::default()).expect("it fits");
    let exports = inspect(&plugged).expect("a component").exports;
    let of_the_host = [localmap::names::CONTROL, localmap::names::CHANGES];
    assert!(
        exports
            .iter()
            .all(|export| of_the_host.contains(&export.name.as_str())),
        "{exports:?}"
    );
}

#[test]
fn inspect_says_that_the_map_serves_it() {
    for (name, draft) in DRAFTS.into_iter().zip(localmap::names::KEYVALUE_DRAFTS) {
        let text = localmap().arg("inspect").arg(guest(name)).run().ok();
        let expected = format!("  wasi:keyvalue {draft}: served by the map\n");
        assert!(text.contains(&expected), "{text}");
        let expected = "yes: it gets a map of its own, which holds its buckets of wasi:keyvalue\n";
        assert!(text.contains(&format!("  run    {expected}")), "{text}");
        let json = localmap()
            .args(["inspect", "--json"])
            .arg(guest(name))
            .run()
            .ok();
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["keyvalue"], serde_json::json!([draft]));
        assert_eq!(json["app"]["fits"], serde_json::json!(true));
    }
}

/// A plugged guest runs anywhere; this test runs it with the program.
#[test]
fn a_plugged_guest_brings_its_buckets_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("plugged.wasm");
    for name in DRAFTS {
        localmap()
            .args(["plug", "--bucket-ttl", "b=10s", "-o"])
            .arg(&out)
            .arg(guest(name))
            .run()
            .ok();
        let printed = localmap()
            .args(["run", "--clock", "unix"])
            .arg(&out)
            .args("set b k v then set 255*n 255*k v then line then line then get b k then get 255*n 255*k".split(' '))
            .run_with(b"1431857103\n1431857114\n")
            .ok();
        assert!(printed.ends_with("\nnone\nv\n"), "{printed}");
    }
}

/// The host writes entries that the app reads, and reads those that the app writes.
#[test]
fn a_host_finds_the_keys_of_buckets() {
    let host = Host::new().expect("a host");
    let options = MapOptions::new().limits(Limits::default().for_buckets());
    let mut linked = LinkedMap::new(host.map(&options).expect("a map"));
    let key = bucket_key(&"n".repeat(255), &"k".repeat(255)).expect("a key");
    let mut map = linked.map();
    map.set(&key, b"v", Ttl::Default).expect("room");
    assert_eq!(map.get(&key).expect("alive").as_deref(), Some(&b"v"[..]));
}
