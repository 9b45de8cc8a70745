//! A guest prints the same on Wasmtime's own host of `wasi:keyvalue`.

use super::WAYS;
use super::embedded::command;
use localmap::wasmtime::Engine;
use localmap_tests::guest;
use wasmtime_wasi_keyvalue::WasiKeyValue;

/// Wasmtime's host has one bucket, whose name is empty.
#[test]
fn a_guest_prints_the_same_on_wasmtimes_own_host() {
    let args = ["story", "", "then", "get", "", "preset"];
    let guest = guest("kv-draft");
    let bytes = std::fs::read(&guest).expect("a guest");
    let (there, _) = command(&Engine::default(), &bytes, None, &args, |linker| {
        wasmtime_wasi_keyvalue::add_to_linker(linker, |app| {
            WasiKeyValue::new(&app.keyvalue, &mut app.table)
        })
    });
    assert!(there.lines().count() > 15, "{there}");
    for way in WAYS {
        let here = localmap_tests::localmap()
            .arg("run")
            .args(way)
            .args(["--bucket-entry", "/preset=5"])
            .arg(&guest)
            .args(args)
            .run()
            .ok();
        assert_eq!(here, there, "{way:?}");
    }
}
