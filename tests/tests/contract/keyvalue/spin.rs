//! Guests that were built against Spin's form of the second draft.

use super::run;
use localmap_tests::{guest, localmap};

#[test]
fn a_guest_gets_the_form_of_batch_that_it_imports() {
    let options = ["--bucket-entry", "b/there=5"];
    for way in super::WAYS {
        let printed = run(way, &options, "kv-spin", "b k there k none").ok();
        assert_eq!(
            printed,
            "k=\"set\" there=\"5\" k=\"set\" none=none\nk=none there=\"5\" k=none none=none\n",
            "{way:?}"
        );
    }
}

#[test]
fn its_batches_have_the_bounds_of_the_published_form() {
    let long = format!("b {}", "k".repeat(256));
    let finished = run(&[], &[], "kv-spin", &long);
    finished.refused(&["256 bytes: shorten it to 255"]);
}

#[test]
fn inspect_and_plug_take_it() {
    let file = guest("kv-spin");
    let text = localmap().arg("inspect").arg(&file).run().ok();
    assert!(
        text.contains("  wasi:keyvalue 0.2.0-draft2: served by the map\n"),
        "{text}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let plugged = folder.path().join("plugged.wasm");
    localmap()
        .arg("plug")
        .arg(&file)
        .arg("-o")
        .arg(&plugged)
        .run()
        .ok();
    let printed = localmap().arg("run").arg(&plugged).args(["b", "k"]).run();
    assert_eq!(printed.ok(), "k=\"set\"\nk=none\n");
}

/// The other form of a name is not a way around the comparison of types.
#[test]
fn other_types_are_still_refused() {
    let app = r#"(component
        (import "wasi:keyvalue/store@0.2.0-draft2" (instance $store
            (export "bucket" (type (sub resource)))))
        (alias export $store "bucket" (type $bucket))
        (import "wasi:keyvalue/batch@0.2.0-draft2" (instance
            (alias outer 1 $bucket (type $b))
            (export "bucket" (type $own (eq $b)))
            (export "get-many" (func
                (param "bucket" (borrow $own)) (param "keys" (list string))
                (result (list string)))))))"#;
    let app = wat::parse_str(app).expect("valid text");
    let found = localmap::inspect(&app).expect("a component");
    let reasons: Vec<String> = found.app.iter().map(ToString::to_string).collect();
    let [reason] = reasons.as_slice() else {
        panic!("{reasons:?}");
    };
    assert!(reason.contains("wasi:keyvalue/batch@0.2.0-draft2") && reason.contains("get-many"));
}
