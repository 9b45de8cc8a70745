//! The allowed dependencies between folders of the library.

use super::paths::paths;
use localmap_tests::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The root modules of the library, and the modules that each may use. A module may use only
/// modules listed above it, so there is no cycle.
const FOLDERS: [(&str, &[&str]); 8] = [
    // Locks and threads, which unit tests replace.
    ("sync", &[]),
    // The names and types of the contract.
    ("contract", &[]),
    // The embedded components, and the values that are written into them.
    ("artifact", &["contract"]),
    // Composes components, without running them.
    ("compose", &["contract", "artifact"]),
    // Cancels everything that runs.
    ("cancel", &["contract", "sync"]),
    // Runs components, without composing them.
    ("runtime", &["contract", "artifact", "cancel", "sync"]),
    // Tracks tenants and their idle times, for any type of map.
    ("tenants", &[]),
    // Maps for apps in stores of an embedder.
    ("link", &["contract", "runtime", "sync"]),
];

/// The crates that only composition uses.
const OF_COMPOSE: [&str; 2] = ["wac_graph", "wasmparser"];

/// Each root module, with the root modules that its files use, and one file for each.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

fn uses() -> Uses {
    let mut uses = Uses::new();
    each_source(&mut |module, file, text| {
        let uses = uses.entry(module[0].to_owned()).or_default();
        for used in paths(text, module) {
            let used = used.first().cloned().unwrap_or_default();
            if used != module[0] {
                uses.insert(used, file.display().to_string());
            }
        }
    });
    uses
}

/// Calls with the module, the file and the text of each source of the library.
fn each_source(call: &mut impl FnMut(&[&str], &Path, &str)) {
    walk(&root().join("host/localmap/src"), &[], call);
}

fn walk(folder: &Path, module: &[&str], call: &mut impl FnMut(&[&str], &Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let module = [module, &[&name]].concat();
        if path.is_dir() {
            walk(&path, &module, call);
        } else if path.extension().is_some_and(|kind| kind == "rs") && module != ["lib"] {
            let text = fs::read_to_string(&path).expect("a source");
            call(&module, &path, &text);
        }
    }
}

/// Code must name modules, not the exports of `lib.rs`: otherwise this test could not see the
/// dependency.
#[test]
fn each_folder_uses_only_allowed_folders() {
    let allowed = BTreeMap::from(FOLDERS);
    let uses = uses();
    for (folder, used) in &uses {
        let allowed = allowed
            .get(folder.as_str())
            .unwrap_or_else(|| panic!("{folder} is not in the table: what may it use?"));
        for (other, file) in used {
            assert!(
                allowed.contains(&other.as_str()),
                "{folder} may not use {other}: {file}"
            );
        }
    }
    let there: BTreeSet<&str> = uses.keys().map(String::as_str).collect();
    assert_eq!(there, allowed.into_keys().collect());
}

#[test]
fn the_table_has_no_cycle() {
    for (at, (folder, used)) in FOLDERS.iter().enumerate() {
        for other in *used {
            let above = FOLDERS[..at].iter().any(|(above, _)| above == other);
            assert!(above, "{folder} stands above {other}");
        }
    }
}

#[test]
fn components_are_composed_in_one_folder() {
    let mut composes = false;
    each_source(&mut |module, file, text| {
        let used = OF_COMPOSE.into_iter().find(|name| text.contains(name));
        match used {
            Some(_) if module[0] == "compose" => composes = true,
            Some(name) => panic!("{} uses {name}", file.display()),
            None => {}
        }
    });
    assert!(composes);
}
