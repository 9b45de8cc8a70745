//! Which folder of the library, and of the command line, may use which.

use super::paths::paths;
use localmap_tests::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules at the root of a crate, and those that each may use. A module may only use what
/// stands above it, so that there is no circle.
type Folders = &'static [(&'static str, &'static [&'static str])];

/// The crates that have folders. In the others, files stand side by side.
const CRATES: [(&str, Folders); 2] = [("host/localmap", LIBRARY), ("host/cli", COMMAND_LINE)];

const COMMAND_LINE: Folders = &[
    ("exit_code", &[]),
    // Standard streams and statistics.
    ("terminal", &["exit_code"]),
    // How a guest is read or built.
    ("guest", &["terminal"]),
    // Time stamps, and the clock that they drive.
    ("replay", &["terminal"]),
    // What the operating system allows.
    ("machine", &[]),
    // Options that several commands share.
    ("args", &["guest", "machine", "replay"]),
    // Each command.
    (
        "commands",
        &[
            "args",
            "exit_code",
            "guest",
            "machine",
            "replay",
            "terminal",
        ],
    ),
];

const LIBRARY: Folders = &[
    // Locks and threads, which unit tests replace.
    ("sync", &[]),
    // The names and types of the contract.
    ("contract", &[]),
    // The components that are embedded, and what is written into them.
    ("artifact", &["contract"]),
    // Components are put together, without running any.
    ("compose", &["contract", "artifact"]),
    // What ends everything that runs.
    ("cancel", &["contract", "sync"]),
    // What tells the time of a map.
    ("clock", &["contract"]),
    // What a map has published, whatever a map is.
    ("snapshot", &["contract", "clock", "sync"]),
    // Components are run, without putting any together.
    (
        "runtime",
        &[
            "contract", "artifact", "cancel", "clock", "snapshot", "sync",
        ],
    ),
    // The maps of tenants, with their quotas.
    (
        "tenants",
        &["contract", "cancel", "clock", "runtime", "sync"],
    ),
    // Maps for apps in stores of an embedder.
    ("link", &["contract", "runtime", "sync"]),
];

/// What components are put together with, and nothing else is done with.
const OF_COMPOSE: &str = "wac_graph";

/// Each root module, and the root modules that its files use, with one file that does.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

fn uses(name: &str) -> Uses {
    let mut uses = Uses::new();
    each_source(name, &mut |module, file, text| {
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

/// Calls with the module, the file and the text of each source of a crate.
fn each_source(name: &str, call: &mut impl FnMut(&[&str], &Path, &str)) {
    walk(&root().join(name).join("src"), &[], call);
}

fn walk(folder: &Path, module: &[&str], call: &mut impl FnMut(&[&str], &Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let module = [module, &[&name]].concat();
        if path.is_dir() {
            // One without a file of its name is not a module, but has files to be copied.
            if !path.with_extension("rs").is_file() {
                continue;
            }
            walk(&path, &module, call);
        } else if path.extension().is_some_and(|kind| kind == "rs")
            && module != ["lib"]
            && module != ["main"]
        {
            let text = fs::read_to_string(&path).expect("a source");
            call(&module, &path, &text);
        }
    }
}

/// By the module that it is in, not by what `lib.rs` gives to users: else this would not see
/// where it comes from.
#[test]
fn each_folder_uses_what_it_may_and_nothing_else() {
    for (name, folders) in CRATES {
        let allowed: BTreeMap<&str, &[&str]> = folders.iter().copied().collect();
        let uses = uses(name);
        for (folder, used) in &uses {
            let allowed = allowed.get(folder.as_str()).unwrap_or_else(|| {
                panic!("{name}: {folder} is not in the table: what may it use?")
            });
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
}

#[test]
fn no_table_has_a_circle() {
    for (_, folders) in CRATES {
        for (at, (folder, used)) in folders.iter().enumerate() {
            for other in *used {
                let above = folders[..at].iter().any(|(above, _)| above == other);
                assert!(above, "{folder} stands above {other}");
            }
        }
    }
}

#[test]
fn components_are_put_together_in_one_folder() {
    let mut composes = false;
    each_source("host/localmap", &mut |module, file, text| {
        let uses = text.contains(OF_COMPOSE);
        assert!(!uses || module[0] == "compose", "{}", file.display());
        composes |= uses;
    });
    assert!(composes);
}
