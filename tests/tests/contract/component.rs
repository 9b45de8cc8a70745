//! The built map component: its imports, and its conformance to the contract.

use localmap::{inspect, plug};

fn committed() -> Vec<u8> {
    let path = localmap_tests::root().join("host/localmap/src/artifact/map.wasm");
    std::fs::read(path).expect("host/localmap/src/artifact/map.wasm")
}

/// A component can only do what it imports.
#[test]
fn it_imports_a_clock_and_a_seed_and_nothing_else() {
    let found = inspect(&committed()).expect("a component");
    let imports: Vec<(&str, &[String])> = found
        .imports
        .iter()
        .map(|import| (import.name.as_str(), import.functions.as_slice()))
        .collect();
    assert_eq!(
        imports,
        [
            ("wasi:clocks/monotonic-clock@0.2.0", &["now".to_owned()][..]),
            (
                "wasi:random/insecure-seed@0.2.0",
                &["insecure-seed".to_owned()][..]
            ),
        ]
    );
}

#[test]
fn it_fits_the_world_provider() {
    let found = inspect(&committed()).expect("a component");
    assert_eq!(found.provider, []);
    let exports: Vec<&str> = found
        .exports
        .iter()
        .map(|export| export.name.as_str())
        .collect();
    assert_eq!(
        exports,
        [
            localmap::names::LOCAL_MAP,
            localmap::names::BLOCKS,
            localmap::names::CONTROL,
            localmap::names::CHANGES,
        ]
    );
}

#[test]
fn it_has_one_memory_and_starts_with_one_page() {
    let found = inspect(&committed()).expect("a component");
    let [memory] = found.memories.as_slice() else {
        panic!("{:?}", found.memories);
    };
    assert_eq!(memory.initial, 65_536);
}

/// Composition connects the map to the app, but not its `control`.
#[test]
fn rule_12_authority_a_plugged_app_imports_no_map_and_exports_its_control() {
    let app = std::fs::read(localmap_tests::guest("sessions")).expect("a guest");
    let plugged = plug(&app, &localmap::Limits::default()).expect("it fits");
    let found = inspect(&plugged).expect("a component");
    assert!(
        found
            .imports
            .iter()
            .all(|import| import.name.starts_with("wasi:"))
    );
    assert!(
        found
            .exports
            .iter()
            .any(|export| export.name == localmap::names::CONTROL)
    );
    assert!(
        found
            .exports
            .iter()
            .any(|export| export.name.starts_with("wasi:cli/run@0.2."))
    );
}

/// An app can consist of parts that import different versions of the map.
#[test]
fn every_compatible_import_is_wired() {
    let app = wat::parse_str(
        r#"(component
            (import "localmap:core/local-map@0.1.0" (instance $a (export "len" (func (result u64)))))
            (import "localmap:core/local-map@0.1.7" (instance $b (export "len" (func (result u64)))))
            (export "a" (func $a "len"))
            (export "b" (func $b "len")))"#,
    )
    .expect("valid text");
    let plugged = plug(&app, &localmap::Limits::default()).expect("it fits");
    let found = inspect(&plugged).expect("a component");
    assert!(
        found
            .imports
            .iter()
            .all(|import| import.name.starts_with("wasi:"))
    );
}

/// Guests in Rust use `blocks` for `get` and `set`, and others do not need it.
#[test]
fn an_app_may_import_blocks_with_the_map_or_alone_or_not_at_all() {
    let blocks = r#"(import "localmap:core/blocks@0.1.0" (instance $blocks
        (type $block-8 (tuple u64 u64 u64 u64 u64 u64 u64 u64))
        (export "block" (type $block (eq $block-8)))
        (type $key' (record (field "length" u32) (field "bytes" $block)))
        (export "key" (type $key (eq $key')))
        (type $bytes' (record (field "length" u32) (field "blocks" (list $block)) (field "rest" $block)))
        (export "bytes" (type $bytes (eq $bytes')))
        (export "get" (func (param "key" $key) (result (option $bytes))))))"#;
    let map = r#"(import "localmap:core/local-map@0.1.0" (instance
        (export "len" (func (result u64)))))"#;
    for imports in [blocks, map, &[blocks, map].concat()] {
        let app = wat::parse_str(format!("(component {imports})")).expect("valid text");
        assert_eq!(inspect(&app).expect("a component").app, [], "{imports}");
        let plugged = plug(&app, &localmap::Limits::default()).expect("it fits");
        let found = inspect(&plugged).expect("a component");
        assert!(
            found
                .imports
                .iter()
                .all(|import| import.name.starts_with("wasi:")),
            "{imports}"
        );
    }
    let other = r#"(import "localmap:core/blocks@0.1.0" (instance
        (export "get" (func (param "key" string) (result bool)))))"#;
    let other = wat::parse_str(format!("(component {map} {other})")).expect("valid text");
    let reasons = inspect(&other).expect("a component").app;
    assert!(
        matches!(
            reasons.as_slice(),
            [localmap::Incompatibility::OtherTypes { name, .. }] if name == localmap::names::BLOCKS
        ),
        "{reasons:?}"
    );
}

/// A guest imports only the functions that it calls. This one calls `set` and `get_many`, but neither
/// `get` nor `apply`.
#[test]
fn what_a_guest_does_not_call_it_does_not_import() {
    let app = std::fs::read(localmap_tests::guest("limiter")).expect("a guest");
    let found = inspect(&app).expect("a component");
    let blocks = found
        .imports
        .iter()
        .find(|import| import.name == localmap::names::BLOCKS)
        .expect("it sets");
    assert_eq!(blocks.functions, ["set", "get-packed"]);
}
