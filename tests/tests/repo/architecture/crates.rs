//! The allowed dependencies between crates.

use localmap_tests::root;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Each crate of the workspace, and the workspace crates that it may depend on, including in its
/// tests and its build script. A crate may depend only on crates listed above it, so there is no
/// cycle.
const CRATES: [(&str, &[&str]); 46] = [
    // Crates that run in the sandbox.
    ("localmap-abi", &[]),
    ("localmap-engine", &[]),
    ("localmap-packed", &[]),
    (
        "localmap-map",
        &["localmap-abi", "localmap-engine", "localmap-packed"],
    ),
    ("localmap-keyvalue", &["localmap-abi"]),
    ("localmap-client", &["localmap-engine", "localmap-packed"]),
    ("sessions", &["localmap-client"]),
    ("limiter", &["localmap-client"]),
    ("dedupe", &["localmap-client"]),
    ("flags", &["localmap-client"]),
    ("http-limiter", &["localmap-client"]),
    ("http-feed", &["localmap-client"]),
    ("watchdog", &["localmap-client"]),
    ("quota", &["localmap-client"]),
    // The host. The library embeds the components, and does not depend on their crates.
    ("localmap", &["localmap-packed"]),
    // Only with its feature `map`: without it, it builds without Wasmtime.
    ("localmap-schema", &["localmap"]),
    ("localmap-telemetry", &["localmap"]),
    ("localmap-mirror", &["localmap"]),
    ("localmap-lease", &["localmap"]),
    (
        "localmap-serve",
        &[
            "localmap",
            "localmap-lease",
            "localmap-mirror",
            "localmap-telemetry",
        ],
    ),
    // Without the library: clients need neither maps nor Wasmtime.
    ("localmap-sidecar-proto", &[]),
    ("localmap-sidecar-client", &["localmap-sidecar-proto"]),
    (
        "localmap-sidecar",
        &[
            "localmap",
            "localmap-serve",
            "localmap-sidecar-proto",
            "localmap-telemetry",
        ],
    ),
    (
        "localmap-cli",
        &[
            "localmap",
            "localmap-lease",
            "localmap-mirror",
            "localmap-schema",
            "localmap-serve",
            "localmap-sidecar",
            "localmap-telemetry",
        ],
    ),
    // Tests and benchmarks, with their guests.
    ("localmap-guest-build", &[]),
    ("probe-guest", &["localmap-client"]),
    ("served", &["localmap-client"]),
    ("handled", &["localmap-client"]),
    ("waits", &["localmap-client"]),
    ("wasip3-command", &["localmap-client"]),
    ("wasip3-handler", &["localmap-client"]),
    ("wasip3-relay", &[]),
    ("keyvalue", &["localmap-client"]),
    ("outside", &[]),
    ("wasip3-outside", &["keyvalue", "outside"]),
    ("ways", &["localmap-client"]),
    (
        "localmap-tests",
        &[
            "localmap",
            "localmap-client",
            "localmap-engine",
            "localmap-guest-build",
            "localmap-lease",
            "localmap-mirror",
            "localmap-packed",
            "localmap-schema",
            "localmap-serve",
            "localmap-sidecar",
            "localmap-sidecar-client",
            "localmap-sidecar-proto",
            "localmap-telemetry",
        ],
    ),
    ("bench-loops", &[]),
    ("bench-boundary", &["bench-loops", "localmap-client"]),
    ("bench-counts", &["localmap-engine"]),
    ("bench-engine", &["bench-loops", "localmap-engine"]),
    ("bench-hello", &[]),
    ("bench-hello-03", &[]),
    ("bench-keyvalue", &["bench-loops"]),
    ("bench-instructions", &["localmap-engine"]),
    (
        "localmap-bench",
        &[
            "bench-loops",
            "localmap",
            "localmap-engine",
            "localmap-guest-build",
            "localmap-lease",
            "localmap-mirror",
            "localmap-sidecar-proto",
            "localmap-telemetry",
        ],
    ),
];

/// Returns each crate of the workspace, with the workspace crates that it depends on.
fn crates() -> BTreeMap<String, Vec<String>> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--no-deps"])
        .current_dir(root())
        .output()
        .expect("cargo");
    let errors = String::from_utf8_lossy(&metadata.stderr).into_owned();
    assert!(metadata.status.success(), "{errors}");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |package: &Value| package["name"].as_str().expect("a name").to_owned();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("a list");
            let ours = dependencies
                .iter()
                .filter(|other| other["path"].is_string());
            // A crate that depends on itself does so for its tests.
            let ours = ours.map(name).filter(|other| *other != name(package));
            (name(package), ours.collect())
        })
        .collect()
}

#[test]
fn each_crate_depends_only_on_allowed_crates() {
    let allowed = BTreeMap::from(CRATES);
    let found = crates();
    for (name, dependencies) in &found {
        let allowed = allowed
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} is not in the table: which crates may it know?"));
        for dependency in dependencies {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} may not depend on {dependency}"
            );
        }
    }
    for name in allowed.keys() {
        assert!(found.contains_key(*name), "{name} is no crate any more");
    }
}

#[test]
fn the_table_has_no_cycle() {
    for (at, (name, dependencies)) in CRATES.iter().enumerate() {
        for dependency in *dependencies {
            let above = CRATES[..at].iter().any(|(above, _)| above == dependency);
            assert!(above, "{name} stands above {dependency}");
        }
    }
}

#[test]
fn the_document_lists_all_crates() {
    let document = root().join("docs/architecture.md");
    let text = std::fs::read_to_string(document).expect("docs/architecture.md");
    let ours = CRATES
        .iter()
        .filter(|(name, _)| name.starts_with("localmap"));
    for (name, _) in ours {
        assert!(text.contains(&format!("| `{name}` |")), "{name}");
    }
}
