//! Checks the published packages: thirteen crates, with the right files, and the WIT package.
//! `.ci/run` also builds the crates from their packages.

use localmap_tests::root;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use wit_parser::Resolve;

/// The published crates, each after its dependencies.
const PUBLISHED: [&str; 13] = [
    "localmap-engine",
    "localmap-packed",
    "localmap-client",
    "localmap",
    "localmap-schema",
    "localmap-telemetry",
    "localmap-mirror",
    "localmap-lease",
    "localmap-serve",
    "localmap-sidecar-proto",
    "localmap-sidecar-client",
    "localmap-sidecar",
    "localmap-cli",
];

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(root())
        .output()
        .expect("cargo");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--locked", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

#[test]
fn no_other_crate_is_published() {
    let published: BTreeSet<String> = packages()
        .iter()
        .filter(|package| package["publish"].is_null())
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(published, PUBLISHED.map(str::to_owned).into());
}

#[test]
fn published_crates_have_metadata() {
    for package in packages() {
        if !package["publish"].is_null() {
            continue;
        }
        for field in [
            "description",
            "license",
            "repository",
            "documentation",
            "rust_version",
        ] {
            let text = package[field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{}: {field}", package["name"]);
        }
        assert_eq!(package["readme"], "README.md", "{}", package["name"]);
        // The registry accepts at most five.
        for field in ["keywords", "categories"] {
            let entries = package[field].as_array().map_or(0, Vec::len);
            assert!((1..=5).contains(&entries), "{}: {field}", package["name"]);
        }
        // It depends only on our crates that are published before it, in their versions.
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let ours = dependency["path"].is_string() && dependency["kind"] != "dev";
            let name = dependency["name"].as_str().expect("a name");
            assert!(!ours || PUBLISHED.contains(&name), "{name}");
            let version = format!("^{}", package["version"].as_str().expect("a version"));
            assert!(
                !ours || dependency["req"] == version.as_str(),
                "{dependency}"
            );
        }
    }
}

#[test]
fn packages_contain_the_right_files() {
    for name in PUBLISHED {
        let listed = cargo(&["package", "--list", "--locked", "--allow-dirty", "-p", name]);
        let files: BTreeSet<&str> = listed.lines().collect();
        let (of_the_crate, folders): (&[&str], &[&str]) = match name {
            "localmap-engine" | "localmap-packed" => (&["src/lib.rs"], &["src/"]),
            "localmap-client" => (
                &[
                    "src/lib.rs",
                    "wit/local-map.wit",
                    "wit/blocks.wit",
                    "wit/mirror.wit",
                ],
                &["src/", "wit/"],
            ),
            "localmap" => (
                &[
                    "src/lib.rs",
                    "src/artifact/map.wasm",
                    "src/artifact/keyvalue.wasm",
                    "wit/local-map.wit",
                ],
                &["src/", "wit/", "examples/"],
            ),
            "localmap-schema" => (
                &["src/lib.rs", "schema/localmap-schema.json"],
                &["src/", "schema/"],
            ),
            "localmap-sidecar-proto" => (
                &["src/lib.rs", "proto/localmap/sidecar/v1/maps.proto"],
                &["src/", "proto/"],
            ),
            "localmap-sidecar" => (&["src/lib.rs"], &["src/", "examples/"]),
            "localmap-telemetry"
            | "localmap-mirror"
            | "localmap-lease"
            | "localmap-serve"
            | "localmap-sidecar-client" => (&["src/lib.rs"], &["src/", "examples/"]),
            _ => (&["src/main.rs"], &["src/", "tests/"]),
        };
        let of_all = [
            "Cargo.toml",
            "Cargo.lock",
            "README.md",
            "LICENSE-MIT",
            "LICENSE-APACHE",
        ];
        for file in of_all.iter().chain(of_the_crate) {
            assert!(files.contains(file), "{name} has no {file}");
        }
        for file in files {
            let known = of_all.contains(&file)
                || matches!(file, ".cargo_vcs_info.json" | "Cargo.toml.orig")
                || folders.iter().any(|folder| file.starts_with(folder));
            assert!(known, "{name} has {file}");
        }
    }
}

/// Without a build script, `cargo install` needs no other target.
#[test]
fn the_program_is_built_without_a_script() {
    for package in packages() {
        if !package["publish"].is_null() {
            continue;
        }
        for target in package["targets"].as_array().expect("targets") {
            let script = target["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "custom-build"));
            assert!(!script, "{}", target["src_path"]);
        }
    }
}

/// Encodes the package like `wasm-tools component wit wit --wasm`.
#[test]
fn the_wit_package_is_one() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).expect("WIT");
    let encoded = wit_component::encode(&resolve, package).expect("a package");
    let decoded = wit_component::decode(&encoded).expect("it can be read");
    let mut packages = decoded.resolve().packages.iter();
    let contract = packages.find(|(_, package)| package.name.name == "core");
    let (_, contract) = contract.expect("the contract");
    // The interfaces that the host looks for in guests.
    assert_eq!(
        contract.name.interface_id("local-map"),
        localmap::names::LOCAL_MAP
    );
    assert_eq!(
        contract.name.interface_id("control"),
        localmap::names::CONTROL
    );
}
