//! What we depend on: under licences that let us, from crates.io alone, and each in one
//! version, but for those that say why.
//!
//! Cargo knows all of it, so that there is no tool to install.

use localmap_tests::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Those that ask for no more than that their text goes along.
const LICENCES: [&str; 8] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What is there in more than one version, and whose doing that is.
const DUPLICATES: [(&str, &str); 15] = [
    ("cpufeatures", "sha2 and chacha20, both of Wasmtime's"),
    (
        "embedded-io",
        "options of postcard, which Wasmtime does not use",
    ),
    ("fastrand", "wstd of the guest http-limiter has the old one"),
    ("hashbrown", "gimli of Wasmtime, and the rest"),
    (
        "io-lifetimes",
        "cap-primitives of wasmtime-wasi, and one below it",
    ),
    (
        "syn",
        "macros, of Wasmtime and of others; nothing that runs",
    ),
    ("thiserror", "wac-graph has the old one"),
    ("thiserror-impl", "wac-graph has the old one"),
    ("wasm-encoder", "Wasmtime, wit-bindgen and wac-graph, wat"),
    ("wasm-metadata", "Wasmtime, wit-bindgen and wac-graph"),
    ("wasmparser", "Wasmtime, wit-bindgen and wac-graph, wat"),
    (
        "winnow",
        "toml, which Wasmtime's cache reads its settings with",
    ),
    (
        "wit-bindgen",
        "wasip2, of guests that answer HTTP, has an old one",
    ),
    ("wit-component", "Wasmtime, wit-bindgen"),
    ("wit-parser", "Wasmtime, wit-bindgen"),
];

/// All packages of the workspace and below it, for this platform.
fn packages() -> Vec<Value> {
    let version = Command::new("rustc").arg("-vV").output().expect("rustc");
    let version = String::from_utf8(version.stdout).expect("text");
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("it knows for what it builds");
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", host])
        .current_dir(root())
        .output()
        .expect("cargo");
    let errors = String::from_utf8_lossy(&metadata.stderr).into_owned();
    assert!(metadata.status.success(), "{errors}");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// Whether an expression of SPDX can be met with `LICENCES`.
fn allowed(expression: &str) -> bool {
    // The old way to write `OR`.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let allowed = any(&mut words);
    allowed && words.next().is_none()
}

type Words<'a, 'b> = &'b mut std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: Words<'_, '_>) -> bool {
    let mut met = all(words);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words);
    }
    met
}

fn all(words: Words<'_, '_>) -> bool {
    let mut met = one(words);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words);
    }
    met
}

fn one(words: Words<'_, '_>) -> bool {
    match words.next() {
        Some("(") => any(words) && words.next() == Some(")"),
        Some(name) => {
            let mut name = name.to_owned();
            if words.next_if_eq(&"WITH").is_some() {
                name = format!("{name} WITH {}", words.next().unwrap_or_default());
            }
            LICENCES.contains(&name.as_str())
        }
        None => false,
    }
}

#[test]
fn licences_are_read_as_they_are_meant() {
    for yes in [
        "MIT",
        "MIT/Apache-2.0",
        "Unlicense OR MIT",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        "(MIT OR GPL-2.0) AND Unicode-3.0",
    ] {
        assert!(allowed(yes), "{yes}");
    }
    for no in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT WITH something",
        "(MIT OR Zlib) AND (GPL-3.0 OR AGPL-3.0)",
        "(MIT",
        "MIT Zlib",
    ] {
        assert!(!allowed(no), "{no}");
    }
}

#[test]
fn licences() {
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(allowed(licence), "{}: `{licence}`", package["id"]);
    }
}

#[test]
fn sources() {
    for package in packages() {
        // Those of the workspace have none.
        let source = package["source"].as_str();
        assert!(
            matches!(source, None | Some(SOURCE)),
            "{}: {source:?}",
            package["id"]
        );
        if source.is_none() {
            let manifest = package["manifest_path"].as_str().unwrap_or_default();
            let root = root().canonicalize().expect("it is there");
            assert!(
                std::path::Path::new(manifest).starts_with(root),
                "{manifest}"
            );
        }
    }
}

#[test]
fn duplicates() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let text = |field: &str| package[field].as_str().expect("text").to_owned();
        versions
            .entry(text("name"))
            .or_default()
            .insert(text("version"));
    }
    versions.retain(|_, versions| versions.len() > 1);
    let expected: BTreeSet<&str> = DUPLICATES.iter().map(|(name, _)| *name).collect();
    for (name, versions) in &versions {
        assert!(
            expected.contains(name.as_str()),
            "{name} is there as {versions:?}: bring them together, or say here why not"
        );
    }
    // Other systems need fewer.
    if cfg!(target_os = "linux") {
        for name in expected {
            assert!(versions.contains_key(name), "{name} is one by now");
        }
    }
}
