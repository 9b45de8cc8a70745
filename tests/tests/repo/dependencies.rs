//! Checks dependencies: they have allowed licences, come only from crates.io, and each has one
//! version, except for those with a stated reason.
//!
//! The rules are in `deny.toml`, which cargo-deny uses too. These tests need only cargo. Only
//! cargo-deny can check advisories.

use localmap_tests::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::process::Command;
use std::str::SplitWhitespace;

/// The rules in `deny.toml`.
struct Rules {
    licences: Vec<String>,
    sources: Vec<String>,
    /// Crates that may have more than one version, and the reason.
    duplicates: Vec<(String, String)>,
}

impl Rules {
    fn read() -> Self {
        let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
        let rules: toml::Table = text.parse().expect("TOML");
        let list = |section: &str, field: &str| -> Vec<toml::Value> {
            rules[section][field].as_array().expect("a list").clone()
        };
        let text = |value: &toml::Value| value.as_str().expect("a text").to_owned();
        Self {
            licences: list("licenses", "allow").iter().map(text).collect(),
            sources: list("sources", "allow-registry").iter().map(text).collect(),
            duplicates: list("bans", "skip")
                .iter()
                .map(|skipped| (text(&skipped["crate"]), text(&skipped["reason"])))
                .collect(),
        }
    }
}

/// Returns all packages of the workspace and its dependencies, for this platform.
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

/// Returns `true` if these licences satisfy an SPDX expression.
fn allowed(expression: &str, licences: &[String]) -> bool {
    // The old spelling of `OR`.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut rest = Expression {
        words: spaced.split_whitespace().peekable(),
        licences,
    };
    rest.any() && rest.words.next().is_none()
}

/// The rest of an expression.
struct Expression<'a> {
    words: Peekable<SplitWhitespace<'a>>,
    licences: &'a [String],
}

impl Expression<'_> {
    fn any(&mut self) -> bool {
        let mut met = self.all();
        while self.words.next_if_eq(&"OR").is_some() {
            met |= self.all();
        }
        met
    }

    fn all(&mut self) -> bool {
        let mut met = self.one();
        while self.words.next_if_eq(&"AND").is_some() {
            met &= self.one();
        }
        met
    }

    fn one(&mut self) -> bool {
        match self.words.next() {
            Some("(") => self.any() && self.words.next() == Some(")"),
            Some(name) => {
                let mut name = name.to_owned();
                if self.words.next_if_eq(&"WITH").is_some() {
                    name = format!("{name} WITH {}", self.words.next().unwrap_or_default());
                }
                self.licences.contains(&name)
            }
            None => false,
        }
    }
}

#[test]
fn licence_expressions_are_parsed_correctly() {
    let licences = Rules::read().licences;
    for yes in [
        "MIT",
        "MIT/Apache-2.0",
        "Unlicense OR MIT",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        "(MIT OR GPL-2.0) AND Unicode-3.0",
    ] {
        assert!(allowed(yes, &licences), "{yes}");
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
        assert!(!allowed(no, &licences), "{no}");
    }
}

#[test]
fn licences() {
    let licences = Rules::read().licences;
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(
            allowed(licence, &licences),
            "{}: `{licence}`",
            package["id"]
        );
    }
}

#[test]
fn sources() {
    let sources = Rules::read().sources;
    for package in packages() {
        // Packages of the workspace have no source.
        let source = package["source"].as_str();
        let known = source.is_none_or(|source| {
            let registry = source.strip_prefix("registry+");
            registry.is_some_and(|registry| sources.iter().any(|known| known == registry))
        });
        assert!(known, "{}: {source:?}", package["id"]);
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
    let duplicates = Rules::read().duplicates;
    let expected: BTreeSet<&str> = duplicates.iter().map(|(name, _)| name.as_str()).collect();
    for (name, versions) in &versions {
        assert!(
            expected.contains(name.as_str()),
            "{name} is there as {versions:?}: bring them together, or say in deny.toml why not"
        );
    }
    for (name, reason) in &duplicates {
        assert!(!reason.is_empty(), "{name}");
    }
    // Other systems have fewer dependencies.
    if cfg!(target_os = "linux") {
        for name in expected {
            assert!(versions.contains_key(name), "{name} is one by now");
        }
    }
}
