//! Components that were built before the interface `changes` was added: `tests/data/contract-0.1.0`. An
//! app links to the maps of today, and a map works in the host of today.

use super::blocks::raw::{Compiled, Map};
use super::vectors::component::{Component, run_on};
use localmap::{
    Error, Host, HostOptions, Incompatibility, LocalMap, MapOptions, TenantClass, Tenants,
    TenantsOptions, Ttl, WatchError, inspect, names,
};
use localmap_tests::vectors;
use localmap_tests::{access_log, localmap, root};
use std::path::PathBuf;

/// More memory than a map with default limits needs.
const MEMORY: usize = 64 << 20;

fn file(name: &str) -> PathBuf {
    root().join("tests/data/contract-0.1.0").join(name)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(file(name)).expect("tests/data/contract-0.1.0")
}

fn host() -> Host {
    Host::with_component(&read("map.wasm"), &HostOptions::new()).expect("it fits")
}

/// Asserts that watching fails, and that the error names what is missing.
fn is_unsupported<R: std::fmt::Debug>(watched: Result<R, WatchError>) {
    let error = watched.expect_err("it tells no changes");
    assert!(matches!(error, WatchError::Unsupported), "{error:?}");
    assert!(error.to_string().contains(names::CHANGES), "{error}");
    assert!(matches!(Error::from(error), Error::Watch { .. }));
}

/// The files prove something only as long as they are older than the interface.
#[test]
fn they_do_not_know_the_interface() {
    let map = inspect(&read("map.wasm")).expect("a component");
    assert_eq!(map.provider, []);
    assert!(map.has_export(names::CONTROL) && !map.has_export(names::CHANGES));
    let app = inspect(&read("sessions.wasm")).expect("a component");
    assert_eq!(app.app, []);
    let imports = |name| app.imports.iter().any(|import| import.name == name);
    assert!(imports(names::LOCAL_MAP) && imports(names::BLOCKS));
}

#[test]
fn an_app_runs_plugged_and_linked_with_the_answers_of_its_time() {
    // From the table in `tests/data/README.md`.
    let expected = "lines=702 clients=56 sessions=86 peak=13 open=1\n";
    let log = access_log();
    for linked in [&[][..], &["--linked"]] {
        let run = localmap().args(["run", "--clock", "clf"]).args(linked);
        let run = run.arg(file("sessions.wasm")).args(["--idle", "30m"]);
        let printed = run.run_with(&log).ok();
        assert!(printed.ends_with(expected), "{linked:?}: {printed}");
    }
}

#[test]
fn a_plugged_app_tells_its_host_what_changes() {
    let plugged = localmap::plug(&read("sessions.wasm"), &localmap::Limits::default());
    let found = inspect(&plugged.expect("it fits")).expect("a component");
    assert!(found.has_export(names::CONTROL) && found.has_export(names::CHANGES));
}

#[test]
fn a_map_gives_the_answers_of_the_vectors() {
    let host = host();
    let files = vectors::files().expect("the folder of the vectors");
    run_on(files, || Component::new(&host));
}

#[test]
fn a_map_cannot_be_watched_and_goes_on() {
    let mut map: LocalMap = host().map(&MapOptions::new()).expect("a map");
    map.set(b"k", b"v", Ttl::Never).expect("room");
    for max_bytes in [0, 1000] {
        is_unsupported(map.watch(max_bytes));
    }
    is_unsupported(map.changes());
    is_unsupported(map.peek(&[b"k"]));
    is_unsupported(map.peek(&[]));
    assert_eq!(map.get(b"k").expect("live").as_deref(), Some(&b"v"[..]));
}

#[test]
fn the_map_of_a_tenant_cannot_be_watched() {
    let options = TenantsOptions::new().class(TenantClass::new("all"));
    let tenants = Tenants::new(&host(), options).expect("the options are in their range");
    let guard = tenants.checkout(b"a").expect("a map");
    let map = guard.shared().expect("one shard");
    is_unsupported(localmap::lock(&map).watch(1000));
    guard.set(b"k", b"v", Ttl::Never).expect("room");
}

/// A component that was composed with such a map has a `control`, and no more.
#[test]
fn a_control_without_the_interface_cannot_watch() {
    let compiled = Compiled::of_map(&file("map.wasm"), false).expect("it compiles");
    let mut map = Map::new(&compiled, MEMORY).expect("a map");
    map.with_control(|control, store| {
        is_unsupported(control.watch(&mut *store, 1000).expect("it can be called"));
        is_unsupported(control.changes(&mut *store).expect("it can be called"));
        is_unsupported(
            control
                .peek(&mut *store, &[b"k"])
                .expect("it can be called"),
        );
        assert_eq!(control.stats(store).expect("it can be called").entries, 0);
    });
}

#[test]
fn the_interface_is_not_for_apps() {
    let app = wat::parse_str(format!(
        r#"(component
            (import "{}" (instance (export "len" (func (result u64)))))
            (import "{}" (instance (export "watch" (func (param "max-bytes" u32) (result (result)))))))"#,
        names::LOCAL_MAP,
        names::CHANGES,
    ))
    .expect("valid text");
    let reasons = inspect(&app).expect("a component").app;
    let name = names::CHANGES.to_owned();
    assert!(
        matches!(&reasons[..], [Incompatibility::ImportsControl { name: found, .. }] if *found == name),
        "{reasons:?}"
    );
    assert!(localmap::plug(&app, &localmap::Limits::default()).is_err());
}

#[test]
fn an_app_that_exports_the_interface_gets_no_map() {
    let app = wat::parse_str(format!(
        r#"(component
            (import "{}" (instance $map (export "len" (func (result u64)))))
            (instance $changes (export "watch" (func $map "len")))
            (export "{}" (instance $changes)))"#,
        names::LOCAL_MAP,
        names::CHANGES,
    ))
    .expect("valid text");
    let error = localmap::plug(&app, &localmap::Limits::default()).expect_err("not its own");
    let text = std::error::Error::source(&error)
        .expect("a reason")
        .to_string();
    assert!(text.contains(names::CHANGES), "{text}");
}
