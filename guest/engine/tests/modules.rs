//! Tests that the dependencies between the modules of the engine point one way, as in the crate
//! docs.

#![cfg(not(miri))]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The level of each module. A module uses only modules of lower levels, and modules of the same
/// level do not use each other.
const LEVELS: [(&str, u32); 19] = [
    ("error", 0),
    ("layout", 0),
    ("copy", 0),
    ("clock", 0),
    ("list", 0),
    ("key", 0),
    ("address", 1),
    ("limits", 1),
    ("hash", 1),
    ("changes", 2),
    ("entry", 2),
    ("blocks", 3),
    ("slot", 3),
    ("arena", 4),
    ("value", 5),
    ("index", 6),
    ("wheel", 6),
    ("eviction", 6),
    ("map", 7),
];

/// Ways of naming a module that [`uses`] does not follow. No source may contain them.
const NOT_FOLLOWED: [&str; 5] = [
    "crate::{",
    "crate::*",
    "super::super",
    "super::{self",
    "self::super",
];

/// Collects the modules that the files of a folder use. `module` is that of the folder, or `None`
/// for the root, whose files may also name other modules through `super`.
fn uses(folder: &Path, module: Option<&str>, found: &mut Vec<(String, String)>) {
    for file in fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let of = module.unwrap_or(&name);
        if path.is_dir() {
            uses(&path, Some(of), found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("text");
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for way in NOT_FOLLOWED {
                assert!(!line.contains(way), "{}: {line}", path.display());
            }
            let from_root = line.split("crate::").skip(1).map(first_name);
            // Except for the tests of a module, in which `super` is the module itself.
            let from_super = line.split("super::").skip(1).map(first_name);
            let from_super = from_super.filter(|used| module.is_none() && is_module(used));
            for used in from_root.chain(from_super).filter(|used| !used.is_empty()) {
                found.push((of.to_owned(), used.to_owned()));
            }
        }
    }
}

/// Returns the first name of a path, if it can be a module.
fn first_name(rest: &str) -> &str {
    let end = rest.find(|c: char| !c.is_ascii_lowercase());
    &rest[..end.unwrap_or(rest.len())]
}

fn is_module(name: &str) -> bool {
    LEVELS.iter().any(|(module, _)| *module == name)
}

#[test]
fn arrows_between_modules_go_one_way() {
    let levels = BTreeMap::from(LEVELS);
    let mut found = Vec::new();
    uses(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        None,
        &mut found,
    );
    found.retain(|(module, used)| module != used && module != "lib");
    assert!(found.len() > 40, "{found:?}");
    for (module, used) in found {
        let level = |name: &str| *levels.get(name).unwrap_or_else(|| panic!("`{name}`"));
        assert!(level(&used) < level(&module), "`{module}` uses `{used}`");
    }
}
