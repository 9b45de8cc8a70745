//! A guest says the same on the host of `wasi:keyvalue` that Wasmtime has.

use super::WAYS;
use super::embedded::command;
use localmap::wasmtime::Engine;
use localmap_tests::guest;
use wasmtime_wasi_keyvalue::WasiKeyValue;

/// It knows one bucket, the name of which is empty.
#[test]
fn a_guest_says_the_same_on_wasmtimes_own_host() {
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
