//! What `inspect` prints for components of all kinds.

use super::Folder;
use localmap_tests::snapshots;

#[test]
fn inspect_texts() {
    let folder = Folder::new()
        .embedded()
        .guests(&["sessions", "served", "kv-draft2"])
        .wat("empty.wasm", "(component)")
        .wat(
            "other.wasm",
            r#"(component
                (import "localmap:core/local-map@0.2.0" (instance))
                (import "localmap:core/control@0.1.0" (instance))
                (import "acme:thing/wheel@1.0.0" (instance
                    (export "turn" (func))
                    (export "stop" (func (result bool)))))
                (core module $bounded (memory (export "m") 2 3))
                (core module $open (memory 1))
                (core instance (instantiate $bounded))
                (core instance (instantiate $open)))"#,
        );
    snapshots("inspect", |snapshots| {
        for name in [
            "map",
            "keyvalue",
            "sessions",
            "served",
            "kv-draft2",
            "empty",
            "other",
        ] {
            let text = folder.shown(&format!("inspect {name}.wasm"));
            snapshots.check(&format!("{name}.txt"), &text);
        }
        for name in ["map", "other"] {
            let json = folder.shown(&format!("inspect --json {name}.wasm"));
            snapshots.check(&format!("{name}.json"), &json);
        }
    });
}
