//! What we depend on: under licences that let us, from crates.io alone, and each in one
//! version, but for those that say why.
//!
//! `deny.toml` has the rules, for cargo-deny as well. Cargo knows what there is, so that these
//! tests need no tool; advisories are what only cargo-deny can look up.

use localmap_tests::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::process::Command;
use std::str::SplitWhitespace;

/// What `deny.toml` says, which cargo-deny reads too.
struct Rules {
    licences: Vec<String>,
    sources: Vec<String>,
    /// What may be there in more than one version, and whose doing that is.
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

/// Whether an expression of SPDX can be met with these licences.
fn allowed(expression: &str, licences: &[String]) -> bool {
    // The old way to write `OR`.
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

/// What is left of one.
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
fn licences_are_read_as_they_are_meant() {
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
        // Those of the workspace have none.
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
    // Other systems need fewer.
    if cfg!(target_os = "linux") {
        for name in expected {
            assert!(versions.contains_key(name), "{name} is one by now");
        }
    }
}
