//! Which hosts take a guest that reads mirrors, and what the others say.

use super::relay;
use localmap::wasmtime::component::Linker;
use localmap::{Incompatibility, inspect, missing_imports, names};
use localmap_mirror::Mirrors;
use localmap_serve::{Sandbox, SandboxConfig};
use localmap_sidecar::{GuestError, Guests, GuestsOptions};

/// The types of `status`, with another one in place of its revision.
fn importing(name: &str, revision: &str) -> Vec<u8> {
    let text = format!(
        r#"(component (import "{name}" (instance
            (type $state' (enum "starting" "listing" "live" "reconnecting" "does-not-fit"
                "other-cluster" "ended"))
            (export "state" (type $state (eq $state')))
            (type $status' (record (field "state" $state) (field "revision" {revision})
                (field "age" (option u64)) (field "entries" u64) (field "omitted" u64)))
            (export "mirror-status" (type $status (eq $status')))
            (type $reason' (enum "empty-key" "key-too-long" "not-utf8" "value-too-large"))
            (export "omitted-reason" (type $reason (eq $reason')))
            (type $omitted' (record (field "index" u32) (field "reason" $reason)))
            (export "omitted" (type $omitted (eq $omitted')))
            (type $error' (variant (case "unknown-mirror") (case "not-ready") (case "too-stale" u64)
                (case "omitted" $omitted) (case "does-not-fit") (case "other-cluster") (case "ended")))
            (export "error" (type $error (eq $error')))
            (export "status" (func (param "mirror" string)
                (result (result $status (error $error))))))))"#
    );
    wat::parse_str(text).expect("a component")
}

const OPTION: &str = "(option u64)";

fn linker() -> Linker<Mirrors> {
    relay::linker(&SandboxConfig::new().engine().expect("an engine"))
}

#[test]
fn a_linker_without_mirrors_lacks_them_and_says_what_has_them() {
    let guest = importing(names::MIRROR, OPTION);
    let missing = missing_imports(&guest, &linker()).expect("a component");
    assert_eq!(missing, []);

    let mut linker = Linker::<Sandbox<()>>::new(&SandboxConfig::new().engine().expect("an engine"));
    Sandbox::add_to_linker_async(&mut linker).expect("it is empty");
    let missing = missing_imports(&guest, &linker).expect("a component");
    let [missing] = &missing[..] else {
        panic!("{missing:?}");
    };
    let text = missing.to_string();
    assert!(
        text.contains("`localmap serve --mirror NAME=etcd://"),
        "{text}"
    );
    localmap_mirror::add_to_linker(&mut linker, Sandbox::mirrors).expect("it is free");
    assert_eq!(missing_imports(&guest, &linker).expect("a component"), []);
}

#[test]
fn another_version_and_other_types_are_refused() {
    let other = names::MIRROR.replace("0.1.0", "0.2.0");
    let guest = importing(&other, OPTION);
    assert_eq!(
        inspect(&guest).expect("a component").mirror_import(),
        Some(other.as_str())
    );
    let missing = missing_imports(&guest, &linker()).expect("a component");
    let [missing @ Incompatibility::MissingImport { .. }] = &missing[..] else {
        panic!("{missing:?}");
    };
    let text = missing.to_string();
    assert!(
        text.contains(names::MIRROR) && !text.contains("--mirror"),
        "{text}"
    );

    let guest = importing(names::MIRROR, "u64");
    let missing = missing_imports(&guest, &linker()).expect("a component");
    assert!(
        matches!(missing[..], [Incompatibility::OtherImport { .. }]),
        "{missing:?}"
    );
}

#[test]
fn a_sidecar_has_no_mirrors_for_its_guests() {
    let mut guests = Guests::new(GuestsOptions::new());
    let error = guests
        .add("reads", &relay::handler())
        .expect_err("it reads a mirror");
    assert!(matches!(error, GuestError::Imports { .. }));
    assert!(
        error.to_string().contains("`localmap serve --mirror"),
        "{error}"
    );
}

/// The result imports what the app has imported, apart from the map.
#[test]
fn a_guest_that_reads_mirrors_can_be_plugged_for_a_host_that_has_them() {
    let flags = std::fs::read(localmap_tests::guest("flags")).expect("it is built");
    let plugged = localmap::plug(&flags, &localmap::Limits::default()).expect("it fits");
    let found = inspect(&plugged).expect("a component");
    assert_eq!(found.mirror_import(), Some(names::MIRROR));
    assert!(found.has_export(names::CONTROL));
}
